'use strict'
// Runs inside a function's process: loads a Node handler as Lambda does, and calls it with each event.
//
// Started as `node_host.cjs` in the package's folder. Errors, the log and the ways to answer are those of AWS's Node
// runtime interface client.

const fs = require('node:fs')
const module_ = require('node:module')
const path = require('node:path')
const { Writable } = require('node:stream')
const { pathToFileURL } = require('node:url')
const { LARGEST_IN_LINE, RawResult, fault, serve } = require('./channel.cjs')
const { describeError, logError, patchConsole, setRequestId } = require('./node_log.cjs')

const MAX_ANSWER_BYTES = 6291556
const ENDINGS = ['', '.js', '.mjs', '.cjs']
const HANDLER = /^([^.]*)\.(.*)$/
const HAS_CALLBACKS = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1] ?? 0) < 24
const EXITED = 'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled.'
const NO_CALLBACKS = 'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later.'
const [BASE64, SURROGATE] = [/^[A-Za-z0-9+/]*={0,2}$/, /\p{Surrogate}/u]
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
let whenIdle = () => {} // what happens when a call has nothing left to do

async function load() {
  findRuntimeModules()
  globalThis.awslambda = { streamifyResponse, HttpResponseStream: { from: startWithMetadata } }
  const handler = await loadHandler(process.env._HANDLER)
  if (handler[STREAMING] === 'response') return { call: ({ event, context }) => invokeStreaming(handler, event, context) }
  if (!HAS_CALLBACKS && handler.length >= 3) throw fault('Runtime.CallbackHandlerDeprecated', NO_CALLBACKS)
  return { call: ({ event, context }) => invoke(handler, event, context) }
}

/** Let ECMAScript modules import what the runtime brings, after the package's own; NODE_PATH is for require only. */
function findRuntimeModules() {
  const runtime = process.env.LAMBDA_RUNTIME_DIR
  if (!fs.existsSync(path.join(runtime, 'node_modules'))) return
  const data = pathToFileURL(path.join(runtime, 'index.mjs')).href
  module_.register?.(pathToFileURL(path.join(__dirname, 'runtime_modules.mjs')), { data })
}

async function loadHandler(name) {
  if (name.includes('..')) throw fault('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`)
  const [, file, keys] = HANDLER.exec(path.basename(name)) ?? []
  if (file === undefined) throw fault('Runtime.MalformedHandlerName', 'Bad handler')
  const loaded = await loadModule(path.join(path.dirname(name), file))
  const find = (root) => keys.split('.').reduce((value, key) => value?.[key], root)
  const handler = find(loaded) ?? find(loaded.default)
  if (handler === undefined) throw fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`)
  if (typeof handler !== 'function') throw fault('Runtime.HandlerNotFound', `${name} is not a function`)
  return handler
}

async function loadModule(name) {
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, name)
  const file = ENDINGS.map((ending) => base + ending).find((candidate) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile())
  if (!file) throw fault('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`)
  try {
    return await import(pathToFileURL(file).href)
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(fault('Runtime.UserCodeSyntaxError', String(error)), { stack: error.stack })
    throw error?.code === 'MODULE_NOT_FOUND' ? fault('Runtime.ImportModuleError', String(error)) : error
  }
}

/** Call a handler; before Node 24 it may answer by a callback or the context, and then only so without a promise. */
function invoke(handler, event, callContext) {
  const context = contextOf(callContext)
  setRequestId(context.awsRequestId)
  process.env._X_AMZN_TRACE_ID = callContext.trace_id
  return new Promise((resolve, reject) => {
    const settle = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error))
    const isAsync = handler.constructor?.name === 'AsyncFunction' || !HAS_CALLBACKS
    whenIdle = () => (isAsync ? reject(fault('Runtime.NodeJsExit', EXITED)) : resolve(null))
    if (!HAS_CALLBACKS) {
      Promise.resolve().then(() => handler(event, context)).then(resolve, reject)
      return
    }
    const fail = (error) => settle(error ?? 'handled')
    const callback = (error, result) => {
      if (error !== undefined && error !== null) reject(error)
      else if (context.callbackWaitsForEmptyEventLoop) whenIdle = () => resolve(result)
      else resolve(result)
    }
    Object.assign(context, { succeed: (result) => settle(null, result), fail, done: settle })
    try {
      const result = handler(event, context, callback)
      if (typeof result?.then === 'function') result.then(context.succeed, fail)
    } catch (error) {
      callback(error)
    }
  }).finally(() => { whenIdle = () => {} })
}

