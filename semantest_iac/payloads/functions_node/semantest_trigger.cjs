'use strict'
// Translates between Azure's HTTP trigger and API Gateway's payload format 2.0, so that one handler runs on both.

const { isUtf8 } = require('node:buffer')

const TEXT_TYPES = ['text/', 'application/json', 'application/xml', 'application/javascript']
const LONGEST_ANSWER_S = 230 // Azure's load balancer waits no longer
const COOKIE_ATTRIBUTES = {
  domain: (value) => ({ domain: value }),
  path: (value) => ({ path: value }),
  expires: (value) => ({ expires: new Date(value) }),
  'max-age': (value) => ({ maxAge: Number(value) }),
  secure: () => ({ secure: true }),
  httponly: () => ({ httpOnly: true }),
  samesite: (value) => ({ sameSite: value }),
}

/** Build the event of a request; `hops` is the number of our gateways between client and App Service. */
async function buildEvent(request, context, hops = 0) {
  const { pathname, search, host, searchParams } = new URL(request.url)
  const { cookie, ...headers } = Object.fromEntries(request.headers)
  const sourceIp = takeClientAddress(headers, hops)
  const [path, query, body] = [decodePath(pathname), joinValues(searchParams), Buffer.from(await request.arrayBuffer())]
  const isText = body.length === 0 || (isTextType(headers['content-type']) && isUtf8(body))
  return {
    version: '2.0', routeKey: '$default', rawPath: path, rawQueryString: search.slice(1), headers,
    ...(cookie && { cookies: cookie.split(';').map((part) => part.trim()) }),
    ...(Object.keys(query).length && { queryStringParameters: query }),
    requestContext: {
      accountId: 'azure', apiId: context.functionName, domainName: host, domainPrefix: host.split('.')[0],
      http: { method: request.method, path, protocol: 'HTTP/1.1', sourceIp, userAgent: headers['user-agent'] ?? '' },
      requestId: context.invocationId, routeKey: '$default', stage: '$default', timeEpoch: Date.now(),
    },
    ...(body.length && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: !isText,
  }
}

/**
 * Find the client's address without the port that App Service adds, and drop our gateways from the header.
 * Earlier entries are claims of the client.
 */
function takeClientAddress(headers, hops) {
  const entries = (headers['x-forwarded-for'] ?? '').split(',').map((entry) => entry.trim())
  entries.splice(Math.max(1, entries.length - hops))
  const client = entries.pop().replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
  if (client) headers['x-forwarded-for'] = [...entries, client].join(', ')
  return client
}

function decodePath(path) {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function joinValues(pairs) {
  const values = {}
  for (const [name, value] of pairs) values[name] = name in values ? `${values[name]},${value}` : value
  return values
}

function isTextType(type) {
  return TEXT_TYPES.some((start) => (type ?? 'application/json').toLowerCase().startsWith(start))
}

/** Build the response that API Gateway would send for a result. */
function buildResponse(result) {
  if (result?.statusCode === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result ?? null)
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  }
  const headers = new Headers({ 'content-type': 'text/plain;charset=UTF-8' })
  for (const [name, value] of Object.entries(result.headers ?? {})) headers.set(name, String(value))
  headers.delete('content-length')
  const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8')
  return { status: Number(result.statusCode), headers, cookies: (result.cookies ?? []).map(parseCookie), body }
}

/** Parse a cookie into the object that the host expects; its value is decoded, because the host encodes it. */
function parseCookie(text) {
  const [pair, ...attributes] = text.split(';')
  const [name, value] = splitPair(pair)
  const known = attributes.map(splitPair).map(([key, given]) => COOKIE_ATTRIBUTES[key.toLowerCase()]?.(given))
  return Object.assign({ name, value: decodePath(value) }, ...known)
}

function splitPair(text) {
  const at = text.indexOf('=')
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

/** Build the part of Lambda's context that handlers use. */
function buildContext(context) {
  const end = Date.now() + LONGEST_ANSWER_S * 1000
  return {
    awsRequestId: context.invocationId,
    functionName: context.functionName,
    getRemainingTimeInMillis: () => Math.max(0, end - Date.now()),
  }
}

module.exports = { buildContext, buildEvent, buildResponse }
