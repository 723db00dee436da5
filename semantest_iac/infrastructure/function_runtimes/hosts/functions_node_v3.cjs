'use strict'
// Loads and calls the HTTP functions of programming model v3: a folder with function.json for each, called with
// (context, req).
//
// Source: Azure's developer guide for Node.js, model v3.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const SCRIPTS = ['index.js', 'index.cjs', 'index.mjs']
const LEVELS = { error: 'error', warn: 'warning', info: 'information', verbose: 'trace' }

/** Find every folder with a function.json; its code is loaded by the first call. */
function loadFunctionFolders(log) {
  const functions = new Map(findFolders().map((folder) => [folder, readFunction(folder)]))
  return { call: (call) => callFunction(functions.get(call.function), call, log), facts: { functions: [...functions.values()].map(factsOf) } }
}

function findFolders() {
  const entries = fs.readdirSync('.', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return entries.map((entry) => entry.name).filter((name) => fs.existsSync(path.join(name, 'function.json')))
}

function readFunction(name) {
  const { bindings = [], disabled, scriptFile, entryPoint } = JSON.parse(fs.readFileSync(path.join(name, 'function.json'), 'utf8'))
  const trigger = bindings.find(({ type }) => type?.toLowerCase() === 'httptrigger')
  const output = bindings.find(({ type, direction }) => type?.toLowerCase() === 'http' && direction === 'out')
  return { name, trigger: disabled === true ? undefined : trigger, output: output?.name, scriptFile, entryPoint }
}

function factsOf({ name, trigger }) {
  const { route, methods, authLevel } = trigger ?? {}
  return { name, isHttp: Boolean(trigger), route, methods, authLevel: authLevel ?? 'function' }
}

async function callFunction(definition, { http, id, trace }, log) {
  const run = (definition.run ??= await loadScript(definition))
  const req = buildRequest(http)
  const { context, done } = buildContext(definition, req, { id, trace }, (level, text) => log(definition.name, level, text))
  const returned = run(context, req)
  const result = typeof returned?.then === 'function' ? await returned : await done
  return plain(chooseResponse(definition.output, context, result))
}

async function loadScript({ name, scriptFile, entryPoint }) {
  const files = scriptFile ? [scriptFile] : SCRIPTS
  const file = files.map((one) => path.resolve(name, one)).find((one) => fs.existsSync(one))
  if (!file) throw new Error(`Function '${name}' has no ${files.join(' or ')}`)
  const loaded = await import(pathToFileURL(file).href)
  const exported = typeof loaded.default === 'object' && loaded.default ? { ...loaded, ...loaded.default } : loaded
  const names = entryPoint ? [entryPoint] : ['default', 'run', 'index']
  const found = names.map((one) => exported[one]).find((one) => typeof one === 'function')
  const functions = Object.values(exported).filter((one) => typeof one === 'function')
  if (found || (!entryPoint && functions.length === 1)) return (found ?? functions[0]).bind(exported)
  throw new Error(`Function '${name}' exports no ${entryPoint ?? 'function'}`)
}

function buildRequest({ method, url, headers, query, params, body }) {
  const rawBody = Buffer.from(body, 'base64')
  const get = (name) => headers[name.toLowerCase()]
  return { method, url, originalUrl: url, headers, query, params, body: parseBody(rawBody, get('content-type') ?? ''), rawBody: rawBody.toString(), get }
}

function parseBody(bytes, type) {
  if (bytes.length === 0) return undefined
  if (/^application\/octet-stream|^multipart\//i.test(type)) return bytes
  if (!/json/i.test(type)) return bytes.toString()
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return bytes.toString()
  }
}

function buildContext({ name, trigger, output }, req, { id: invocationId, trace }, print) {
  let finish
  const done = new Promise((resolve, reject) => {
    finish = (error, result) => (error ? reject(error) : resolve(result))
  })
  const log = (...words) => print('information', format(words))
  for (const [level, known] of Object.entries(LEVELS)) log[level] = (...words) => print(known, format(words))
  const executionContext = { invocationId, functionName: name, functionDirectory: path.resolve(name) }
  const context = {
    invocationId, executionContext, req, res: new Response(finish), log, done: finish, traceContext: { traceparent: trace.parent, tracestate: trace.state, attributes: {} },
    bindings: { [trigger.name]: req }, bindingData: { invocationId, ...req.params, ...req.query }, bindingDefinitions: [],
    outputName: output,
  }
  return { context, done }
}

function format(words) {
  return require('node:util').format(...words)
}

/** The response with its short forms; the ones that send also end a function that returns no promise. */
class Response {
  #finish

  constructor(finish) {
    this.#finish = finish
    this.headers = {}
    this.cookies = []
  }

  status(code) {
    this.statusCode = code
    return this
  }

  setHeader(name, value) {
    this.headers[name] = value
    return this
  }

  set(name, value) { return this.setHeader(name, value) }

  header(name, value) { return this.setHeader(name, value) }

  type(value) { return this.setHeader('content-type', value) }

  getHeader(name) { return this.headers[name] }

  get(name) { return this.getHeader(name) }

  end(body) {
    if (body !== undefined) this.body = body
    this.#finish(null, undefined)
    return this
  }

  send(body) { return this.end(body) }

  json(body) { return this.type('application/json').end(body) }

  sendStatus(code) { return this.status(code).end() }
}

/** Choose between what the function returned, what it put into its bindings, and context.res. */
function chooseResponse(output, context, result) {
  if (output === '$return') return result ?? context.res
  return result?.[output] ?? context.bindings[output] ?? context.res
}

/**
 * Write the answer as the host does: bytes as they are, an object as indented JSON, and what is text with a charset.
 *
 * Source: the host's RawScriptResult, and ASP.NET's TextOutputFormatter.
 */
function plain(response) {
  const isResponse = response !== null && typeof response === 'object' && !Buffer.isBuffer(response)
  const { status, statusCode, headers = {}, cookies = [], body } = isResponse ? response : { body: response }
  const code = typeof status === 'function' ? statusCode : status ?? statusCode
  const content = body === undefined || body === null ? '' : typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body, null, 2) : body
  const given = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]))
  const type = given.get('content-type') ?? 'text/plain'
  if (!Buffer.isBuffer(body)) given.set('content-type', /;\s*charset=/i.test(type) ? type : `${type}; charset=utf-8`)
  return {
    status: Number(code ?? 200), headers: Object.fromEntries(given),
    cookies: cookies.map(plainCookie), body: Buffer.from(Buffer.isBuffer(content) ? content : String(content)).toString('base64'),
  }
}

function plainCookie({ expires, sameSite, ...rest }) {
  const seconds = expires === undefined ? undefined : new Date(expires).getTime() / 1000
  return { ...rest, expires: seconds, sameSite: sameSite?.toLowerCase() }
}

module.exports = { loadFunctionFolders }
