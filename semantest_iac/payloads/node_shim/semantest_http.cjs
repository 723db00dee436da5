'use strict'
// Sends an event of API Gateway's payload format 2.0 to a local server as an HTTP request.

const { isUtf8 } = require('node:buffer')
const http = require('node:http')

const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade',
])
const NOT_FORWARDED = new Set([...HOP_BY_HOP, 'content-length', 'expect'])
const NOT_RETURNED = new Set([...HOP_BY_HOP, 'content-length'])
const CLIENT_HEADER = `x-semantest-client-${process.pid}-${process.hrtime.bigint()}`
const AGENT = new http.Agent({ keepAlive: true }) // a new connection per event took half of the event's time
const UNSAFE_IN_PATH = /[^\x21-\x7e]|["#<>?\\^`{|}]|%(?![0-9a-fA-F]{2})/gu // HTTP APIs decode paths

/** Make the server see each event's client address instead of the loopback, for req.ip and rate limits. */
function showClients(server) {
  server.prependListener('request', (request) => {
    const value = request.headers[CLIENT_HEADER]
    delete request.socket.remoteAddress // set for the previous event
    if (value === undefined) return
    delete request.headers[CLIENT_HEADER]
    const at = request.rawHeaders.indexOf(CLIENT_HEADER)
    if (at >= 0) request.rawHeaders.splice(at, 2)
    Object.defineProperty(request.socket, 'remoteAddress', { value, configurable: true })
  })
}

/** Send one event to the server and resolve with a result for API Gateway. */
function forward(server, event, largest) {
  const call = event?.requestContext?.http
  if (!call) throw new Error('This function answers HTTP events of payload format 2.0 only.')
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
  const options = {
    host: '127.0.0.1', port: server.address().port, agent: AGENT,
    method: call.method, path: requestTarget(event), headers: requestHeaders(event, call, body), setHost: false,
  }
  return new Promise((resolve) => {
    const fail = (error) => resolve(failure(`The server aborted its answer: ${error.code ?? error.message}`))
    http.request(options, (response) => {
      const parts = []
      response.on('error', fail).on('data', (part) => parts.push(part))
      response.on('end', () => resolve(buildResult(response, Buffer.concat(parts), largest)))
    }).on('error', fail).end(body)
  })
}

function requestTarget({ rawPath, rawQueryString, requestContext: { stage } }) {
  const prefix = `/${stage}`
  const isPrefixed = stage && stage !== '$default' && `${rawPath}/`.startsWith(`${prefix}/`)
  const path = (isPrefixed ? rawPath.slice(prefix.length) : rawPath) || '/'
  return path.toWellFormed().replace(UNSAFE_IN_PATH, encodeURIComponent) + (rawQueryString ? `?${rawQueryString}` : '')
}

function requestHeaders(event, call, body) {
  const headers = {}
  for (const [name, value] of Object.entries(event.headers ?? {})) {
    if (!NOT_FORWARDED.has(name.toLowerCase())) headers[name.toLowerCase()] = value
  }
  if (event.cookies?.length) headers.cookie = event.cookies.join('; ')
  if (headers['x-forwarded-for'] === call.sourceIp) delete headers['x-forwarded-for'] // the socket has this address already
  if (body.length || 'content-length' in lowerCaseNames(event.headers)) headers['content-length'] = body.length
  if (call.sourceIp) headers[CLIENT_HEADER] = call.sourceIp
  return headers
}

function lowerCaseNames(headers) {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}

function buildResult(response, body, largest) {
  const { headers, cookies } = responseHeaders(response.rawHeaders)
  const isText = !headers['content-encoding'] && isUtf8(body)
  const answer = {
    statusCode: response.statusCode, headers, cookies,
    body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText,
  }
  if (largest === Infinity) return answer
  const size = Buffer.byteLength(JSON.stringify(answer))
  return size <= largest ? answer : failure(`The answer has ${size} bytes, and the cloud allows ${largest >> 20} MB`)
}

function responseHeaders(raw) {
  const headers = {}
  const cookies = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase()
    if (name === 'set-cookie') cookies.push(raw[at + 1])
    else if (!NOT_RETURNED.has(name)) headers[name] = name in headers ? `${headers[name]}, ${raw[at + 1]}` : raw[at + 1]
  }
  return { headers, cookies }
}

function failure(message) {
  const headers = { 'content-type': 'application/json' }
  return { statusCode: 502, headers, cookies: [], body: JSON.stringify({ message }), isBase64Encoded: false }
}

module.exports = { forward, showClients }
