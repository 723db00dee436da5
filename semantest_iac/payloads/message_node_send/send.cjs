'use strict'
// Sends to queues and topics, and to clients of the WebSocket API that this function serves, on either cloud.

const { post } = require('./index.cjs')
const { send } = require('./messages.cjs')

const LARGEST_QUEUED_MESSAGE = 240 * 1024 // bytes, with attributes, on the narrowest cloud
const [ATTRIBUTE_NAME, MOST_ATTRIBUTES] = [/^[a-z][a-z0-9_]{0,63}$/, 10]

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
  return send(address, { body: text, attributes, group, id })
}

function isAttribute(name, value) {
  const isValue = typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value !== ''
  return ATTRIBUTE_NAME.test(name) && isValue
}

module.exports = { message, post }
