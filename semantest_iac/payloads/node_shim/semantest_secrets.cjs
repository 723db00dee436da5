'use strict'
// Loads the function's secrets into its environment at cold start, before its own code.

const http = require('node:http')

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const TIMEOUT_MS = 5000

/** Fetch every secret that SEMANTEST_SECRETS (JSON: name -> ARN) names; without any, nothing is called. */
async function loadSecrets(environment) {
  const references = Object.entries(JSON.parse(environment.SEMANTEST_SECRETS || '{}'))
  if (references.length === 0) return
  const fetch = makeFetcher(environment.AWS_ENDPOINT_URL_SECRETS_MANAGER)
  await Promise.all(references.map(async ([name, reference]) => {
    try {
      environment[name] = await fetch(reference)
    } catch (error) {
      throw new Error(`Cannot load secret ${name} (${reference}): ${error.message}`)
    }
  }))
}

/** Use AWS's SDK, or for an endpoint on this machine the same call without a signature. */
function makeFetcher(endpoint) {
  if (endpoint && LOOPBACK.includes(new URL(endpoint).hostname)) {
    return (reference) => fetchUnsigned(endpoint, reference)
  }
  const { SecretsManagerClient, GetSecretValueCommand } = require('@aws-sdk/client-secrets-manager')
  const client = new SecretsManagerClient({})
  return async (reference) => {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: reference }))
    return answer.SecretString
  }
}

function fetchUnsigned(endpoint, reference) {
  const headers = {
    'X-Amz-Target': 'secretsmanager.GetSecretValue',
    'Content-Type': 'application/x-amz-json-1.1',
  }
  return new Promise((resolve, reject) => {
    const request = http.request(endpoint, { method: 'POST', headers, timeout: TIMEOUT_MS }, (response) => {
      const parts = []
      response.on('error', reject).on('data', (part) => parts.push(part)).on('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(parts).toString())
          if (typeof answer.SecretString === 'string') resolve(answer.SecretString)
          else reject(new Error(answer.__type || 'no SecretString in the answer'))
        } catch (error) {
          reject(error)
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time'))).on('error', reject)
    request.end(JSON.stringify({ SecretId: reference }))
  })
}

module.exports = { loadSecrets }
