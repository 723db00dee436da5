'use strict'
// Translates Web PubSub's events into those of API Gateway's WebSocket APIs, so that one handler runs on both clouds.
//
// Source: Azure's documentation of CloudEvents for Web PubSub's event handlers; the developer guide of API Gateway.

const { isUtf8 } = require('node:buffer')
const { makeHub } = require('./semantest_azure.cjs')
const { TokenError, makeSenderIdentity } = require('./semantest_identity.cjs')

const [SYSTEM, USER] = ['azure.webpubsub.sys.', 'azure.webpubsub.user.']
const EVENT_TYPES = { connect: 'CONNECT', connected: 'CONNECT', disconnected: 'DISCONNECT' }
const ROUTES = { CONNECT: '$connect', MESSAGE: '$default', DISCONNECT: '$disconnect' }
const STATE_HEADER = 'ce-connectionstate'
const BAD_GATEWAY = 502
const NO_CLOSE_CODE = 1005 // RFC 6455: the connection ended without a code
const [NEGOTIATE_METHODS, CLIENT_TOKEN_MINUTES] = [['GET', 'POST'], 5]

/** Wrap the user's handler: it receives the events of this app's Web PubSub in API Gateway's form, and nothing else. */
function wrapHandler(handler, environment = process.env) {
  const sender = makeSenderIdentity(environment)
  const hub = makeHub(environment)
  return async (request, context) => {
    if (request.rawPath.replace(/\/$/, '') === '/negotiate') return negotiate(request, hub, environment)
    return receiveEvent(request, sender, (event) => callHandler(handler, event, context, hub))
  }
}

/**
 * Handle an event whose sender proves that it is Web PubSub.
 * A service that asks whether it may send events proves nothing and only receives the permission.
 */
async function receiveEvent(request, sender, handle) {
  const { headers } = request
  if (request.requestContext.http.method === 'OPTIONS') {
    return { statusCode: 200, headers: { 'WebHook-Allowed-Origin': headers['webhook-request-origin'] ?? '' } }
  }
  const kind = headers['ce-type'] ?? ''
  if (!kind.startsWith(SYSTEM) && !kind.startsWith(USER)) return { statusCode: 400 }
  try {
    await sender.check(headers.authorization)
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    console.log(JSON.stringify({ event: kind.slice(0, 64), refused: error.message }))
    return { statusCode: 401 }
  }
  const event = readEvent(kind, request)
  const response = await handle(event)
  console.log(JSON.stringify({ event: kind, connection: event.id, status: response.statusCode }))
  return response
}

/**
 * Call the handler with an event; its answer to a connect decides whether the client is admitted.
 * If an authorizer has admitted the client, the handler receives the connect once the client is connected; a client
 * that it refuses then is disconnected.
 */
async function callHandler(handler, event, context, hub) {
  const wasAuthorized = Boolean(event.state.claims)
  if (event.kind === 'connected' && !wasAuthorized) return { statusCode: 204 } // the handler has received the connect
  const result = await handler(translateEvent(event), context)
  const status = Number.isInteger(result?.statusCode) ? result.statusCode : BAD_GATEWAY
  const isSuccess = status >= 200 && status < 300
  if (event.kind === 'connect') return isSuccess ? acceptConnect(event, result) : { statusCode: status }
  if (event.kind === 'connected' && !isSuccess) await hub.close(event.id, 'Forbidden')
  return { statusCode: 204 }
}

function acceptConnect(event, result) {
  const chosen = Object.entries(result.headers ?? {}).find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')
  const state = Buffer.from(JSON.stringify({ since: Date.now() / 1000 })).toString('base64')
  const body = JSON.stringify({ userId: event.user || event.id, ...(chosen && { subprotocol: String(chosen[1]) }) })
  return { statusCode: 200, headers: { 'content-type': 'application/json', [STATE_HEADER]: state }, body }
}

function readEvent(kind, { headers, body = '', isBase64Encoded }) {
  const data = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return {
    kind: kind.startsWith(SYSTEM) ? kind.slice(SYSTEM.length) : kind,
    id: headers['ce-connectionid'] ?? '', user: headers['ce-userid'] ?? '', number: headers['ce-id'] ?? '',
    host: headers['webhook-request-origin'] ?? '', data,
    state: parseObject(Buffer.from(headers[STATE_HEADER] ?? '', 'base64')),
  }
}

