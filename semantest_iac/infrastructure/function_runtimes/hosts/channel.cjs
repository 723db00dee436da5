'use strict'
// Exchanges one JSON line per call over a socket of its own, so that printed output is never taken for an answer.

const net = require('node:net')
const readline = require('node:readline')

/** Load, send the facts that loading returned, then answer until the other side closes; `load` resolves to `{ call, facts }`. */
async function serve(descriptor, load, maxBytes) {
  const socket = new net.Socket({ fd: Number(descriptor), readable: true, writable: true })
  const send = (answer) => socket.write(encodeLine(answer, maxBytes))
  socket.on('close', () => process.exit(0)).on('error', () => process.exit(0))
  const lines = readline.createInterface({ input: socket, crlfDelay: Infinity })
  const waiting = []
  lines.on('line', (text) => waiting.push(text))
  const loaded = await load().catch((error) => send({ error: describeError(error) }))
  if (!loaded?.call) return
  send({ ready: true, ...loaded.facts })
  const answer = async (text) => send(await callFunction(loaded.call, JSON.parse(text)))
  lines.removeAllListeners('line').on('line', answer)
  waiting.forEach(answer)
}

async function callFunction(call, request) {
  try {
    return { result: (await call(request)) ?? null }
  } catch (error) {
    return { error: describeError(error) }
  }
}

function describeError(error) {
  const stackTrace = String(error?.stack ?? '').split('\n').slice(1).map((text) => text.trim())
  return { errorMessage: String(error?.message ?? error), errorType: error?.name ?? 'Error', stackTrace }
}

function encodeLine(answer, maxBytes) {
  try {
    const encoded = JSON.stringify(answer)
    if (Buffer.byteLength(encoded) <= maxBytes) return `${encoded}\n`
  } catch (error) {
    const errorMessage = `Unable to marshal response: ${error.message}`
    return encodeLine({ error: { errorMessage, errorType: 'Runtime.MarshalError' } }, maxBytes)
  }
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${maxBytes} bytes).`
  return encodeLine({ error: { errorMessage, errorType: 'Function.ResponseSizeTooLarge' } }, maxBytes)
}

module.exports = { serve }
