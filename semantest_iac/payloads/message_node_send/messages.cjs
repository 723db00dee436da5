'use strict'
// Sends messages to queues and topics: with AWS's SDK, over Service Bus' REST interface, or unsigned on this machine.
//
// Source: the references of SQS and SNS, and Azure's of "Send Message Batch" and of managed identities for apps.

const { randomUUID } = require('node:crypto')

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const [TIMEOUT_MS, TOKEN_MARGIN_MS, ATTEMPTS, PAUSE_MS] = [10_000, 300_000, 4, 500]
const [BUS_AUDIENCE, IDENTITY_API_VERSION] = ['https://servicebus.azure.net', '2019-08-01']
const BATCH_TYPE = 'application/vnd.microsoft.servicebus.json'
const QUEUE_PATH = /^\/\d{12}\/[\w-]+(\.fifo)?$/ // of an address of SQS
const BUSY = [429, 500, 503]

const clients = new Map()
let identity = { token: '', renewAt: 0 }

/** Send to an address of SQS, SNS or Service Bus, and resolve with the id of the message. */
async function send(address, message) {
  if (address.startsWith('arn:')) return callAws('sns', { TopicArn: address, Message: message.body }, address, message)
  const url = new URL(address)
  if (QUEUE_PATH.test(url.pathname)) return callAws('sqs', { QueueUrl: address, MessageBody: message.body }, address, message)
  return sendToBus(url, message)
}

async function callAws(service, input, address, { attributes, group, id }) {
  const own = id || randomUUID()
  if (Object.keys(attributes).length) input.MessageAttributes = mapValues(attributes, describe)
  if (address.endsWith('.fifo')) Object.assign(input, { MessageGroupId: group || own, MessageDeduplicationId: own })
  const endpoint = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`]
  if (endpoint && LOOPBACK.includes(new URL(endpoint).hostname)) return callUnsigned(service, endpoint, input)
  return (await sdkCall(service, input)).MessageId
}

function describe(value) {
  return { DataType: typeof value === 'number' ? 'Number' : 'String', StringValue: String(value) }
}

/** Use AWS's SDK, which is part of Lambda's Node runtimes. */
function sdkCall(service, input) {
  const sdk = require(`@aws-sdk/client-${service}`)
  const [Client, Command] = service === 'sqs' ? [sdk.SQSClient, sdk.SendMessageCommand] : [sdk.SNSClient, sdk.PublishCommand]
  if (!clients.has(service)) clients.set(service, new Client({}))
  return clients.get(service).send(new Command(input))
}

/** Call a service on this machine: SQS in its JSON protocol, SNS with a form. */
async function callUnsigned(service, endpoint, input) {
  if (service === 'sqs') {
    const headers = { 'x-amz-target': 'AmazonSQS.SendMessage', 'content-type': 'application/x-amz-json-1.0' }
    return (await (await request(endpoint, { method: 'POST', headers, body: JSON.stringify(input) }, 'the queue')).json()).MessageId
  }
  const { MessageAttributes: attributes = {}, ...texts } = input
  const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31', ...texts })
  Object.entries(attributes).forEach(([name, value], index) => {
    const entry = `MessageAttributes.entry.${index + 1}`
    form.set(`${entry}.Name`, name)
    for (const [key, text] of Object.entries(value)) form.set(`${entry}.Value.${key}`, text)
  })
  const answer = await (await request(endpoint, { method: 'POST', body: form }, 'the topic')).text()
  const id = /<MessageId>([^<]+)<\/MessageId>/.exec(answer)?.[1]
  if (!id) throw new Error('the topic gave no id for the message')
  return id
}

/** Send in the form of a batch, because it keeps the names and types of attributes; headers would not. */
async function sendToBus(url, { body, attributes, group, id }) {
  const own = id || randomUUID()
  const session = group || (url.hash === '#ordered' ? own : '')
  const sent = { Body: body, BrokerProperties: { MessageId: own, ...(session && { SessionId: session }) }, UserProperties: attributes }
  const headers = { 'content-type': BATCH_TYPE }
  if (!LOOPBACK.includes(url.hostname)) headers.authorization = `Bearer ${await getToken()}`
  const address = `${url.origin}${url.pathname}/messages`
  await (await request(address, { method: 'POST', headers, body: JSON.stringify([sent]) }, 'the broker')).body?.cancel()
  return own
}

/** Return a token of the app's own identity, which is kept until shortly before it expires. */
async function getToken() {
  if (Date.now() < identity.renewAt) return identity.token
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header, AzureWebJobsStorage__clientId: client } = process.env
  if (!endpoint || !header) throw new Error('the app has no identity')
  const query = new URLSearchParams({ resource: BUS_AUDIENCE, 'api-version': IDENTITY_API_VERSION, ...(client && { client_id: client }) })
  const reply = await request(`${endpoint}?${query}`, { headers: { 'x-identity-header': header } }, 'the identity')
  const { access_token: token, expires_on: expiresOn } = await reply.json()
  identity = { token, renewAt: Number(expiresOn) * 1000 - TOKEN_MARGIN_MS }
  return token
}

/** Send a request; busy services and lost connections are tried again. */
async function request(address, options, who) {
  let reason
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (attempt - 1)))
    try {
      const reply = await fetch(address, { ...options, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (reply.ok) return reply
      await reply.body?.cancel()
      reason = `answered ${reply.status}`
      if (!BUSY.includes(reply.status)) break
    } catch (error) {
      reason = `does not answer: ${error.message}`
    }
  }
  throw new Error(`${who} ${reason}`)
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}

module.exports = { send }
