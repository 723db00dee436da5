'use strict'
// Who sends events: Web PubSub's own identity, by a token that its directory signed for it (RS256).
//
// Source: Azure's documentation of managed identities for event handlers, and of access tokens.

const { constants, createHash, createPublicKey, timingSafeEqual, verify } = require('node:crypto')

const AUTHORITY = 'https://login.microsoftonline.com'
const AUDIENCES = ['https://webpubsub.azure.com', 'https://webpubsub.azure.com/']
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const LONGEST_TOKEN = 8192
const LEEWAY_S = 30
const [PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S] = [300, 5, 24 * 3600]
const [SHORTEST_KEY, LONGEST_KEY] = [2048, 8192] // bits

/** Why somebody is refused; fit for a log, it holds nothing of the token. */
class Refusal extends Error {}

/** A check of authorization headers: throws a Refusal for everybody but one principal of one tenant. */
function identity({ tenant, principal, published, now = () => Date.now() / 1000 }) {
  const issuers = [`https://sts.windows.net/${tenant}/`, `${AUTHORITY}/${tenant}/v2.0`]
  const find = keys(published, now)
  let shown = { token: '', ends: 0 }

  async function check(authorization) {
    const [kind, token = ''] = (authorization ?? '').split(' ')
    if (kind.toLowerCase() !== 'bearer' || !principal) throw new Refusal('no identity is shown')
    if (isSame(token, shown.token) && now() < shown.ends) return // it counts until it ends
    const { header, claims, signed, signature } = opened(token)
    if (header.alg !== 'RS256' || 'crit' in header) throw new Refusal('it is not signed with RS256')
    const key = await find(header.kid)
    if (!key || !verify('RSA-SHA256', signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature)) {
      throw new Refusal('its signature is wrong')
    }
    judge(claims, now())
    if (!issuers.includes(claims.iss)) throw new Refusal('its issuer is another')
    if (claims.oid !== principal) throw new Refusal('it is that of another identity')
    shown = { token, ends: claims.exp }
  }
  return { check }
}

function isSame(one, other) {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(left, right)
}

function judge({ aud, exp, nbf = 0 }, now) {
  if (typeof exp !== 'number' || typeof nbf !== 'number') throw new Refusal('it does not say when it ends')
  if (now > exp + LEEWAY_S) throw new Refusal('its time is over')
  if (now < nbf - LEEWAY_S) throw new Refusal('its time has not come')
  if (![aud].flat().some((each) => AUDIENCES.includes(each))) throw new Refusal('it is meant for others')
}

function opened(token) {
  const parts = token.split('.')
  if (token.length > LONGEST_TOKEN || parts.length !== 3) throw new Refusal('it is not a token')
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => ({ ...JSON.parse(Buffer.from(part, 'base64url')) }))
    return { header, claims, signed: Buffer.from(parts.slice(0, 2).join('.')), signature: Buffer.from(parts[2], 'base64url') }
  } catch {
    throw new Refusal('it cannot be read')
  }
}

/**
 * What a directory has published, by name; asked for anew when a key is unknown or a day old, one question at a time.
 * Not again and again, though: anybody may name a key.
 */
function keys(published, now) {
  let known = new Map()
  let [freshUntil, quietUntil, asking] = [-Infinity, -Infinity, null]

  async function ask() {
    try {
      known = new Map((await published()).map((each) => [each.kid, keyOf(each)]).filter(([, key]) => key))
      ;[quietUntil, freshUntil] = [now() + PAUSE_S, now() + DAY_S]
    } catch (error) {
      quietUntil = now() + PAUSE_AFTER_FAILURE_S
      if (!known.size) throw new Refusal('the keys of its directory cannot be had', { cause: error })
    } finally {
      asking = null
    }
  }
  return async (name) => {
    const isDue = (!known.has(name) || now() >= freshUntil) && now() >= quietUntil
    if (isDue || (asking && !known.has(name))) await (asking ??= ask())
    return known.get(name)
  }
}

/** A published key, if it is one of RSA for signatures, and of a size that counts. */
function keyOf(published) {
  if (published.kty !== 'RSA' || (published.use ?? 'sig') !== 'sig') return null
  try {
    const key = createPublicKey({ key: published, format: 'jwk' })
    const { modulusLength } = key.asymmetricKeyDetails
    return modulusLength >= SHORTEST_KEY && modulusLength <= LONGEST_KEY ? key : null
  } catch {
    return null
  }
}

/** That of this app's Web PubSub, as the deployment has told it; nobody's where it has told none. */
function identityOf(environment) {
  const { SEMANTEST_HUB_TENANT: tenant, SEMANTEST_HUB_PRINCIPAL: principal } = environment
  const authority = environment.SEMANTEST_AUTHORITY || AUTHORITY
  const { protocol, hostname } = new URL(authority)
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.includes(hostname))) {
    throw new Error('SEMANTEST_AUTHORITY must begin with https://') // whoever could change the keys could be anybody
  }
  const published = async () => {
    const answer = await fetch(`${authority}/${tenant}/discovery/v2.0/keys`, { signal: AbortSignal.timeout(10_000) })
    return (await answer.json()).keys
  }
  return identity({ tenant, principal, published })
}

module.exports = { Refusal, identity, identityOf, keyOf }
