'use strict'
// Runs inside a function app's process: loads the app as Azure's worker does, and calls its functions.
//
// Started as `functions_node_host.cjs` in the package's folder. The package brings
// `@azure/functions`; its interface to the worker, `@azure/functions-core`, is simulated here. An app that registers no
// function of model v4 is one of model v3, with a function.json for each function.

const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { LARGEST_IN_LINE, serve } = require('./channel.cjs')
const { log, readRules } = require('./functions_log.cjs')
const { openHttpStream } = require('./functions_http_stream.cjs')
const { loadFunctionFolders } = require('./functions_node_v3.cjs')

const MAX_ANSWER_BYTES = 128 * 1024 * 1024 // of one message between Azure's host and its worker
const SPECIAL = /\*\*\/|[*?{},]|[.+^$()|[\]\\]/g
const PATTERNS = { '**/': '(?:.*/)?', '*': '[^/]*', '?': '[^/]', '{': '(?:', '}': ')', ',': '|' }
const SAME_SITE = { lax: 'lax', strict: 'strict', explicitNone: 'none' }
const registered = new Map()
let model
let stream

const core = {
  version: '4.0.0',
  registerFunction(metadata, callback) {
    registered.set(metadata.name, { metadata, callback })
    return { dispose() {} }
  },
  registerHook: () => ({ dispose() {} }),
  setProgrammingModel(value) { model = value },
  getProgrammingModel: () => model,
  log: (level, category, message) => log('', level, message),
}

function provideCore() {
  const load = Module._load
  Module._load = (request, ...rest) => (request === '@azure/functions-core' ? core : load(request, ...rest))
}

/** Load every file that `main` of package.json names; it may be a pattern. */
async function load() {
  provideCore()
  readRules()
  const folders = loadFunctionFolders(log)
  const files = mainFiles(folders.facts.functions.length > 0)
  for (const file of files) await import(pathToFileURL(path.resolve(file)).href)
  if (registered.size === 0 && folders.facts.functions.length > 0) return folders
  stream = await openHttpStream(model)
  return { call, facts: { functions: [...registered.values()].map(factsOf) } }
}

/** List the files of model v4; an app of model v3 needs none. */
function mainFiles(hasFolders) {
  const { main } = fs.existsSync('package.json') ? JSON.parse(fs.readFileSync('package.json', 'utf8')) : {}
  const files = main ? filesOf(main) : []
  if (files.length > 0 || hasFolders) return files
  throw new Error(main ? `package.json names '${main}' as main, and there is no such file` : 'package.json names no main file')
}

function filesOf(main) {
  const mainFile = path.posix.normalize(main)
  if (fs.existsSync(mainFile)) return [mainFile]
  const pattern = new RegExp(`^${mainFile.replace(SPECIAL, (sign) => PATTERNS[sign] ?? `\\${sign}`)}$`)
  const names = fs.readdirSync('.', { recursive: true }).map((name) => name.split(path.sep).join('/'))
  return names.filter((name) => pattern.test(name) && !name.includes('node_modules/')).sort()
}

function factsOf({ metadata }) {
  const { route, methods, authLevel } = triggerOf(metadata)[1] ?? {}
  return { name: metadata.name, isHttp: Boolean(triggerOf(metadata)), trigger: eventTriggerOf(metadata)[1]?.type, route, methods, authLevel }
}

function triggerOf(metadata) {
  return Object.entries(metadata.bindings).find(([, binding]) => binding.type.toLowerCase() === 'httptrigger') ?? false
}

/** Find what calls a function besides requests. */
function eventTriggerOf(metadata) {
  return Object.entries(metadata.bindings).find(([, { type }]) => ['servicebustrigger', 'timertrigger'].includes(type.toLowerCase())) ?? []
}

/** Call a function with a message, or with a tick and the time that was planned. */
async function callWithEvent({ function: name, message, timer, id, trace }) {
  const { metadata, callback } = registered.get(name)
  const traceContext = { traceParent: trace.parent, traceState: trace.state, attributes: {} }
  const data = timer ? { json: JSON.stringify({ ScheduleStatus: { Next: timer.planned }, IsPastDue: false }) } : { bytes: Buffer.from(message.body, 'base64') }
  const request = { inputData: [{ name: eventTriggerOf(metadata)[0], data }], triggerMetadata: message ? messageMetadata(message) : {}, traceContext }
  const logUser = (level, category, text) => log(name, level, text)
  const invocation = model.getInvocationModel({ invocationId: id, metadata, request, log: logUser, state: 'invocation' })
  const { context, inputs } = await invocation.getArguments()
  await invocation.invokeFunction(context, inputs, callback)
  return null
}

function messageMetadata({ id, lock = '', deliveries = 1, sent = 0, group, attributes = {} }) {
  return {
    MessageId: { string: id }, LockToken: { string: lock }, DeliveryCount: { int: deliveries },
    EnqueuedTimeUtc: { string: new Date(sent * 1000).toISOString() }, ...(group && { SessionId: { string: group } }),
    ApplicationProperties: { json: JSON.stringify(attributes) },
  }
}

async function call(event) {
  return event.http ? callWithRequest(event) : callWithEvent(event)
}

async function callWithRequest({ function: name, http, id, trace }) {
  const { metadata, callback } = registered.get(name)
  const triggerMetadata = stream ? stream.metadataOf(http) : {}
  const traceContext = { traceParent: trace.parent, traceState: trace.state, attributes: {} }
  const request = { inputData: [{ name: triggerOf(metadata)[0], data: { http: rpc(http) } }], triggerMetadata, traceContext }
  const logUser = (level, category, message) => log(name, level, message)
  const invocation = model.getInvocationModel({ invocationId: id, metadata, request, log: logUser, state: 'invocation' })
  const answer = stream?.send(http, id)
  try {
    const { context, inputs } = await invocation.getArguments()
    const result = await invocation.invokeFunction(context, inputs, callback)
    const { returnValue } = await invocation.getResponse(context, result)
    if (answer) return await answer.response
    return returnValue?.http ? plain(returnValue.http) : null
  } finally {
    answer?.close()
  }
}

function rpc({ method, url, headers, query, params, body }) {
  const [nullableHeaders, nullableQuery, nullableParams] = [headers, query, params].map(nullable)
  const bytes = body ? { bytes: Buffer.from(body, 'base64') } : undefined
  return { method, url, nullableHeaders, nullableQuery, nullableParams, body: bytes }
}

function nullable(values) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
}

function plain({ statusCode, headers, cookies, body }) {
  const content = Buffer.from(body?.bytes ?? body?.string ?? '')
  return { status: Number(statusCode), headers, cookies: cookies.map(plainCookie), body: content.toString('base64') }
}

function plainCookie({ name, value, sameSite, ...rest }) {
  const values = Object.fromEntries(Object.entries(rest).map(([key, given]) => [key, given?.value]))
  return { name, value, ...values, expires: values.expires?.seconds, sameSite: SAME_SITE[sameSite] }
}

/** Describe an error for the host, which writes it to the log. */
function describeError(error) {
  const stackTrace = String(error?.stack ?? '').split('\n')
  return { errorMessage: String(error?.message ?? error), errorType: error?.name ?? 'Error', stackTrace }
}

/** Take a large body, which is in base64, from an answer. */
function takeLargeBody(answer) {
  const size = answer?.body.length ?? 0
  return size <= LARGEST_IN_LINE ? null : { rest: { ...answer, body: '' }, body: Buffer.from(answer.body, 'base64'), size }
}

serve(load, describeError, MAX_ANSWER_BYTES, takeLargeBody)
