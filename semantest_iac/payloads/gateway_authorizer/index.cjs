'use strict'
// The authorizer of a gateway on AWS: API Gateway calls it for requests to APIs that need a login or a token.
//
// SEMANTEST_GATEWAY_APIS (JSON) says what each needs: [{path, login, jwt: {issuer, audience, header}}]. The password of
// the login is read from Secrets Manager, again after some minutes, so that another one needs no deployment.

const { createHash, timingSafeEqual } = require('node:crypto')
const { TokenError } = require('./semantest_tokens.cjs')
const { tokenVerifier } = require('./tokens.cjs')

const PASSWORD_LIFETIME_S = 300

/** Make the handler; any error refuses the request, and API Gateway answers 401 for this text alone. */
function makeHandler(environment, { readSecret = readFromSecretsManager, fetchJson, now = () => Date.now() / 1000 } = {}) {
  const apis = JSON.parse(environment.SEMANTEST_GATEWAY_APIS || '[]').map(({ jwt, ...api }) => ({
    ...api, jwt, verify: jwt ? tokenVerifier({ ...jwt, fetchJson, now }) : null,
  }))
  const findPassword = remembered(() => readSecret(environment.SEMANTEST_GATEWAY_PASSWORD), PASSWORD_LIFETIME_S, now)

  async function handler(event) {
    const api = findApi(apis, event.resource)
    try {
      if (!api) throw new TokenError('no API is at this path')
      if (api.login) checkLogin(readHeader(event, 'authorization'), environment.SEMANTEST_GATEWAY_USER, await findPassword())
      const claims = api.verify ? await api.verify(readHeader(event, api.jwt.header || 'authorization')) : {}
      return allow(claims.sub ?? environment.SEMANTEST_GATEWAY_USER ?? 'client', event.methodArn, api.path)
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      console.log(JSON.stringify({ event: 'AUTHORIZE', refused: error.message }))
      throw new Error('Unauthorized')
    }
  }
  return handler
}

/** Return the API with the longest path that a resource such as `/orders/{path+}` is at or below. */
function findApi(apis, resource) {
  const found = apis.filter(({ path }) => path === '/' || resource === path || resource.startsWith(`${path}/`))
  return found.sort((one, other) => other.path.length - one.path.length)[0]
}

/** Return the only value of a header: a service may look at another one of several than this does. */
function readHeader({ headers, multiValueHeaders }, wanted) {
  const found = Object.entries(multiValueHeaders ?? headers ?? {}).filter(([name]) => name.toLowerCase() === wanted.toLowerCase())
  const values = found.flatMap(([, value]) => value)
  if (values.length > 1) throw new TokenError(`there are several headers ${wanted}`)
  return values[0]
}

function checkLogin(authorization, user, password) {
  const [scheme, encoded = ''] = (authorization ?? '').split(' ')
  const sent = Buffer.from(encoded, 'base64').toString()
  if (scheme.toLowerCase() !== 'basic' || !isSame(sent, `${user}:${password}`)) throw new TokenError('the login is wrong')
}

function isSame(one, other) {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(left, right)
}

/** Build a policy for the whole API: API Gateway keeps it for other requests with the same credentials. */
function allow(principal, methodArn, path) {
  const stage = methodArn.split('/').slice(0, 2).join('/')
  const below = path === '/' ? '' : path
  const resources = [`${stage}/*${path}`, `${stage}/*${below}/*`]
  const statement = { Action: 'execute-api:Invoke', Effect: 'Allow', Resource: resources }
  return { principalId: String(principal), policyDocument: { Version: '2012-10-17', Statement: [statement] } }
}

/** Remember what a function returns for some seconds; a failure is not remembered. */
function remembered(read, seconds, now) {
  let [value, until] = [null, -Infinity]
  return async () => {
    if (value === null || now() >= until) {
      value = read()
      until = now() + seconds
      value.catch(() => { value = null })
    }
    return value
  }
}

async function readFromSecretsManager(arn) {
  const { SecretsManagerClient, GetSecretValueCommand } = require('@aws-sdk/client-secrets-manager')
  return (await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: arn }))).SecretString
}

module.exports = { handler: makeHandler(process.env), makeHandler }
