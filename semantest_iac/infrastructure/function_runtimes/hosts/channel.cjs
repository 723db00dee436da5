'use strict'
// How a host program talks: one JSON line per call over a socket of its own, which nothing printed can be taken for.

const net = require('node:net')
const readline = require('node:readline')

/** Load, tell the facts that loading gave, then answer until the other side closes; `load` gives `{ call, facts }`. */
async function serve(descriptor, load, largest) {
  const socket = new net.Socket({ fd: Number(descriptor), readable: true, writable: true })
  const send = (answer) => socket.write(line(answer, largest))
  socket.on('close', () => process.exit(0)).on('error', () => process.exit(0))
  const lines = readline.createInterface({ input: socket, crlfDelay: Infinity })
  const waiting = []
  lines.on('line', (text) => waiting.push(text))
  const loaded = await load().catch((error) => send({ error: described(error) }))
  if (!loaded?.call) return
  send({ ready: true, ...loaded.facts })
  const answer = async (text) => send(await answerOf(loaded.call, JSON.parse(text)))
  lines.removeAllListeners('line').on('line', answer)
  waiting.forEach(answer)
}

async function answerOf(call, question) {
  try {
    return { result: (await call(question)) ?? null }
  } catch (error) {
    return { error: described(error) }
  }
}

function described(error) {
  const stackTrace = String(error?.stack ?? '').split('\n').slice(1).map((text) => text.trim())
  return { errorMessage: String(error?.message ?? error), errorType: error?.name ?? 'Error', stackTrace }
}

function line(answer, largest) {
  try {
    const encoded = JSON.stringify(answer)
    if (Buffer.byteLength(encoded) <= largest) return `${encoded}\n`
  } catch (error) {
    const errorMessage = `Unable to marshal response: ${error.message}`
    return line({ error: { errorMessage, errorType: 'Runtime.MarshalError' } }, largest)
  }
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${largest} bytes).`
  return line({ error: { errorMessage, errorType: 'Function.ResponseSizeTooLarge' } }, largest)
}

module.exports = { serve }
