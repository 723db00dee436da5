'use strict'
// Runs inside a function's process: loads a Node handler as Lambda does, and calls it with each event.
//
// Started as `node_host.cjs <descriptor> <handler>` in the package's folder.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { serve } = require('./channel.cjs')

const MAX_ANSWER_BYTES = 6291556
const ENDINGS = ['.js', '.mjs', '.cjs']

async function load(name) {
  const dot = name.lastIndexOf('.')
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, name.slice(0, dot))
  const file = ENDINGS.map((ending) => base + ending).find((candidate) => fs.existsSync(candidate))
  if (!file) throw Object.assign(new Error(`Cannot find module '${name.slice(0, dot)}'`), { name: 'Runtime.ImportModuleError' })
  const loaded = await import(pathToFileURL(file).href)
  const handler = loaded[name.slice(dot + 1)] ?? loaded.default?.[name.slice(dot + 1)]
  if (typeof handler === 'function') return { call: ({ event, context }) => invoke(handler, event, contextOf(context)) }
  throw Object.assign(new Error(`${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' })
}

function invoke(handler, event, context) {
  if (handler.length < 3) return handler(event, context)
  return new Promise((resolve, reject) => {
    handler(event, context, (error, value) => (error ? reject(error) : resolve(value)))
  })
}

function contextOf(callContext) {
  const deadline = Date.now() + callContext.remaining_ms
  const { env } = process
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: callContext.invoked_function_arn,
    awsRequestId: callContext.aws_request_id,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  }
}

const [descriptor, handlerName] = process.argv.slice(2)
serve(descriptor, () => load(handlerName), MAX_ANSWER_BYTES)
