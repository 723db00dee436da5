'use strict'
// Verifies who sends, such as Web PubSub: by the token of its managed identity, signed by its directory (RS256).
//
// Source: Azure's documentation of managed identities for event handlers, and of access tokens.

const { constants, createHash, createPublicKey, timingSafeEqual, verify } = require('node:crypto')

const AUTHORITY = 'https://login.microsoftonline.com'
const WEB_PUBSUB_AUDIENCE = 'https://webpubsub.azure.com'
const CALL_AUDIENCE = 'https://management.azure.com' // which every directory knows
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const LONGEST_TOKEN = 8192
const LEEWAY_S = 30
const [FETCH_PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S] = [300, 5, 24 * 3600]
const [SHORTEST_KEY, LONGEST_KEY] = [2048, 8192] // bits

/** Why a token is not valid, for the log; holds no part of the token. */
class TokenError extends Error {}

/** Check authorization headers: throws a TokenError for every sender but one principal of one tenant. */
function senderIdentity({ tenant, principal, fetchKeys, audience = WEB_PUBSUB_AUDIENCE, now = () => Date.now() / 1000 }) {
  const issuers = [`https://sts.windows.net/${tenant}/`, `${AUTHORITY}/${tenant}/v2.0`]
  const findKey = publishedKeys(fetchKeys, now)
  let verified = { token: '', expiresAt: 0 }

  async function check(authorization) {
    const [scheme, token = ''] = (authorization ?? '').split(' ')
    if (scheme.toLowerCase() !== 'bearer' || !principal) throw new TokenError('there is no identity token')
    if (isSame(token, verified.token) && now() < verified.expiresAt) return // accepted until it expires
    const { header, claims, signed, signature } = parseToken(token)
    if (header.alg !== 'RS256' || 'crit' in header) throw new TokenError('it is not signed with RS256')
    const key = await findKey(header.kid)
    if (!key || !verify('RSA-SHA256', signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature)) {
      throw new TokenError('its signature is wrong')
    }
    checkClaims(claims, now(), [audience, `${audience}/`])
    if (!issuers.includes(claims.iss)) throw new TokenError('it has another issuer')
    if (claims.oid !== principal) throw new TokenError('it belongs to another identity')
    verified = { token, expiresAt: claims.exp }
  }
  return { check }
}

function isSame(one, other) {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(left, right)
}

function checkClaims({ aud, exp, nbf = 0 }, now, audiences) {
  if (typeof exp !== 'number' || typeof nbf !== 'number') throw new TokenError('it has no valid expiry')
  if (now > exp + LEEWAY_S) throw new TokenError('it has expired')
  if (now < nbf - LEEWAY_S) throw new TokenError('it is not valid yet')
  if (![aud].flat().some((each) => audiences.includes(each))) throw new TokenError('it has another audience')
}

function parseToken(token) {
  const parts = token.split('.')
  if (token.length > LONGEST_TOKEN || parts.length !== 3) throw new TokenError('it is not a token')
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => ({ ...JSON.parse(Buffer.from(part, 'base64url')) }))
    const signed = Buffer.from(parts.slice(0, 2).join('.'))
    return { header, claims, signed, signature: Buffer.from(parts[2], 'base64url') }
  } catch {
    throw new TokenError('it cannot be decoded')
  }
}

/**
 * Make a function that finds the keys that a directory publishes, by id. They are fetched again for an unknown id or
 * after a day, one fetch at a time, but not too often, because anybody may send an unknown id.
 */
function publishedKeys(fetchKeys, now) {
  let keys = new Map()
  let [freshUntil, noFetchUntil, fetching] = [-Infinity, -Infinity, null]

  async function reload() {
    try {
      keys = new Map((await fetchKeys()).map((each) => [each.kid, readKey(each)]).filter(([, key]) => key))
      ;[noFetchUntil, freshUntil] = [now() + FETCH_PAUSE_S, now() + DAY_S]
    } catch (error) {
      noFetchUntil = now() + PAUSE_AFTER_FAILURE_S
      if (!keys.size) throw new TokenError('the keys of its directory are not available', { cause: error })
    } finally {
      fetching = null
    }
  }
  return async (id) => {
    const isDue = (!keys.has(id) || now() >= freshUntil) && now() >= noFetchUntil
    if (isDue || (fetching && !keys.has(id))) await (fetching ??= reload())
    return keys.get(id)
  }
}

/** Read a published key; null unless it is an RSA signing key of an accepted size. */
function readKey(published) {
  if (published.kty !== 'RSA' || (published.use ?? 'sig') !== 'sig') return null
  try {
    const key = createPublicKey({ key: published, format: 'jwk' })
    const { modulusLength } = key.asymmetricKeyDetails
    return modulusLength >= SHORTEST_KEY && modulusLength <= LONGEST_KEY ? key : null
  } catch {
    return null
  }
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
