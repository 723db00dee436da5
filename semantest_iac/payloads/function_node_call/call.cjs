'use strict'
// Calls other functions of the same component with requests: by Lambda's Invoke, or with the event to their app.
//
// An app of Azure is called as its own identity. Source: Lambda's reference of Invoke, and the developer guide of API
// Gateway on payload format 2.0 of HTTP APIs.

const { randomUUID } = require('node:crypto')
const http = require('node:http')
const https = require('node:https')

const LARGEST_CALL = 6 * 1024 * 1024 // bytes of an event, and of an answer
const [ATTEMPTS, PAUSE_MS] = [4, 500]
const LONGEST_CALL_MS = 900_000 // for which a function may run
const BUSY = 'TooManyRequestsException' // the function has not run
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const TEXT_TYPES = ['text/', 'application/json', 'application/xml', 'application/javascript']
const [JSON_TYPE, TEXT_TYPE, BYTES_TYPE] = ['application/json', 'text/plain; charset=utf-8', 'application/octet-stream']
const NO_ADDRESS = '0.0.0.0' // a caller has none
const ARN_PREFIX = 'arn:' // of an alias of Lambda; other addresses are those of an app
const CALL_AUDIENCE = 'https://management.azure.com' // which every directory knows
const ANSWER_HEADER = 'x-semantest-call' // of what a called function returned
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

let client
let getToken

/** A function was not called; the message says why, and holds no part of the request. */
class CallError extends Error {
  name = 'CallError'
}

/** What a function answers, with the names of headers in lower case and the body as bytes. */
class Answer {
  constructor(status, headers, body, cookies = []) {
    Object.assign(this, { status, headers, body, cookies })
  }

  text() {
    return this.body.toString('utf8')
  }

  json() {
    return JSON.parse(this.text())
  }
}

/**
 * Send a request to a function and resolve with its answer; a function that fails answers 500.
 * `path` is percent-encoded and may have a query. An object is sent as JSON. A call that no function got, as all of its
 * instances are busy, is repeated; one that it may have got is not.
 */
async function call(name, method, path, { body, headers = {} } = {}) {
  const address = process.env[`SEMANTEST_CALL_${name.toUpperCase().replaceAll('-', '_')}`]
  if (!address) throw new Error(`This function does not call '${name}': name it in calls.`)
  if (!path.startsWith('/') || !/^[A-Za-z]+$/.test(method)) {
    throw new RangeError(`'${method} ${path}' is no request: a path begins with a slash.`)
  }
  const event = Buffer.from(JSON.stringify(buildEvent(name, address, method.toUpperCase(), path, body, headers)))
  if (event.length > LARGEST_CALL) {
    throw new RangeError(`The request has ${event.length} bytes; at most ${LARGEST_CALL} can be sent.`)
  }
  const { result, failed } = await invoke(name, address, event)
  return failed ? failedAnswer() : readAnswer(result)
}

/** Return the event of a request, as an HTTP API of API Gateway sends it in format 2.0. */
function buildEvent(name, address, method, path, body, headers) {
  const [content, kind] = encodeBody(body)
  let sent = Object.fromEntries(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), String(value)]))
  if (content) sent = { 'content-type': kind, ...sent, 'content-length': String(content.length) }
  sent = { 'user-agent': 'semantest-call', ...sent, host: name }
  const cookies = (sent.cookie ?? '').split(';').map((it) => it.trim()).filter(Boolean)
  delete sent.cookie
  const [rawPath, rawQueryString] = splitPath(path)
  const query = {}
  for (const [key, value] of new URLSearchParams(rawQueryString)) query[key] = key in query ? `${query[key]},${value}` : value
  const isText = TEXT_TYPES.some((type) => (sent['content-type'] ?? '').toLowerCase().startsWith(type)) && isUtf8(content)
  const now = new Date()
  const context = { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: NO_ADDRESS, userAgent: sent['user-agent'] }
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookies.length && { cookies }),
    headers: Object.fromEntries(Object.entries(sent).sort()),
    ...(Object.keys(query).length && { queryStringParameters: query }),
    requestContext: {
      accountId: address.startsWith(ARN_PREFIX) ? address.split(':')[4] : 'azure',
      apiId: name,
      domainName: name,
      domainPrefix: name,
      http: context,
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: formatTime(now),
      timeEpoch: now.getTime(),
    },
    ...(content?.length && { body: content.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: Boolean(content?.length) && !isText,
  }
}

function encodeBody(body) {
  if (body === undefined || body === null) return [undefined, '']
  if (body instanceof Uint8Array) return [Buffer.from(body), BYTES_TYPE]
  return typeof body === 'string' ? [Buffer.from(body), TEXT_TYPE] : [Buffer.from(JSON.stringify(body)), JSON_TYPE]
}

function isUtf8(content) {
  return !content || Buffer.compare(Buffer.from(content.toString('utf8')), content) === 0
}

