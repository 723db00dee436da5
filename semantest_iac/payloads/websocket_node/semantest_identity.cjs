'use strict'
// Verifies who sends, such as Web PubSub: by the token of its managed identity, signed by its directory (RS256).
//
// Source: Azure's documentation of managed identities for event handlers, and of access tokens.

const { createHash, timingSafeEqual } = require('node:crypto')
const { TokenError, bearerToken, publishedKeys, readKey, verifiedClaims } = require('./semantest_tokens.cjs')

const AUTHORITY = 'https://login.microsoftonline.com'
const WEB_PUBSUB_AUDIENCE = 'https://webpubsub.azure.com'
const CALL_AUDIENCE = 'https://management.azure.com' // which every directory knows
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']

/** Check authorization headers: throws a TokenError for every sender but one principal of one tenant. */
function senderIdentity({ tenant, principal, fetchKeys, audience = WEB_PUBSUB_AUDIENCE, now = () => Date.now() / 1000 }) {
  const issuers = [`https://sts.windows.net/${tenant}/`, `${AUTHORITY}/${tenant}/v2.0`]
  const rules = { findKey: publishedKeys(fetchKeys, now), now, issuers, audiences: [audience, `${audience}/`] }
  let verified = { token: '', expiresAt: 0 }

  async function check(authorization) {
    const token = bearerToken(authorization)
    if (!principal) throw new TokenError('there is no token')
    if (isSame(token, verified.token) && now() < verified.expiresAt) return // accepted until it expires
    const claims = await verifiedClaims(token, rules)
    if (claims.oid !== principal) throw new TokenError('it belongs to another identity')
    verified = { token, expiresAt: claims.exp }
  }
  return { check }
}

function isSame(one, other) {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(left, right)
}

/** Make the identity of this app's Web PubSub from the environment; without one, no event is accepted. */
function makeSenderIdentity(environment) {
  const { SEMANTEST_HUB_TENANT: tenant, SEMANTEST_HUB_PRINCIPAL: principal } = environment
  return makeIdentity(environment, { tenant, principal, audience: WEB_PUBSUB_AUDIENCE })
}

/** Make the identity of the app itself, whose functions call each other. */
function makeCallerIdentity(environment) {
  const { SEMANTEST_CALLER_TENANT: tenant, SEMANTEST_CALLER_PRINCIPAL: principal } = environment
  return makeIdentity(environment, { tenant, principal, audience: CALL_AUDIENCE })
}

/** Make the identity that is accepted, with the keys that its directory publishes. */
function makeIdentity(environment, { tenant, principal, audience }) {
  const authority = environment.SEMANTEST_AUTHORITY || AUTHORITY
  const { protocol, hostname } = new URL(authority)
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.includes(hostname))) {
    throw new Error('SEMANTEST_AUTHORITY must begin with https://') // changed keys would admit any sender
  }
  const fetchKeys = async () => {
    const reply = await fetch(`${authority}/${tenant}/discovery/v2.0/keys`, { signal: AbortSignal.timeout(10_000) })
    return (await reply.json()).keys
  }
  return senderIdentity({ tenant, principal, fetchKeys, audience })
}

module.exports = { TokenError, makeCallerIdentity, makeSenderIdentity, readKey, senderIdentity }
