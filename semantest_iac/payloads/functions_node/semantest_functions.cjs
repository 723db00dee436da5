'use strict'
// The entry of a packaged Node app on Azure Functions: receives what calls it and calls the handler that is meant.
//
// The platform puts Key Vault's values into the app settings; where it could not yet, they are read here.

const { createHash, timingSafeEqual } = require('node:crypto')
const path = require('node:path')
const { app } = require('@azure/functions')
const { loadApplication } = require('./semantest_application.cjs')
const {
  acceptHeadersInUtf8, buildContext, buildEvent, buildResponse, buildUnavailableResponse,
  listTriggers,
} = require('./semantest_trigger.cjs')
const {
  BROKER, buildMessageEvent, buildScheduleEvent, findDueTime, readPlannedTime, readTimeout, requireSuccess,
} = require('./semantest_events.cjs')
const { buildEventOfFormat1, buildResultOfFormat2 } = require('./semantest_payload.cjs')
const { findUnresolvedSettings, makeSettingResolver } = require('./semantest_vault.cjs')
const settings = require('./semantest_shim.json')

const GATEWAY_HEADER = 'x-semantest-gateway'
const gatewayKey = process.env.SEMANTEST_GATEWAY_KEY // only the API gateway knows it, if there is one
delete process.env.SEMANTEST_GATEWAY_KEY
const triggers = JSON.parse(process.env.SEMANTEST_TRIGGERS ?? '[]') // what calls functions besides requests
delete process.env.SEMANTEST_TRIGGERS
const hasApi = triggers.length === 0 || process.env.SEMANTEST_ROUTES !== undefined
const routes = JSON.parse(process.env.SEMANTEST_ROUTES ?? '[]') // of several functions, by function
const isShared = !Array.isArray(routes)
const functions = new Map(isShared ? Object.entries(routes).flatMap(([name, keys]) => keys.map((key) => [key, name])) : [])
const routeKeys = isShared ? [...functions.keys()] : routes
delete process.env.SEMANTEST_ROUTES
const payload = process.env.SEMANTEST_PAYLOAD // of several functions, by function
const formats = isShared ? JSON.parse(payload ?? '{}') : { '': payload }
delete process.env.SEMANTEST_PAYLOAD

const source = path.join(__dirname, 'source')
process.chdir(source) // as on Lambda
acceptHeadersInUtf8()

const wrap = settings.wrapper ? require(settings.wrapper).wrapHandler : (handler) => handler
const resolveSettings = makeSettingResolver(process.env)
const loaded = new Map()
if (hasApi && !isShared && findUnresolvedSettings(process.env).length === 0) load('').catch(() => {}) // the first request reports it

/** Load the handler of a function, or without a name the application of the package. */
function load(name) {
  if (!loaded.has(name)) loaded.set(name, loadApplication(name ? settings.functions[name] : settings, source).then(wrap))
  return loaded.get(name)
}

for (const { name, route, methods } of hasApi ? listTriggers(routes) : []) {
  app.http(name, { route, methods, authLevel: 'anonymous', handler: answer })
}

for (const trigger of triggers) {
  const name = trigger.function || 'semantest'
  if (trigger.timer) app.timer(name, { schedule: trigger.timer, runOnStartup: false, useMonitor: true, handler: handleTick(trigger, name) })
  else if (trigger.http) app.http(name, { route: `api/${name}`, methods: ['POST'], authLevel: 'anonymous', handler: handleCall(trigger) })
  else registerMessages(trigger, name)
}

/** Register a function of the host that gets the messages of a queue or of a subscription, one at a time, as bytes. */
function registerMessages(trigger, name) {
  const { queue: queueName, topic: topicName, subscription: subscriptionName, ordered = false } = trigger
  const common = { connection: BROKER, isSessionsEnabled: ordered, dataType: 'binary', handler: handleMessage(trigger) }
  if (queueName) app.serviceBusQueue(name, { queueName, ...common })
  else app.serviceBusTopic(name, { topicName, subscriptionName, ...common })
}

function handleMessage(trigger) {
  return async (message, context) => {
    const event = buildMessageEvent(message, context.triggerMetadata ?? {}, trigger.queue ?? trigger.subscription)
    requireSuccess(await callEventHandler(trigger, event, context), event)
  }
}

/** Return what a timer calls, which may fire when the schedule means nothing. */
function handleTick(trigger, name) {
  return async (timer, context) => {
    const time = findDueTime(trigger, readPlannedTime(timer))
    if (time) await callEventHandler(trigger, buildScheduleEvent(context.invocationId, name, time), context)
  }
}

/** Return what other functions of the app call with an event as the body; requests of anybody else are refused. */
function handleCall(trigger) {
  const { TokenError, makeCallerIdentity } = require('./semantest_identity.cjs')
  const own = makeCallerIdentity(process.env)
  return async (request, context) => {
    try {
      await own.check(request.headers.get('authorization'))
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      context.log(JSON.stringify({ event: 'refused call', reason: error.message }))
      return { status: 403, jsonBody: { message: 'Forbidden' } }
    }
    const result = await callEventHandler(trigger, await request.json(), context)
    const headers = { 'content-type': 'application/json', 'x-semantest-call': 'answered' }
    return { status: 200, headers, body: JSON.stringify(result ?? null) }
  }
}

/** Call the handler of the trigger's function; what fails here is delivered again by the broker. */
async function callEventHandler(trigger, event, context) {
  const unresolved = await resolveSettings()
  if (unresolved.length > 0) throw new Error(`Key Vault has not given these settings yet: ${unresolved.join(', ')}`)
  const handler = await load(trigger.function)
  return handler(event, buildContext(context, readTimeout(process.env)))
}

async function answer(request, context) {
  if (!cameThroughGateway(request)) return { status: 403, jsonBody: { message: 'Forbidden' } }
  const unresolved = await resolveSettings() // before any code can take a reference for a secret
  if (unresolved.length > 0) return buildUnavailableResponse(unresolved)
  const event = await buildEvent(request, context, gatewayKey ? 1 : 0, routeKeys)
  if (isShared && !functions.has(event.routeKey)) return { status: 404 } // as the host does where no trigger fits
  const name = functions.get(event.routeKey) ?? ''
  const [handler, isFormat1] = [await load(name), formats[name] === '1.0']
  const result = await handler(isFormat1 ? buildEventOfFormat1(event, new URL(request.url).pathname) : event, buildContext(context))
  return buildResponse(isFormat1 ? buildResultOfFormat2(result) : result, request.method)
}

/** Whether the request has the gateway's key, which is removed from it; true if the app has no gateway. */
function cameThroughGateway(request) {
  const key = request.headers.get(GATEWAY_HEADER) ?? ''
  request.headers.delete(GATEWAY_HEADER)
  return !gatewayKey || timingSafeEqual(hash(key), hash(gatewayKey))
}

function hash(text) {
  return createHash('sha256').update(text).digest()
}
