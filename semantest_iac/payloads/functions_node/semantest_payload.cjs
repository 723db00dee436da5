'use strict'
// Translates events and results between API Gateway's payload formats 2.0 and 1.0, for handlers written for the latter.
//
// Azure's host has joined repeated headers before, so each list of headers has one value.

const EMPTY_IDENTITY = [
  'accessKey', 'accountId', 'caller', 'cognitoAuthenticationProvider', 'cognitoAuthenticationType',
  'cognitoIdentityId', 'cognitoIdentityPoolId', 'principalOrgId', 'user', 'userArn',
]
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Build the event of format 1.0 from one of format 2.0 and the path as it was sent, still encoded.
 * Of repeated parameters, one value is the last.
 */
function buildEventOfFormat1(event, path) {
  const { requestContext: { http, timeEpoch, ...context }, routeKey, cookies } = event
  const headers = { ...event.headers, ...(cookies && { cookie: cookies.join('; ') }) }
  const query = groupValues(new URLSearchParams(event.rawQueryString))
  const resource = routeKey.split(' ')[1] ?? routeKey
  const caller = { sourceIp: http.sourceIp, userAgent: http.userAgent }
  const identity = { ...Object.fromEntries(EMPTY_IDENTITY.map((name) => [name, null])), ...caller }
  return {
    version: '1.0', resource, path, httpMethod: http.method, headers: readInAnyCase(headers),
    multiValueHeaders: readInAnyCase(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))),
    queryStringParameters: mapValues(query, (values) => values.at(-1)),
    multiValueQueryStringParameters: mapValues(query, (values) => values),
    requestContext: {
      accountId: context.accountId, apiId: context.apiId, authorizer: { claims: null, scopes: null },
      domainName: context.domainName, domainPrefix: context.domainPrefix, extendedRequestId: context.requestId,
      httpMethod: http.method, identity, path: event.rawPath, protocol: http.protocol, requestId: context.requestId,
      requestTime: formatTime(new Date(timeEpoch)), requestTimeEpoch: timeEpoch, resourceId: routeKey,
      resourcePath: resource, stage: context.stage,
    },
    pathParameters: event.pathParameters ?? null, stageVariables: null,
    body: event.body ?? null, isBase64Encoded: event.isBase64Encoded,
  }
}

/** Turn a result of format 1.0 into one of format 2.0; throws if it has no status code, which format 1.0 requires. */
function buildResultOfFormat2(result) {
  if (result?.statusCode === undefined) throw new Error('A result of payload format 1.0 must have a statusCode.')
  const { multiValueHeaders, ...rest } = result
  const headers = new Map(Object.entries(result.headers ?? {}).map(([name, value]) => [name.toLowerCase(), [value]]))
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    if (!Array.isArray(values)) throw new Error(`multiValueHeaders.${name} must be a list.`)
    const before = headers.get(name.toLowerCase()) ?? []
    headers.set(name.toLowerCase(), [...before.filter((value) => !values.includes(value)), ...values])
  }
  const cookies = headers.get('set-cookie') ?? []
  headers.delete('set-cookie')
  return { ...rest, headers: Object.fromEntries([...headers].map(([name, values]) => [name, values.join(', ')])), cookies }
}

/** Let a handler find headers in any case: Azure's host made their names lower, and format 1.0 keeps them as sent. */
function readInAnyCase(headers) {
  const find = (target, name) => (typeof name === 'string' && !(name in target) ? name.toLowerCase() : name)
  return new Proxy(headers, {
    get: (target, name) => target[find(target, name)],
    has: (target, name) => find(target, name) in target,
  })
}

function groupValues(pairs) {
  const groups = new Map()
  for (const [name, value] of pairs) groups.set(name, [...(groups.get(name) ?? []), value])
  return groups
}

function mapValues(groups, choose) {
  return groups.size ? Object.fromEntries([...groups].map(([name, values]) => [name, choose(values)])) : null
}

function formatTime(time) {
  const [day, clock] = [time.toISOString().slice(8, 10), time.toISOString().slice(11, 19)]
  return `${day}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock} +0000`
}

module.exports = { buildEventOfFormat1, buildResultOfFormat2 }
