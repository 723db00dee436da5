'use strict'
// Writes the log of a Node function as Lambda's runtime does: console.log with time, request id and level, or as JSON.
//
// One event of the log ends with a line feed; the lines inside it are separated by carriage returns.

const util = require('node:util')

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const METHODS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' }
const isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON'
let requestId // undefined until the first event, and written as such

function setRequestId(id) {
  requestId = id
}

/** Replace the methods of console; those below the level of AWS_LAMBDA_LOG_LEVEL do nothing. */
function patchConsole() {
  const lowest = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()))
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = LEVELS.indexOf(level) < lowest ? () => {} : (...values) => write(level, values)
  }
}

function write(level, values) {
  const time = new Date().toISOString()
  const text = () => `${time}\t${requestId}\t${level}\t${util.format(...values)}`
  const line = isJson ? jsonLine(time, level, values) : text()
  process.stdout.write(`${line.replace(/\n/g, '\r')}\n`)
}

function jsonLine(timestamp, level, values) {
  const fields = { timestamp, level, requestId }
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...fields, message: values[0] }, (_, value) => (value instanceof Error ? jsonError(value) : value))
    } catch {
      return JSON.stringify({ ...fields, message: util.format(values[0]) })
    }
  }
  const error = values.find((value) => value instanceof Error)
  const { errorType, errorMessage, stackTrace = [] } = error ? jsonError(error) : { stackTrace: undefined }
  return JSON.stringify({ ...fields, message: util.format(...values), ...(error && { errorType, errorMessage, stackTrace }) })
}

function jsonError(error) {
  const stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : error.stack
  return { errorType: error.constructor?.name ?? 'UnknownError', errorMessage: error.message, stackTrace, ...error }
}

/** Write an error that the function did not handle; `title` says where. */
function logError(title, error) {
  const known = error instanceof Error ? error : new Error(error)
  if (isJson) console.error(known)
  else console.error(title, `\t${JSON.stringify(known, (_, value) => (value instanceof Error ? withStack(value) : value))}`)
}

function withStack(error) {
  const stack = typeof error.stack === 'string' ? error.stack.split('\n') : undefined
  return { errorType: error.name, errorMessage: error.message, code: error.code, ...error, stack }
}

/** Describe an error as the caller of the function receives it. */
function describeError(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
  return { errorType: error.name, errorMessage: error.message, trace: String(error.stack ?? '').split('\n') }
}

module.exports = { describeError, logError, patchConsole, setRequestId }