/** Translate an event; binary messages, which API Gateway does not carry, are in base64. */
function translateEvent(event) {
  const eventType = EVENT_TYPES[event.kind] ?? 'MESSAGE'
  const handshake = event.kind === 'connect' ? parseObject(event.data) : event.state
  const requestContext = buildRequestContext(event, eventType, handshake)
  if (eventType === 'CONNECT') return { ...handshakeFields(handshake), requestContext, isBase64Encoded: false }
  if (eventType === 'DISCONNECT') {
    const reason = String(parseObject(event.data).reason ?? '')
    const ending = { disconnectStatusCode: NO_CLOSE_CODE, disconnectReason: reason }
    const context = { ...requestContext, ...ending }
    return { ...handshakeFields(handshake), requestContext: context, isBase64Encoded: false }
  }
  const isText = isUtf8(event.data)
  return { requestContext, body: event.data.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText }
}

function buildRequestContext(event, eventType, handshake) {
  const [now, headers, { claims }] = [Date.now(), lastValues(handshake.headers), event.state]
  const byLowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    routeKey: ROUTES[eventType], eventType, connectionId: event.id,
    connectedAt: Math.trunc((event.state.since ?? now / 1000) * 1000),
    requestId: `${event.id}:${event.number}`, requestTimeEpoch: now, messageDirection: 'IN',
    domainName: event.host, stage: '$default',
    identity: { sourceIp: byLowerCase['x-forwarded-for'] ?? '', userAgent: byLowerCase['user-agent'] ?? null },
    ...(eventType === 'MESSAGE' && { messageId: event.number }),
    ...(claims && { authorizer: { principalId: String(claims.sub ?? 'client'), claims: JSON.stringify(claims) } }),
  }
}

function handshakeFields({ query = {}, headers = {} }) {
  const queryFields = { queryStringParameters: lastValues(query), multiValueQueryStringParameters: query }
  return { headers: lastValues(headers), multiValueHeaders: headers, ...(Object.keys(query).length && queryFields) }
}

function lastValues(valuesByName) {
  return Object.fromEntries(Object.entries(valuesByName ?? {}).map(([name, values]) => [name, values.at(-1)]))
}

function parseObject(data) {
  try {
    return { ...JSON.parse(data.length ? data : '{}') }
  } catch {
    return {}
  }
}

/** Issue a client token to any client of an allowed origin; where tokens are required, the authorizer's app issues it. */
async function negotiate(request, hub, environment) {
  const { method } = request.requestContext.http
  const { origin } = request.headers
  const allowed = (environment.ALLOWED_ORIGINS ?? '').split(',').map((each) => each.trim()).filter(Boolean)
  const isAllowed = !origin || !allowed.length || allowed.includes(origin) || allowed.includes('*')
  if (!isAllowed) return buildResponse(403, { message: 'Forbidden' })
  const headers = { vary: 'origin', 'cache-control': 'no-store', ...(origin && corsHeaders(origin)) }
  if (method === 'OPTIONS') return { statusCode: 204, headers }
  if (!NEGOTIATE_METHODS.includes(method)) {
    return buildResponse(405, { message: 'Method Not Allowed' }, { allow: NEGOTIATE_METHODS.join(', ') })
  }
  const baseUrl = environment.SEMANTEST_CLIENTS_ENDPOINT
  const accessToken = await hub.issueToken(CLIENT_TOKEN_MINUTES)
  return buildResponse(200, { url: `${baseUrl}?access_token=${accessToken}`, baseUrl, accessToken }, headers)
}

function corsHeaders(origin) {
  return {
    'access-control-allow-origin': origin, 'access-control-allow-methods': NEGOTIATE_METHODS.join(', '),
    'access-control-allow-headers': 'authorization, content-type', 'access-control-max-age': '600',
  }
}

function buildResponse(statusCode, body, headers = {}) {
  return { statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

module.exports = { translateEvent, wrapHandler }
