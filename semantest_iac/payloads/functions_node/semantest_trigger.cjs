'use strict'
// Translates between Azure's HTTP trigger and API Gateway's payload format 2.0, so that one handler runs on both.

const { isUtf8 } = require('node:buffer')

const [MAIN, EVERY_PATH] = ['semantest', '{*path}']
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const TEXT_TYPES = ['text/', 'application/json', 'application/xml', 'application/javascript']
const RETRY_AFTER_S = 10
const LONGEST_ANSWER_S = 230 // Azure's load balancer waits no longer
const ENCODED_BYTES = /(?:%[0-9a-fA-F]{2})+/g
const COOKIE_ATTRIBUTES = new Map([ // the host knows no others, such as Partitioned, and fails on a negative age
  ['domain', (value) => ({ domain: value })],
  ['path', (value) => ({ path: value })],
  ['expires', (value) => (Number.isNaN(Date.parse(value)) ? {} : { expires: new Date(value) })],
  ['max-age', (value) => (/^-?\d+$/.test(value) ? { maxAge: Math.max(0, Number(value)) } : {})],
  ['secure', () => ({ secure: true })],
  ['httponly', () => ({ httpOnly: true })],
  ['samesite', (value) => ({ sameSite: value })],
])

/** Build the refusal of a request that came before the app can read its secrets. */
function buildUnavailableResponse(settings) {
  const reason = `Key Vault has not given these settings yet: ${settings.join(', ')}`
  console.log(JSON.stringify({ event: 'unavailable', reason }))
  const headers = { 'retry-after': String(RETRY_AFTER_S) }
  return { status: 503, headers, jsonBody: { message: 'Service Unavailable', reason } }
}

/** Make Request, with which Azure's library receives requests, take headers beyond latin1 as their UTF-8 bytes. */
function acceptHeadersInUtf8() {
  const Native = globalThis.Request
  globalThis.Request = class Request extends Native {
    constructor(input, init) {
      const isPlain = init?.headers && Object.getPrototypeOf(init.headers) === Object.prototype
      super(input, isPlain ? { ...init, headers: bytesOfAll(init.headers) } : init)
    }
  }
}

function bytesOfAll(headers) {
  const isWide = (value) => [...String(value)].some((sign) => sign.codePointAt(0) > 0xff)
  const bytes = (value) => (isWide(value) ? Buffer.from(value, 'utf8').toString('latin1') : value)
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, bytes(value)]))
}

function textOf(bytes) {
  const buffer = Buffer.from(bytes, 'latin1')
  return isUtf8(buffer) ? buffer.toString('utf8') : bytes
}

