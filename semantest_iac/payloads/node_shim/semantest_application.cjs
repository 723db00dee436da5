'use strict'
// What is packaged, as one function from event to result: an unmodified server, or the named handler.
//
// What to load was written at packaging time; no event can choose it.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { forward, showClients } = require('./semantest_http.cjs')
const { setDefaults, startServer } = require('./semantest_server.cjs')

const ENDINGS = ['.js', '.mjs', '.cjs']

/** Load what the settings name in the folder; `largest` is how many bytes of JSON a result may have. */
async function application(settings, folder, largest = Infinity) {
  if (settings.handler) return namedHandler(settings.handler, folder)
  setDefaults(process.env)
  const server = await startServer(settings.entry, folder)
  showClients(server)
  return (event) => forward(server, event, largest)
}

async function namedHandler(name, folder) {
  const dot = name.lastIndexOf('.')
  const base = path.resolve(folder, name.slice(0, dot))
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

module.exports = { application }
