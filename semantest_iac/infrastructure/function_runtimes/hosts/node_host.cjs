'use strict'
// Runs inside a function's process: loads a Node handler and answers one JSON line per event.
//
// Started as `node_host.cjs <descriptor> <handler>` in the package's folder. The descriptor is a socket of its
// own, so whatever the handler prints cannot be taken for an answer.

const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const readline = require('node:readline')
const { pathToFileURL } = require('node:url')

const LARGEST_ANSWER = 6291556
const ENDINGS = ['.js', '.mjs', '.cjs']

const [descriptor, handlerName] = process.argv.slice(2)
const socket = new net.Socket({ fd: Number(descriptor), readable: true, writable: true })

async function main() {
  socket.on('close', () => process.exit(0)).on('error', () => process.exit(0))
  const lines = readline.createInterface({ input: socket, crlfDelay: Infinity })
  const waiting = []
  lines.on('line', (line) => waiting.push(line))
  const handler = await load(handlerName).catch((error) => send({ error: described(error) }))
  if (!handler) return
  send({ ready: true })
  const answer = async (line) => send(await call(handler, JSON.parse(line)))
  lines.removeAllListeners('line').on('line', answer)
  waiting.forEach(answer)
}

async function load(name) {
  const dot = name.lastIndexOf('.')
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, name.slice(0, dot))
  const file = ENDINGS.map((ending) => base + ending).find((candidate) => fs.existsSync(candidate))
  if (!file) throw Object.assign(new Error(`Cannot find module '${name.slice(0, dot)}'`), { name: 'Runtime.ImportModuleError' })
  const loaded = await import(pathToFileURL(file).href)
  const handler = loaded[name.slice(dot + 1)] ?? loaded.default?.[name.slice(dot + 1)]
  if (typeof handler === 'function') return handler
  throw Object.assign(new Error(`${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' })
}

async function call(handler, { event, context }) {
  try {
    return { result: (await invoke(handler, event, contextOf(context))) ?? null }
  } catch (error) {
    return { error: described(error) }
  }
}

function invoke(handler, event, context) {
  if (handler.length < 3) return handler(event, context)
  return new Promise((resolve, reject) => {
    handler(event, context, (error, value) => (error ? reject(error) : resolve(value)))
  })
}

function contextOf(facts) {
  const deadline = Date.now() + facts.remaining_ms
  const { env } = process
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: facts.invoked_function_arn,
    awsRequestId: facts.aws_request_id,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  }
}

function described(error) {
  const stackTrace = String(error?.stack ?? '').split('\n').slice(1).map((line) => line.trim())
  return { errorMessage: String(error?.message ?? error), errorType: error?.name ?? 'Error', stackTrace }
}

function send(answer) {
  socket.write(line(answer))
}

function line(answer) {
  try {
    const encoded = JSON.stringify(answer)
    if (Buffer.byteLength(encoded) <= LARGEST_ANSWER) return `${encoded}\n`
  } catch (error) {
    return line({ error: { errorMessage: `Unable to marshal response: ${error.message}`, errorType: 'Runtime.MarshalError' } })
  }
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${LARGEST_ANSWER} bytes).`
  return line({ error: { errorMessage, errorType: 'Function.ResponseSizeTooLarge' } })
}

main()