/** Build the event of a request; `hops` is the number of our gateways between client and App Service. */
async function buildEvent(request, context, hops = 0, routeKeys = []) {
  const { pathname, search, host: ownHost, searchParams } = new URL(request.url)
  const { cookie, ...headers } = Object.fromEntries([...request.headers].map(([name, value]) => [name, textOf(value)]))
  const host = takeHost(headers, hops) || ownHost
  headers.host = host
  const sourceIp = takeClientAddress(headers, hops)
  const [path, query, body] = [decodePath(pathname), joinValues(searchParams), Buffer.from(await request.arrayBuffer())]
  const [routeKey, parameters] = matchEventRoute(routeKeys, request.method, pathname)
  const isText = body.length === 0 || (isTextType(headers['content-type']) && isUtf8(body))
  return {
    version: '2.0', routeKey, rawPath: path, rawQueryString: search.slice(1), headers,
    ...(cookie && { cookies: cookie.split(';').map((part) => part.trim()) }),
    ...(Object.keys(query).length && { queryStringParameters: query }),
    requestContext: {
      accountId: 'azure', apiId: context.functionName, domainName: host, domainPrefix: host.split('.')[0],
      http: { method: request.method, path, protocol: 'HTTP/1.1', sourceIp, userAgent: headers['user-agent'] ?? '' },
      requestId: context.invocationId, routeKey, stage: '$default', timeEpoch: Date.now(),
    },
    ...(Object.keys(parameters).length && { pathParameters: parameters }),
    ...(body.length && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: !isText,
  }
}

/**
 * List the triggers of an app: one for every path, or of several functions one for each of their paths.
 * The host may try routes in any order, so each trigger may get requests that are those of another function.
 */
function listTriggers(routes) {
  if (Array.isArray(routes)) return [{ name: MAIN, route: EVERY_PATH, methods: METHODS }]
  const taken = new Set(Object.values(routes).flat())
  return Object.entries(routes).flatMap(([name, keys]) => {
    const paths = [...new Set(keys.map((key) => key.split(' ')[1]))]
    return paths.map((path, index) => ({
      name: (name || MAIN) + (index ? `_${index + 1}` : ''),
      route: routeTemplate(path),
      methods: METHODS.filter((method) => {
        const key = `${method} ${path}`
        return keys.includes(key) || (keys.includes(`ANY ${path}`) && !taken.has(key))
      }),
    })).filter(({ methods }) => methods.length > 0)
  })
}

/** Build ASP.NET's template; for the root the one of every path, because an empty one means the function's name. */
function routeTemplate(path) {
  return path.slice(1).replace(/\{(\w+)\+\}$/, '{*$1}') || EVERY_PATH
}

/** Find the most specific route of an encoded path, as API Gateway does, with its path parameters. */
function matchEventRoute(routeKeys, method, path) {
  const segments = path.split('/').filter(Boolean)
  const found = routeKeys.flatMap((key) => {
    const [wanted, template] = key.split(' ')
    const parts = template.split('/').filter(Boolean)
    const parameters = wanted === method || wanted === 'ANY' ? matchRouteSegments(parts, segments) : null
    return parameters ? [{ key, parameters, rank: [...parts.map(segmentRank), wanted === 'ANY' ? 1 : 0] }] : []
  })
  const [best] = found.sort((one, other) => compareRanks(one.rank, other.rank))
  return best ? [best.key, best.parameters] : ['$default', {}]
}

function matchRouteSegments(parts, segments) {
  const parameters = new Map()
  for (const [index, part] of parts.entries()) {
    const [rank, name] = [segmentRank(part), part.replace(/[{+}]/g, '')]
    if (index >= segments.length || (rank === 0 && decodePath(segments[index]) !== part)) return null
    if (rank > 0) parameters.set(name, decodePath(rank === 2 ? segments.slice(index).join('/') : segments[index]))
    if (rank === 2) return Object.fromEntries(parameters)
  }
  return parts.length === segments.length ? Object.fromEntries(parameters) : null
}

/** Rank a literal before a parameter, and a parameter before one that takes the rest. */
function segmentRank(part) {
  if (!part.startsWith('{')) return 0
  return part.endsWith('+}') ? 2 : 1
}

function compareRanks(one, other) {
  const at = one.findIndex((rank, index) => rank !== other[index])
  return at < 0 ? 0 : one[at] - (other[at] ?? 0)
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

/** Take the host that the client used from the header of our gateway; only that one is believed. */
function takeHost(headers, hops) {
  const host = hops > 0 ? headers['x-forwarded-host'] : ''
  if (hops > 0) delete headers['x-forwarded-host']
  return host
}

/** Decode what is UTF-8, and keep the rest: the host sends `100%25ab` as `100%ab`. */
function decodePath(path) {
  return path.replace(ENCODED_BYTES, (encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })
}

/** Join repeated names; a name such as `constructor` or `__proto__` is one like any other. */
function joinValues(pairs) {
  const values = new Map()
  for (const [name, value] of pairs) values.set(name, values.has(name) ? `${values.get(name)},${value}` : value)
  return Object.fromEntries(values)
}

function isTextType(type) {
  return TEXT_TYPES.some((start) => (type ?? '').toLowerCase().startsWith(start))
}

/** Build the response that API Gateway would send for a result; one to HEAD keeps the length that it gives. */
function buildResponse(result, method = 'GET') {
  if (result?.statusCode === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result ?? null)
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  }
  const headers = new Headers({ 'content-type': 'text/plain;charset=UTF-8' })
  for (const [name, value] of Object.entries(result.headers ?? {})) headers.set(name, String(value))
  const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8')
  if (method !== 'HEAD' || body.length) headers.delete('content-length')
  return { status: Number(result.statusCode), headers, cookies: (result.cookies ?? []).map(parseCookie), body }
}

/** Parse a cookie into the object that the host expects; its value is decoded, because the host encodes it. */
function parseCookie(text) {
  const [pair, ...attributes] = text.split(';')
  const [name, value] = splitPair(pair)
  const known = attributes.map(splitPair).map(([key, given]) => COOKIE_ATTRIBUTES.get(key.toLowerCase())?.(given))
  return Object.assign({ name, value: decodePath(value) }, ...known)
}

function splitPair(text) {
  const at = text.indexOf('=')
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

/** Build the part of Lambda's context that handlers use. */
function buildContext(context, timeoutMs = LONGEST_ANSWER_S * 1000) {
  const end = Date.now() + timeoutMs
  return {
    awsRequestId: context.invocationId,
    functionName: context.functionName,
    getRemainingTimeInMillis: () => Math.max(0, end - Date.now()),
  }
}

module.exports = {
  acceptHeadersInUtf8, buildContext, buildEvent, buildResponse, buildUnavailableResponse,
  listTriggers,
}
