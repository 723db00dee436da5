'use strict'
// Verifies JSON web tokens with the keys that their issuer publishes (RS256).
//
// Source: OpenID Connect Discovery (where the keys are), RFC 7517 (their form), RFC 7519 (claims).

const { constants, createPublicKey, verify } = require('node:crypto')

const LONGEST_TOKEN = 8192
const LEEWAY_S = 30
const [FETCH_PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S] = [300, 5, 24 * 3600]
const [SHORTEST_KEY, LONGEST_KEY] = [2048, 8192] // bits
const TIMEOUT_MS = 5000

/** Why a request is refused, for the log; holds no part of a token or password. */
class TokenError extends Error {}

/** Make a function that returns the claims of the token in a header, and throws a TokenError for any other header. */
function tokenVerifier({ issuer, audience, fetchJson = fetchDocument, now }) {
  const findKey = publishedKeys(() => fetchKeys(issuer, fetchJson), now)

  return async (authorization) => {
    const [scheme, token = ''] = (authorization ?? '').split(' ')
    if (scheme.toLowerCase() !== 'bearer') throw new TokenError('there is no token')
    const { header, claims, signed, signature } = parseToken(token)
    if (header.alg !== 'RS256' || 'crit' in header) throw new TokenError('the token is not signed with RS256')
    const key = await findKey(header.kid)
    if (!key || !verify('RSA-SHA256', signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature)) {
      throw new TokenError('the signature of the token is wrong')
    }
    checkTime(claims, now())
    if (claims.iss !== issuer) throw new TokenError('the token has another issuer')
    if (![claims.aud].flat().some((each) => audience.includes(each))) throw new TokenError('the token has another audience')
    return claims
  }
}

function checkTime({ exp, nbf = 0 }, now) {
  if (typeof exp !== 'number' || typeof nbf !== 'number') throw new TokenError('the token has no valid expiry')
  if (now > exp + LEEWAY_S) throw new TokenError('the token has expired')
  if (now < nbf - LEEWAY_S) throw new TokenError('the token is not valid yet')
}

function parseToken(token) {
  const parts = token.split('.')
  if (token.length > LONGEST_TOKEN || parts.length !== 3) throw new TokenError('it is no token')
  try {
    const [header, claims] = parts.slice(0, 2).map((part) => ({ ...JSON.parse(Buffer.from(part, 'base64url')) }))
    const signed = Buffer.from(parts.slice(0, 2).join('.'))
    return { header, claims, signed, signature: Buffer.from(parts[2], 'base64url') }
  } catch {
    throw new TokenError('the token cannot be decoded')
  }
}

async function fetchKeys(issuer, fetchJson) {
  const { jwks_uri: place } = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  return (await fetchJson(place)).keys
}

/** Fetch a document; who could change it in transit could sign tokens, so only https is asked. */
async function fetchDocument(url) {
  if (!url.startsWith('https://')) throw new Error('keys are fetched by https alone')
  const reply = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`)
  return reply.json()
}

/**
 * Make a function that finds the keys that an issuer publishes, by id. They are fetched again for an unknown id or
 * after a day, one fetch at a time, but not too often, because anybody may send an unknown id.
 */
function publishedKeys(fetch, now) {
  let keys = new Map()
  let [freshUntil, noFetchUntil, fetching] = [-Infinity, -Infinity, null]

  async function reload() {
    try {
      keys = new Map((await fetch()).map((each) => [each.kid, readKey(each)]).filter(([, key]) => key))
      ;[noFetchUntil, freshUntil] = [now() + FETCH_PAUSE_S, now() + DAY_S]
    } catch (error) {
      noFetchUntil = now() + PAUSE_AFTER_FAILURE_S
      if (!keys.size) throw new TokenError('the keys of the issuer are not available', { cause: error })
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

module.exports = { TokenError, tokenVerifier }
