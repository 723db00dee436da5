'use strict'
// Lets in what came through the API gateway, where there is one: it alone knows the key in the app's settings.

const { createHash, timingSafeEqual } = require('node:crypto')

const SETTING = 'SEMANTEST_GATEWAY_KEY'
const HEADER = 'x-semantest-gateway'

/** A test for requests; `hops` is how many of Azure's own addresses follow the client's. Nothing else sees the key. */
function gate(environment) {
  const key = environment[SETTING]
  delete environment[SETTING]
  const admits = (request) => {
    const shown = request.headers.get(HEADER) ?? ''
    request.headers.delete(HEADER)
    return !key || timingSafeEqual(hash(shown), hash(key))
  }
  return Object.assign(admits, { hops: key ? 1 : 0 })
}

function hash(text) {
  return createHash('sha256').update(text).digest()
}

module.exports = { gate }
