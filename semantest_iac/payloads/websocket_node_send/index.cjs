'use strict'
// Sends to clients of the WebSocket API that this function serves, and to queues and topics, on either cloud.

const LARGEST_MESSAGE = 128 * 1024 // bytes, on the narrowest cloud
const LARGEST_QUEUED_MESSAGE = 240 * 1024 // bytes, with attributes, on the narrowest cloud
const [ATTRIBUTE_NAME, MOST_ATTRIBUTES] = [/^[a-z][a-z0-9_]{0,63}$/, 10]
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

/**
 * Send a message to a queue or topic, as JSON unless it is text; resolves with the id of the message.
 * `attributes` are what subscriptions filter by. Messages of one `group` stay in order where the destination keeps one,
 * and a message with an `id` that was sent before is dropped where it rejects duplicates.
 */
async function message(destination, body, { attributes = {}, group = '', id = '' } = {}) {
  const address = process.env[`SEMANTEST_SEND_${destination.toUpperCase().replaceAll('-', '_')}`]
  if (!address) throw new Error(`This function does not send to '${destination}': name it in sends_to.`)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const given = Object.entries(attributes)
  const unfit = given.filter(([name, value]) => !isAttribute(name, value)).map(([name]) => name)
  if (unfit.length) throw new RangeError(`No attribute of a message: ${unfit.join(', ')}.`)
  const size = Buffer.byteLength(text) + given.reduce((sum, [name, value]) => sum + Buffer.byteLength(`${name}${value}`), 0)
  if (size > LARGEST_QUEUED_MESSAGE || given.length > MOST_ATTRIBUTES) {
    throw new RangeError(`The message has ${size} bytes and ${given.length} attributes; at most ` +
      `${LARGEST_QUEUED_MESSAGE} and ${MOST_ATTRIBUTES} can be sent.`)
  }
  return require('./messages.cjs').send(address, { body: text, attributes, group, id })
}

function isAttribute(name, value) {
  const isValue = typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value !== ''
  return ATTRIBUTE_NAME.test(name) && isValue
}

module.exports = { message, post }
