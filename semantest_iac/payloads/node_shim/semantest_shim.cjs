'use strict'
// The entry of a packaged Node function: secrets first, then an unmodified server or the named handler.
//
// What to load was written at packaging time; no event can choose it.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { forward, showClients } = require('./semantest_http.cjs')
const { loadSecrets } = require('./semantest_secrets.cjs')
const { setDefaults, startServer } = require('./semantest_server.cjs')
const settings = require('./semantest_shim.json')

const ENDINGS = ['.js', '.mjs', '.cjs']

const ready = prepare() // starts now: Lambda gives the time before the first event more processor
ready.catch(() => {}) // the first event reports it

async function prepare() {
  await loadSecrets(process.env)
  if (settings.handler) return namedHandler(settings.handler)
  setDefaults(process.env)
  const server = await startServer(settings.entry)
  showClients(server)
  return (event) => forward(server, event)
}

async function namedHandler(name) {
  const dot = name.lastIndexOf('.')
  const base = path.resolve(__dirname, name.slice(0, dot))
  const file = ENDINGS.map((ending) => base + ending).find((candidate) => fs.existsSync(candidate))
  if (!file) throw new Error(`Cannot find the module of handler '${name}'.`)
  const loaded = await import(pathToFileURL(file).href)
  const handler = loaded[name.slice(dot + 1)] ?? loaded.default?.[name.slice(dot + 1)]
  if (typeof handler !== 'function') throw new Error(`The handler '${name}' is not a function.`)
  return (event, context) => call(handler, event, context)
}

function call(handler, event, context) {
  if (handler.length < 3) return handler(event, context)
  return new Promise((resolve, reject) => {
    handler(event, context, (error, value) => (error ? reject(error) : resolve(value)))
  })
}

exports.handler = async (event, context) => {
  context.callbackWaitsForEmptyEventLoop = false // a server never runs out of work
  const answer = await ready
  return answer(event, context)
}
