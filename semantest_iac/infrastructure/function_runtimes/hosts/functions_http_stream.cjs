'use strict'
// Sends requests to an app that streams HTTP (enableHttpStream), over the server that @azure/functions opens for it.
//
// Azure's host forwards each request to this server with the id of its invocation. A response reaches us in parts, and
// the client when it is complete.

const http = require('node:http')
const net = require('node:net')

const INVOCATION_ID = 'x-ms-invocation-id'
const NOT_FORWARDED = ['connection', 'content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade']
const NOT_RETURNED = [INVOCATION_ID, 'connection', 'date', 'keep-alive', 'set-cookie', 'transfer-encoding']

/** Open the app's server, on the loopback address only; null if the app does not stream. */
async function openHttpStream(model) {
  const { listen } = net.Server.prototype
  net.Server.prototype.listen = function listenOnLoopback(...given) {
    return listen.call(this, { host: '127.0.0.1', port: 0 }, given.find((argument) => typeof argument === 'function'))
  }
  try {
    const capabilities = await model?.getCapabilities({})
    return capabilities?.HttpUri ? { metadataOf, send: (...call) => send(new URL(capabilities.HttpUri).port, ...call) } : null
  } finally {
    net.Server.prototype.listen = listen
  }
}

/** Build what the library reads besides the request: headers as JSON, and the values of the route. */
function metadataOf({ headers, params }) {
  const values = Object.entries(params).map(([name, value]) => [name, { string: value }])
  return { ...Object.fromEntries(values), Headers: { json: JSON.stringify(headers) } }
}

/** Send a request; `response` resolves when the answer is complete, and `close` ends what is still open. */
function send(port, { method, url, headers, body }, id) {
  const { pathname, search, host } = new URL(url)
  const kept = Object.entries(headers).filter(([name]) => !NOT_FORWARDED.includes(name))
  const added = { 'x-forwarded-host': host, 'x-forwarded-proto': 'https', [INVOCATION_ID]: id }
  const options = { host: '127.0.0.1', port, method, path: pathname + search, headers: { ...encode(kept), ...added } }
  const request = http.request(options)
  const response = new Promise((resolve, reject) => {
    request.on('error', reject).on('response', (message) => {
      const parts = []
      message.on('error', reject).on('data', (part) => parts.push(part))
      message.on('end', () => resolve(plain(message, Buffer.concat(parts))))
    })
  })
  response.catch(() => {}) // a failure of the function is reported, not that its answer is missing
  request.end(Buffer.from(body, 'base64'))
  return { response, close: () => request.destroy() }
}

function encode(headers) {
  return Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]))
}

function plain({ statusCode, headers }, body) {
  const kept = Object.entries(headers).filter(([name]) => !NOT_RETURNED.includes(name))
  const values = kept.map(([name, value]) => [name, String(value)])
  return {
    status: statusCode, headers: Object.fromEntries(values), cookies: headers['set-cookie'] ?? [],
    body: body.toString('base64'),
  }
}

module.exports = { openHttpStream }
