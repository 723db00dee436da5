'use strict'
// Sends to clients of the WebSocket API that this function serves, on whichever cloud it runs.

const LARGEST = 128 * 1024 // on the narrowest cloud
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const TIMEOUT_MS = 5000

let known = null

/** Whether the client is still there; what is neither text nor bytes is sent as JSON. */
async function post(connectionId, data) {
  const body = typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data)
  const size = Buffer.byteLength(body)
  if (size > LARGEST) throw new RangeError(`The message has ${size} bytes; ${LARGEST} is the most that is carried.`)
  known ??= way(process.env)
  return known(connectionId, body)
}

function way(environment) {
  const endpoint = environment.SEMANTEST_CONNECTIONS_ENDPOINT
  if (environment.SEMANTEST_HUB_ENDPOINT) {
    const hub = require('../../semantest_hub.cjs').hubOf(environment)
    return (id, body) => hub.post(id, body)
  }
  return LOOPBACK.includes(new URL(endpoint).hostname) ? plainly(endpoint) : bySdk(endpoint)
}

/** A stand-in on this very machine is called without signing. */
function plainly(endpoint) {
  return async (id, body) => {
    const url = `${endpoint}/@connections/${encodeURIComponent(id)}`
    const reply = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(TIMEOUT_MS) })
    await reply.body?.cancel()
    if (!reply.ok && reply.status !== 410) throw new Error(`API Gateway answered ${reply.status}`)
    return reply.ok
  }
}

/** Part of Lambda's Node runtimes. */
function bySdk(endpoint) {
  const { ApiGatewayManagementApiClient, PostToConnectionCommand } = require('@aws-sdk/client-apigatewaymanagementapi')
  const client = new ApiGatewayManagementApiClient({ endpoint })
  return async (id, body) => {
    try {
      await client.send(new PostToConnectionCommand({ ConnectionId: id, Data: body }))
    } catch (error) {
      if (error.name === 'GoneException') return false
      throw error
    }
    return true
  }
}

module.exports = { post }
