'use strict'
// Reads secrets from Key Vault itself while the platform leaves references in their place.
//
// Azure resolves the references of an app when it starts; roles take minutes to apply, and Azure tries again only at a
// restart or after a day. Source: Azure's documentation of Key Vault references, of managed identities for apps (the
// local token endpoint), and of Key Vault's "Get Secret".

const REFERENCE_START = '@Microsoft.KeyVault('
const SECRET_URI = /^@Microsoft\.KeyVault\(SecretUri=([^()\s]+)\)$/
const VAULT_DOMAINS = ['.vault.azure.net', '.vault.azure.cn', '.vault.usgovcloudapi.net']
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const [VAULT_API_VERSION, IDENTITY_API_VERSION] = ['7.4', '2019-08-01']
const [TIMEOUT_MS, PAUSE_MS] = [5000, 5000]

/** List settings that hold a reference to Key Vault in place of its value. */
function findUnresolvedSettings(environment) {
  return Object.keys(environment).filter((name) => environment[name].startsWith(REFERENCE_START)).sort()
}

/**
 * Make a function that replaces references in the environment by values, and returns the settings that have none yet,
 * each with the reason where one is known. It asks the vault again after a pause, however many requests come.
 */
function makeSettingResolver(environment, now = () => performance.now()) {
  let [notBefore, reading] = [-Infinity, null]
  const reasons = new Map()

  async function read(name) {
    reasons.delete(name)
    try {
      environment[name] = await readSecret(environment[name], environment)
    } catch (error) {
      reasons.set(name, error.message)
    }
  }
  return async () => {
    if (findUnresolvedSettings(environment).length === 0) return []
    if (!reading && now() >= notBefore) {
      reading = Promise.all(findUnresolvedSettings(environment).map(read)).finally(() => {
        ;[notBefore, reading] = [now() + PAUSE_MS, null]
      })
    }
    await reading
    return findUnresolvedSettings(environment).map((name) => (reasons.has(name) ? `${name} (${reasons.get(name)})` : name))
  }
}

/** Return the value that a reference names; throws an error whose text holds no part of a secret. */
async function readSecret(reference, environment) {
  const uri = SECRET_URI.exec(reference)?.[1]
  const { protocol, hostname } = URL.canParse(uri ?? '') ? new URL(uri) : {}
  const isVault = protocol === 'https:' && VAULT_DOMAINS.some((domain) => hostname.endsWith(domain))
  if (!isVault && !(protocol === 'http:' && LOOPBACK.includes(hostname))) { // nobody else may receive the token
    throw new Error('the reference names no secret of a vault')
  }
  const resource = isVault ? `https://${hostname.slice(hostname.indexOf('.') + 1)}` : 'https://vault.azure.net'
  const headers = { authorization: `Bearer ${await getIdentityToken(resource, environment)}` }
  const address = `${uri.replace(/\/+$/, '')}?api-version=${VAULT_API_VERSION}`
  const { value } = await getJson(address, headers, 'Key Vault')
  if (typeof value !== 'string' || value.startsWith(REFERENCE_START)) throw new Error('Key Vault gave no value')
  return value
}

/** Return a token of the app's identity, which the environment names. */
async function getIdentityToken(resource, environment) {
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header, AzureWebJobsStorage__clientId: client } = environment
  if (!endpoint || !header) throw new Error('the app has no identity')
  const query = { resource, 'api-version': IDENTITY_API_VERSION, ...(client && { client_id: client }) }
  const address = `${endpoint}?${new URLSearchParams(query)}`
  return (await getJson(address, { 'x-identity-header': header }, 'the identity')).access_token
}

async function getJson(address, headers, who) {
  let reply
  try {
    reply = await fetch(address, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch {
    throw new Error(`${who} did not answer`)
  }
  if (reply.status !== 200) {
    await reply.body?.cancel()
    throw new Error(`${who} answered ${reply.status}`)
  }
  const body = await reply.json().catch(() => null)
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Error(`${who} gave no answer that can be read`)
  return body
}

module.exports = { findUnresolvedSettings, makeSettingResolver }
