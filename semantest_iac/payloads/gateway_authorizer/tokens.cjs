'use strict'
// Verifies the tokens of one issuer with the keys that it publishes.
//
// Source: OpenID Connect Discovery (where the keys are).

const { bearerToken, publishedKeys, verifiedClaims } = require('./semantest_tokens.cjs')

const [TIMEOUT_MS, MOST_REDIRECTS] = [5000, 3]

/** Make a function that returns the claims of the token in a header, and throws a TokenError for any other header. */
function tokenVerifier({ issuer, audience, fetchJson = fetchDocument, now }) {
  const findKey = publishedKeys(() => fetchKeys(issuer, fetchJson), now)
  const rules = { findKey, now, issuers: [issuer], audiences: audience }
  return async (authorization) => verifiedClaims(bearerToken(authorization), rules)
}

async function fetchKeys(issuer, fetchJson) {
  const { jwks_uri: place } = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  return (await fetchJson(place)).keys
}

/** Fetch a document; who could change it in transit could sign tokens, so only https is asked, also by redirects. */
async function fetchDocument(url, redirects = MOST_REDIRECTS) {
  if (!url.startsWith('https://')) throw new Error('keys are fetched by https alone')
  const reply = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
  const place = reply.status >= 300 && reply.status < 400 && reply.headers.get('location')
  if (place && redirects > 0) return fetchDocument(new URL(place, url).href, redirects - 1)
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`)
  return reply.json()
}

module.exports = { fetchDocument, tokenVerifier }
