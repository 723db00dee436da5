'use strict'
// Calls a hub of Web PubSub with the app's own identity, or its stand-in on this machine without one.
//
// Source: Azure's reference of Web PubSub's data-plane REST API, and of managed identities for apps.

const AUDIENCE = 'https://webpubsub.azure.com'
const HUB_API_VERSION = '2024-01-01'
const TIMEOUT_MS = 10_000
const RENEW_BEFORE_END_S = 300
const BUSY = [429, 503]
const RETRY_PAUSES_MS = [100, 400, 1600]

/** Make the client of a hub; only HTTPS endpoints receive a token. */
function makeHub(environment) {
  const endpoint = environment.SEMANTEST_HUB_ENDPOINT
  const getToken = endpoint.startsWith('https:') ? makeTokenSource(environment, AUDIENCE) : null

  async function request(method, path, expected, { query = {}, ...options } = {}) {
    const url = `${endpoint}${path}?${new URLSearchParams({ 'api-version': HUB_API_VERSION, ...query })}`
    const identity = getToken ? { authorization: `Bearer ${await getToken()}` } : {}
    for (const pause of [...RETRY_PAUSES_MS, null]) {
      const headers = { ...options.headers, ...identity }
      const reply = await fetch(url, { method, ...options, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (expected.includes(reply.status)) return reply
      await reply.body?.cancel()
      if (!BUSY.includes(reply.status) || pause === null) throw new Error(`Azure answered ${reply.status}`)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  return {
    /** Send a message; false if the client is gone. Web PubSub accepts such messages too, so it is asked first. */
    async send(id, body) {
      if ((await request('HEAD', connectionPath(id), [200, 404])).status === 404) return false
      const headers = { 'content-type': 'text/plain' }
      const reply = await request('POST', `${connectionPath(id)}/:send`, [202, 404], { body, headers })
      return reply.status !== 404
    },
    async close(id, reason) {
      await request('DELETE', connectionPath(id), [204, 404], { query: { reason } })
    },
    async issueToken(minutes) {
      const reply = await request('POST', '/:generateToken', [200], { query: { minutesToExpire: String(minutes) } })
      return (await reply.json()).token
    },
  }
}

function connectionPath(id) {
  return `/connections/${encodeURIComponent(id)}`
}

/** Make a function that gets a token of the app's identity for an audience, renewed some minutes before it expires. */
function makeTokenSource(environment, audience) {
  let [token, expiresAt] = ['', 0]
  return async () => {
    if (Date.now() / 1000 < expiresAt - RENEW_BEFORE_END_S) return token
    const query = { resource: audience, 'api-version': '2019-08-01', client_id: environment.AzureWebJobsStorage__clientId }
    const headers = { 'x-identity-header': environment.IDENTITY_HEADER }
    const reply = await fetch(`${environment.IDENTITY_ENDPOINT}?${new URLSearchParams(query)}`, { headers })
    if (reply.status !== 200) throw new Error(`Azure answered ${reply.status}`)
    const body = await reply.json()
    ;[token, expiresAt] = [body.access_token, Number(body.expires_on)]
    return token
  }
}

module.exports = { makeHub, makeTokenSource }
