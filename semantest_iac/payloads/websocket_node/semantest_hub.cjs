'use strict'
// Web PubSub's hub as an app sees it: the way to clients, and who gives out tokens with which to come in.
//
// Source: Azure's reference of Web PubSub's data-plane REST API, and of managed identities for apps.

const AUDIENCE = 'https://webpubsub.azure.com'
const VERSION = '2024-01-01'
const TIMEOUT_MS = 10_000
const EARLY_S = 300
const BUSY = [429, 503]
const PAUSES_MS = [100, 400, 1600]

/** The hub at an endpoint, called as the app itself; stand-ins on this machine are shown nothing. */
function hubOf(environment) {
  const endpoint = environment.SEMANTEST_HUB_ENDPOINT
  const token = endpoint.startsWith('https:') ? identityToken(environment) : null

  async function asked(method, path, known, { query = {}, ...more } = {}) {
    const url = `${endpoint}${path}?${new URLSearchParams({ 'api-version': VERSION, ...query })}`
    const shown = token ? { authorization: `Bearer ${await token()}` } : {}
    for (const pause of [...PAUSES_MS, null]) {
      const headers = { ...more.headers, ...shown }
      const reply = await fetch(url, { method, ...more, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (known.includes(reply.status)) return reply
      await reply.body?.cancel()
      if (!BUSY.includes(reply.status) || pause === null) throw new Error(`Azure answered ${reply.status}`)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  return {
    /** Whether somebody is there: Web PubSub takes messages to those who are gone as well, so it is asked first. */
    async post(id, body) {
      if ((await asked('HEAD', client(id), [200, 404])).status === 404) return false
      const sent = await asked('POST', `${client(id)}/:send`, [202, 404], { body, headers: { 'content-type': 'text/plain' } })
      return sent.status !== 404
    },
    async close(id, reason) {
      await asked('DELETE', client(id), [204, 404], { query: { reason } })
    },
    async accessToken(minutes) {
      const reply = await asked('POST', '/:generateToken', [200], { query: { minutesToExpire: String(minutes) } })
      return (await reply.json()).token
    },
  }
}

function client(id) {
  return `/connections/${encodeURIComponent(id)}`
}

/** Tokens of the app's identity, asked for anew some minutes before they end. */
function identityToken(environment) {
  let [token, ends] = ['', 0]
  return async () => {
    if (Date.now() / 1000 < ends - EARLY_S) return token
    const asked = { resource: AUDIENCE, 'api-version': '2019-08-01', client_id: environment.AzureWebJobsStorage__clientId }
    const headers = { 'x-identity-header': environment.IDENTITY_HEADER }
    const reply = await fetch(`${environment.IDENTITY_ENDPOINT}?${new URLSearchParams(asked)}`, { headers })
    if (reply.status !== 200) throw new Error(`Azure answered ${reply.status}`)
    const told = await reply.json()
    ;[token, ends] = [told.access_token, Number(told.expires_on)]
    return token
  }
}

module.exports = { hubOf }