/** Mark a handler as one that writes its answer to a stream (the runtime's own mark). */
function streamifyResponse(handler) {
  handler[STREAMING] = 'response'
  return handler
}

/** Write the status and headers before the first part, as JSON and eight zero bytes. */
function startWithMetadata(stream, metadata) {
  stream.setContentType('application/vnd.awslambda.http-integration-response')
  stream._onBeforeFirstWrite = (write) => {
    write(JSON.stringify(metadata))
    write(new Uint8Array(8))
  }
  return stream
}

/** Call a handler that streams, and answer with all of its stream, as Lambda does when it is not asked for a stream. */
async function invokeStreaming(handler, event, callContext) {
  const context = contextOf(callContext)
  setRequestId(context.awsRequestId)
  process.env._X_AMZN_TRACE_ID = callContext.trace_id
  const parts = []
  const stream = new Writable({
    write(part, _, done) {
      stream._onBeforeFirstWrite?.((first) => parts.push(Buffer.from(first)))
      stream._onBeforeFirstWrite = undefined
      parts.push(part)
      done()
    },
  })
  stream.setContentType = () => {}
  const returned = handler(event, stream, context)
  if (typeof returned?.then !== 'function') throw new Error('Streaming does not support non-async handlers.')
  if ((await returned) !== undefined) console.warn('Streaming handlers ignore return values.')
  if (!stream.writableFinished) throw new Error('Response stream is not finished.')
  return new RawResult(Buffer.concat(parts).toString())
}

function contextOf(callContext) {
  const deadline = Date.now() + callContext.remaining_ms
  const { env } = process
  return {
    ...(HAS_CALLBACKS && { callbackWaitsForEmptyEventLoop: true }),
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: callContext.invoked_function_arn,
    awsRequestId: callContext.aws_request_id,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  }
}

/** Take a large body from a result as API Gateway would send it; without a status code, all of a result is one. */
function takeLargeBody(result) {
  const value = result instanceof RawResult ? result.value : result
  const isStructured = value !== null && typeof value === 'object' && 'statusCode' in value && !value.toJSON
  const text = isStructured ? value.body : findText(result)
  if (typeof text !== 'string' || text.length <= LARGEST_IN_LINE || SURROGATE.test(text)) return null
  const flag = isStructured && (value.isBase64Encoded ?? false)
  if (typeof flag !== 'boolean' || (flag && (text.length % 4 || !BASE64.test(text)))) return null
  const rest = isStructured ? { ...value, body: '' } : null
  return { rest, body: Buffer.from(text, flag ? 'base64' : 'utf8'), size: Buffer.byteLength(JSON.stringify(text)) - 2 }
}

/** Find the text that a result without a status code becomes; undefined if it has none. */
function findText(result) {
  if (result instanceof RawResult) return result.text
  if (typeof result === 'string') return result
  try {
    return JSON.stringify(result)
  } catch {
    return undefined
  }
}

function report(error, call) {
  if (!error?.isLogged) logError(call ? 'Invoke Error' : 'Uncaught Exception', error)
  return describeError(error)
}

function endWith(title, error, status) {
  logError(title, error)
  if (error instanceof Object) Object.defineProperty(error, 'isLogged', { value: true })
  channel.abort(error, status)
}

patchConsole()
process.on('uncaughtException', (error) => endWith('Uncaught Exception', error, 129))
process.on('unhandledRejection', (reason, promise) => {
  const error = Object.assign(fault('Runtime.UnhandledPromiseRejection', String(reason)), { reason, promise })
  endWith('Unhandled Promise Rejection', error, 128)
})
process.on('beforeExit', () => whenIdle())
const channel = serve(load, report, MAX_ANSWER_BYTES, takeLargeBody, { endsIdleCalls: true })
