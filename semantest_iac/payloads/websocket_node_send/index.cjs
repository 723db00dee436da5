'use strict'
// Sends messages to clients of the WebSocket API that this function serves, on either cloud.

const LARGEST_MESSAGE = 128 * 1024 // bytes, on the narrowest cloud
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const TIMEOUT_MS = 5000

let sender = null

/** Send a message, as JSON unless it is text or bytes; resolves with false if the client is gone. */
async function post(connectionId, data) {
  const body = typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data)
  const size = Buffer.byteLength(body)
  if (size > LARGEST_MESSAGE) throw new RangeError(`The message has ${size} bytes; at most ${LARGEST_MESSAGE} can be sent.`)
  sender ??= makeSender(process.env)
  return sender(connectionId, body)
}

function makeSender(environment) {
  const endpoint = environment.SEMANTEST_CONNECTIONS_ENDPOINT
  if (environment.SEMANTEST_HUB_ENDPOINT) {
    const hub = require('../../semantest_azure.cjs').makeHub(environment)
    return (id, body) => hub.send(id, body)
  }
  return LOOPBACK.includes(new URL(endpoint).hostname) ? makeLoopbackSender(endpoint) : makeSdkSender(endpoint)
}

/** For an endpoint on this machine: calls are not signed. */
function makeLoopbackSender(endpoint) {
  return async (id, body) => {
    const url = `${endpoint}/@connections/${encodeURIComponent(id)}`
    const reply = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(TIMEOUT_MS) })
    await reply.body?.cancel()
    if (!reply.ok && reply.status !== 410) throw new Error(`API Gateway answered ${reply.status}`)
    return reply.ok
  }
}

/** Uses AWS's SDK, which is part of Lambda's Node runtimes. */
function makeSdkSender(endpoint) {
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
