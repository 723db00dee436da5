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
const UNSAFE_IN_PATH = /[^\x21-\x7e]|["#%<>?\\^`{|}]/gu // events have decoded paths: each % was encoded
const UNSAFE_IN_QUERY = /[^\x21-\x7e]/gu // a query arrives as it was sent

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
  const query = (rawQueryString ?? '').toWellFormed().replace(UNSAFE_IN_QUERY, encodeURIComponent)
  return path.toWellFormed().replace(UNSAFE_IN_PATH, encodeURIComponent) + (query ? `?${query}` : '')
}

function requestHeaders(event, call, body) {
  const sent = Object.entries(event.headers ?? {}).map(([name, value]) => [name.toLowerCase(), bytesOf(value)])
  const headers = Object.fromEntries(sent.filter(([name]) => !NOT_FORWARDED.has(name)))
  if (event.cookies?.length) headers.cookie = bytesOf(event.cookies.join('; '))
  if (headers['x-forwarded-for'] === call.sourceIp) delete headers['x-forwarded-for'] // the socket has this address already
  if (body.length || sent.some(([name]) => name === 'content-length')) headers['content-length'] = body.length
  if (call.sourceIp) headers[CLIENT_HEADER] = call.sourceIp
  return headers
}

/** Return the UTF-8 bytes of a header one per character, the way in which Node reads and writes headers. */
function bytesOf(value) {
  return Buffer.from(String(value), 'utf8').toString('latin1')
}

function textOf(bytes) {
  const buffer = Buffer.from(bytes, 'latin1')
  return isUtf8(buffer) ? buffer.toString('utf8') : bytes
}

function buildResult(response, body, largest) {
  const isHead = response.req.method === 'HEAD' // its length is that of the answer to GET
  const { headers, cookies } = responseHeaders(response.rawHeaders, isHead)
  const isText = !headers['content-encoding'] && isUtf8(body)
  const answer = {
    statusCode: response.statusCode, headers, cookies,
    body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText,
  }
  if (largest === Infinity) return answer
  const size = Buffer.byteLength(JSON.stringify(answer))
  return size <= largest ? answer : failure(`The answer has ${size} bytes, and the cloud allows ${largest >> 20} MB`)
}

function responseHeaders(raw, keepsLength) {
  const headers = new Map()
  const cookies = []
  for (let at = 0; at < raw.length; at += 2) {
    const [name, value] = [raw[at].toLowerCase(), textOf(raw[at + 1])]
    if (name === 'set-cookie') cookies.push(value)
    else if (!NOT_RETURNED.has(name) || (keepsLength && name === 'content-length')) {
      headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value)
    }
  }
  return { headers: Object.fromEntries(headers), cookies }
}

function failure(message) {
  const headers = { 'content-type': 'application/json' }
  return { statusCode: 502, headers, cookies: [], body: JSON.stringify({ message }), isBase64Encoded: false }
}

module.exports = { forward, showClients }
