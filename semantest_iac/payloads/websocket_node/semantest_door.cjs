'use strict'
// Web PubSub's events as API Gateway's WebSocket APIs tell them, so that one handler answers on both clouds.
//
// Source: Azure's documentation of CloudEvents for Web PubSub's event handlers; the developer guide of API Gateway.

const { isUtf8 } = require('node:buffer')
const { hubOf } = require('./semantest_hub.cjs')
const { Refusal, identityOf } = require('./semantest_identity.cjs')

const [SYSTEM, USER] = ['azure.webpubsub.sys.', 'azure.webpubsub.user.']
const KINDS = { connect: 'CONNECT', connected: 'CONNECT', disconnected: 'DISCONNECT' }
const ROUTES = { CONNECT: '$connect', MESSAGE: '$default', DISCONNECT: '$disconnect' }
const STATE = 'ce-connectionstate'
const [BAD_GATEWAY, UNTOLD] = [502, 1005] // 1005: nobody said a code
const [METHODS, MINUTES] = [['GET', 'POST'], 5]

/** The handler behind a door that lets events of this app's Web PubSub in, and nothing else. */
function door(handler, environment = process.env) {
  const identity = identityOf(environment)
  const hub = hubOf(environment)
  return async (request, context) => {
    if (request.rawPath.replace(/\/$/, '') === '/negotiate') return negotiated(request, hub, environment)
    return served(request, identity, (event) => told(handler, event, context, hub))
  }
}

/** A service that asks whether it may send events shows nothing, and hears nothing but that it may. */
async function served(request, identity, happened) {
  const { headers } = request
  if (request.requestContext.http.method === 'OPTIONS') {
    return { statusCode: 200, headers: { 'WebHook-Allowed-Origin': headers['webhook-request-origin'] ?? '' } }
  }
  const kind = headers['ce-type'] ?? ''
  if (!kind.startsWith(SYSTEM) && !kind.startsWith(USER)) return { statusCode: 400 }
  try {
    await identity.check(headers.authorization)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    console.log(JSON.stringify({ event: kind.slice(0, 64), refused: error.message }))
    return { statusCode: 401 }
  }
  const event = eventOf(kind, request)
  const answer = await happened(event)
  console.log(JSON.stringify({ event: kind, connection: event.id, status: answer.statusCode }))
  return answer
}

/**
 * What the handler made of an event; what it says to a connect decides, as on the other cloud.
 * Whom an authorizer has let in, it hears of when the client is in: who is refused then is sent away.
 */
async function told(handler, event, context, hub) {
  if (event.kind === 'connected' && !event.state.claims) return { statusCode: 204 } // heard of when it asked
  const result = await handler(translated(event), context)
  const status = Number.isInteger(result?.statusCode) ? result.statusCode : BAD_GATEWAY
  const allows = status >= 200 && status < 300
  if (event.kind === 'connect') return allows ? admitted(event, result) : { statusCode: status }
  if (event.kind === 'connected' && !allows) await hub.close(event.id, 'Forbidden')
  return { statusCode: 204 }
}

function admitted(event, result) {
  const named = Object.entries(result.headers ?? {}).find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')
  const state = Buffer.from(JSON.stringify({ since: Date.now() / 1000 })).toString('base64')
  const body = JSON.stringify({ userId: event.user || event.id, ...(named && { subprotocol: String(named[1]) }) })
  return { statusCode: 200, headers: { 'content-type': 'application/json', [STATE]: state }, body }
}

function eventOf(kind, { headers, body = '', isBase64Encoded }) {
  const data = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return {
    kind: kind.startsWith(SYSTEM) ? kind.slice(SYSTEM.length) : kind,
    id: headers['ce-connectionid'] ?? '', user: headers['ce-userid'] ?? '', number: headers['ce-id'] ?? '',
    host: headers['webhook-request-origin'] ?? '', state: parsed(Buffer.from(headers[STATE] ?? '', 'base64')), data,
  }
}

/** The event in the words of API Gateway; binary messages, which it does not carry, in base64. */
function translated(event) {
  const kind = KINDS[event.kind] ?? 'MESSAGE'
  const said = event.kind === 'connect' ? parsed(event.data) : event.state
  const requestContext = contextOf(event, kind, said)
  if (kind === 'CONNECT') return { ...handshake(said), requestContext, isBase64Encoded: false }
  if (kind === 'DISCONNECT') {
    const ending = { disconnectStatusCode: UNTOLD, disconnectReason: String(parsed(event.data).reason ?? '') }
    return { ...handshake(said), requestContext: { ...requestContext, ...ending }, isBase64Encoded: false }
  }
  const isText = isUtf8(event.data)
  return { requestContext, body: event.data.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText }
}

function contextOf(event, kind, said) {
  const [now, headers, { claims }] = [Date.now(), lasts(said.headers), event.state]
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    routeKey: ROUTES[kind], eventType: kind, connectionId: event.id,
    connectedAt: Math.trunc((event.state.since ?? now / 1000) * 1000),
    requestId: `${event.id}:${event.number}`, requestTimeEpoch: now, messageDirection: 'IN',
    domainName: event.host, stage: '$default',
    identity: { sourceIp: named['x-forwarded-for'] ?? '', userAgent: named['user-agent'] ?? null },
    ...(kind === 'MESSAGE' && { messageId: event.number }),
    ...(claims && { authorizer: { principalId: String(claims.sub ?? 'client'), claims: JSON.stringify(claims) } }),
  }
}

function handshake({ query = {}, headers = {} }) {
  const shown = { queryStringParameters: lasts(query), multiValueQueryStringParameters: query }
  return { headers: lasts(headers), multiValueHeaders: headers, ...(Object.keys(query).length && shown) }
}

function lasts(listed) {
  return Object.fromEntries(Object.entries(listed ?? {}).map(([name, values]) => [name, values.at(-1)]))
}

function parsed(data) {
  try {
    return { ...JSON.parse(data.length ? data : '{}') }
  } catch {
    return {}
  }
}

/** An access token for everybody from a welcome page: who is asked for a token, another app asks. */
async function negotiated(request, hub, environment) {
  const { method } = request.requestContext.http
  const { origin } = request.headers
  const listed = (environment.ALLOWED_ORIGINS ?? '').split(',').map((each) => each.trim()).filter(Boolean)
  if (origin && listed.length && !listed.includes(origin) && !listed.includes('*')) return said(403, { message: 'Forbidden' })
  const headers = { vary: 'origin', 'cache-control': 'no-store', ...(origin && forPages(origin)) }
  if (method === 'OPTIONS') return { statusCode: 204, headers }
  if (!METHODS.includes(method)) return said(405, { message: 'Method Not Allowed' }, { allow: METHODS.join(', ') })
  const [baseUrl, accessToken] = [environment.SEMANTEST_CLIENTS_ENDPOINT, await hub.accessToken(MINUTES)]
  return said(200, { url: `${baseUrl}?access_token=${accessToken}`, baseUrl, accessToken }, headers)
}

function forPages(origin) {
  return {
    'access-control-allow-origin': origin, 'access-control-allow-methods': METHODS.join(', '),
    'access-control-allow-headers': 'authorization, content-type', 'access-control-max-age': '600',
  }
}

function said(statusCode, told, headers = {}) {
  return { statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(told) }
}

module.exports = { door, translated }
