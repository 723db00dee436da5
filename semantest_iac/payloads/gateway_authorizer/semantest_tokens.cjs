'use strict'
// Verifies JSON web tokens that are signed with published keys (RS256).
//
// Source: RFC 7517 (the form of keys), RFC 7519 (claims).

const { constants, createPublicKey, verify } = require('node:crypto')

const LONGEST_TOKEN = 8192
const LEEWAY_S = 30
const [FETCH_PAUSE_S, PAUSE_AFTER_FAILURE_S, DAY_S] = [300, 5, 24 * 3600]
const [SHORTEST_KEY, LONGEST_KEY] = [2048, 8192] // bits

/** Why a token is refused, for the log; holds no part of it. */
class TokenError extends Error {}

/** Return the token of an authorization header; throws a TokenError without one. */
function bearerToken(authorization) {
  const [scheme, token = ''] = (authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'bearer') throw new TokenError('there is no token')
  return token
}

/** Return the claims of a token that is signed by one of the issuers and in time for one of the audiences, or throw a TokenError. */
async function verifiedClaims(token, { findKey, now, issuers, audiences }) {
  const { header, claims, signed, signature } = parseToken(token)
  if (header.alg !== 'RS256' || 'crit' in header) throw new TokenError('it is not signed with RS256')
  const key = await findKey(header.kid)
  if (!key || !verify('RSA-SHA256', signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature)) {
    throw new TokenError('its signature is wrong')
  }
  checkTime(claims, now())
  if (![claims.aud].flat().some((each) => audiences.includes(each))) throw new TokenError('it has another audience')
  if (!issuers.includes(claims.iss)) throw new TokenError('it has another issuer')
  return claims
}

function checkTime({ exp, nbf = 0 }, now) {
  if (typeof exp !== 'number' || typeof nbf !== 'number') throw new TokenError('it has no valid expiry')
  if (now > exp + LEEWAY_S) throw new TokenError('it has expired')
  if (now < nbf - LEEWAY_S) throw new TokenError('it is not valid yet')
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
 * Make a function that finds published keys by id. They are fetched again for an unknown id or after a day, one fetch
 * at a time, but not too often, because anybody may send an unknown id.
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
      if (!keys.size) throw new TokenError('the keys of its issuer are not available', { cause: error })
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

module.exports = { TokenError, bearerToken, publishedKeys, readKey, verifiedClaims }
