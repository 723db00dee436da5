'use strict'
// Exchanges one JSON line per call over a socket of its own, so that printed output is never taken for an answer.

const fs = require('node:fs')
const net = require('node:net')
const readline = require('node:readline')

const LARGEST_IN_LINE = 64 * 1024
const STORED_MARK_BYTES = '"isStored":true,'.length // not of the result
const CHANNEL_VARIABLE = 'SEMANTEST_CHANNEL' // holds the socket's descriptor; the function does not see it

/**
 * Load, send the facts that loading returned, then answer until the other side closes.
 *
 * `load` resolves to `{ call, facts }`. `report(error, call)` writes an error to the log and returns its JSON; without a
 * call, the error occurred while the code was loaded. With `endsIdleCalls`, a call that has nothing left to do lets the
 * process end, after the event beforeExit. `takeBody` takes a body of more than LARGEST_IN_LINE from a result: it returns
 * `{ rest, body, size }`, where `size` is that of the body in JSON, or null if there is none that could be sent as bytes.
 * The result has `abort(error, status)`, which answers the running call with an error and ends the process.
 */
function serve(load, report, maxBytes, takeBody, { endsIdleCalls = false } = {}) {
  const socket = new net.Socket({ fd: Number(process.env[CHANNEL_VARIABLE]), readable: true, writable: true })
  delete process.env[CHANNEL_VARIABLE]
  socket.on('close', () => process.exit(0)).on('error', () => process.exit(0))
  const lines = readline.createInterface({ input: socket, crlfDelay: Infinity })
  let [call, running, ended] = [null, null, false]
  const encode = (answer, otherBytes = 0) => encodeLine(answer, maxBytes, otherBytes, (error) => report(error, running))

  const send = (answer, otherBytes) => {
    if (!ended) socket.write(encode(answer, otherBytes))
    running = null
    socket.ref()
  }
  const answer = async (text) => {
    running = JSON.parse(text)
    if (endsIdleCalls) socket.unref() // then nothing but the call keeps the process
    const request = running
    let [reply, taken] = [null, null]
    try {
      loadStoredBody(request)
      const result = (await call(request)) ?? null
      taken = takeBody(result)
      if (taken) fs.writeFileSync(request.answerFile, taken.body)
      if (taken) reply = { isStored: true, result: taken.rest }
      else reply = result instanceof RawResult ? { result: result.value, raw: result.text } : { result }
    } catch (error) {
      reply = { error: report(error, request) }
    }
    if (running === request) send(reply, taken ? taken.size - STORED_MARK_BYTES : 0)
  }
  const abort = (error, status) => {
    if (ended) return
    const line = encode({ error: report(error, running), ends: true })
    ended = true
    socket.removeAllListeners('close')
    socket.end(line, () => process.exit(status))
  }
  const start = async () => {
    const waiting = []
    lines.on('line', (text) => waiting.push(text))
    const loaded = await load()
    call = loaded.call
    send({ ready: true, ...loaded.facts })
    lines.removeAllListeners('line').on('line', answer)
    waiting.forEach(answer)
  }
  start().catch((error) => abort(error, 1))
  return { abort }
}

/** Put a large body, which is sent as a file, where a small one is. */
function loadStoredBody(request) {
  const { stored } = request
  if (!stored) return
  const body = fs.readFileSync(stored.path)
  request[stored.in].body = stored.as === 'bytes' ? body : body.toString(stored.as === 'base64' ? 'base64' : 'utf8')
}

function encodeLine(answer, maxBytes, otherBytes, report) {
  try {
    const encoded = JSON.stringify(answer)
    if (Buffer.byteLength(encoded) + otherBytes <= maxBytes) return `${encoded}\n`
  } catch {
    return `${JSON.stringify({ error: report(fault('Runtime.MarshalError', 'Unable to stringify response body')) })}\n`
  }
  const message = `Response payload size exceeded maximum allowed payload size (${maxBytes} bytes).`
  return `${JSON.stringify({ error: report(fault('Function.ResponseSizeTooLarge', message)) })}\n`
}

/** A result that was sent as text, which need not be JSON. */
class RawResult {
  constructor(text) {
    this.text = text
    try {
      this.value = JSON.parse(text)
    } catch {
      this.value = null
    }
  }
}

/** Make an error of the runtime itself, with its own type. */
function fault(kind, message) {
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: kind })
  error.stack = String(error.stack).replace(/^Error/, kind)
  return error
}

module.exports = { LARGEST_IN_LINE, RawResult, fault, serve }