/** Return the decoded path and the query as it was written; a fragment is dropped. */
function splitPath(path) {
  const [whole] = path.split('#')
  const at = whole.indexOf('?')
  return at < 0 ? [decodeURIComponent(whole), ''] : [decodeURIComponent(whole.slice(0, at)), whole.slice(at + 1)]
}

function formatTime(now) {
  const [day, month] = [String(now.getUTCDate()).padStart(2, '0'), MONTHS[now.getUTCMonth()]]
  return `${day}/${month}/${now.getUTCFullYear()}:${now.toISOString().slice(11, 19)} +0000`
}

/** Return what a function answered; without a status code, all that it returned is the body of a 200. */
function readAnswer(result) {
  const value = JSON.parse(result || 'null')
  if (value === null || typeof value !== 'object' || !('statusCode' in value)) {
    return new Answer(200, { 'content-type': JSON_TYPE }, Buffer.from(typeof value === 'string' ? value : result))
  }
  const { statusCode, body, isBase64Encoded, headers, cookies } = value
  const status = Number.parseInt(statusCode, 10)
  if (!Number.isInteger(status) || (body && typeof body !== 'string')) return failedAnswer()
  const given = Object.entries(headers ?? {}).map(([name, it]) => [name.toLowerCase(), String(it)])
  const content = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8')
  return new Answer(status, { 'content-type': 'text/plain;charset=UTF-8', ...Object.fromEntries(given) }, content, cookies ?? [])
}

/** Return what an HTTP API answers for a function that failed. */
function failedAnswer() {
  return new Answer(500, { 'content-type': JSON_TYPE }, Buffer.from('{"message":"Internal Server Error"}'))
}

async function invoke(name, address, event) {
  const send = chooseSender(address)
  let code
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (attempt - 1)))
    const called = await send(address, event)
    if (!called.code) return called
    code = called.code
    if (code !== BUSY) break
  }
  throw new CallError(`'${name}' was not called: ${code}.`)
}

function chooseSender(address) {
  if (!address.startsWith(ARN_PREFIX)) return postToApp
  const endpoint = process.env.AWS_ENDPOINT_URL_LAMBDA
  const isLocal = endpoint && LOOPBACK.includes(new URL(endpoint).hostname)
  return isLocal ? invokeUnsigned : invokeSdk
}

/** Use AWS's SDK, which is part of Lambda's Node runtimes; a function must not run twice because its answer was late. */
async function invokeSdk(address, event) {
  const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda')
  client ??= new LambdaClient({ maxAttempts: 1 })
  try {
    const answer = await client.send(new InvokeCommand({ FunctionName: address, Payload: event }))
    return { result: Buffer.from(answer.Payload ?? []).toString('utf8'), failed: Boolean(answer.FunctionError) }
  } catch (error) {
    if (!error.$metadata?.httpStatusCode) throw new CallError(`The function does not answer: ${error.name}.`)
    return { code: error.name }
  }
}

async function invokeUnsigned(address, event) {
  const endpoint = process.env.AWS_ENDPOINT_URL_LAMBDA.replace(/\/$/, '')
  const { status, headers, text } = await post(`${endpoint}/2015-03-31/functions/${encodeURIComponent(address)}/invocations`, event)
  const code = status >= 300 ? headers['x-amzn-errortype'] || String(status) : ''
  return { result: text, failed: 'x-amz-function-error' in headers, code }
}

/** Post the event as the identity of the app, which is that of all its functions. */
async function postToApp(address, event) {
  const { protocol, hostname } = new URL(address)
  if (protocol !== 'https:' && !LOOPBACK.includes(hostname)) {
    throw new Error('The address of a function must begin with https://.') // of what a token is sent to
  }
  const token = await findToken()
  const { status, headers, text } = await post(address, event, { authorization: `Bearer ${token}` })
  if (status === 200 && ANSWER_HEADER in headers) return { result: text, failed: false }
  if (status === 500) return { result: text, failed: true } // of the host, for a function that failed
  return { code: status === 429 ? BUSY : String(status) }
}

async function findToken() {
  getToken ??= require('../../semantest_azure.cjs').makeTokenSource(process.env, CALL_AUDIENCE)
  try {
    return await getToken()
  } catch (error) {
    throw new CallError(`The app has no token of its identity: ${error.name}.`)
  }
}

/** Post an event; `fetch` would give up after five minutes. */
function post(url, event, own = {}) {
  const headers = { 'content-type': JSON_TYPE, 'content-length': event.length, ...own }
  return new Promise((resolve, reject) => {
    const fail = (error) => reject(new CallError(`The function does not answer: ${error.message}.`))
    const { request: begin } = url.startsWith('https:') ? https : http
    const request = begin(url, { method: 'POST', headers, timeout: LONGEST_CALL_MS }, (reply) => {
      const parts = []
      reply.on('data', (part) => parts.push(part))
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, text: Buffer.concat(parts).toString('utf8') }))
      reply.on('error', fail)
    })
    request.on('timeout', () => request.destroy(new Error('it took too long')))
    request.on('error', fail)
    request.end(event)
  })
}

module.exports = { Answer, CallError, call }
