'use strict'
// Loads the packaged application as one function from event to result: an unmodified server, or the user's handler.
//
// The name of what to load was written at packaging time; no event can choose it.

const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { forward, showClients } = require('./semantest_http.cjs')
const { setDefaults, startServer } = require('./semantest_server.cjs')
const { callStreaming, isStreaming, provideStreams } = require('./semantest_stream.cjs')

const EXTENSIONS = ['.js', '.mjs', '.cjs']

/** Load what the settings name in the folder; `largest` is the maximum size of a result, in bytes of JSON. */
async function loadApplication(settings, folder, largest = Infinity) {
  if (settings.sourceMaps) readSourceMaps()
  if (settings.handler) return loadHandler(settings.handler, folder)
  setDefaults(process.env)
  const server = await startServer(settings.entry, folder)
  showClients(server)
  return (event) => forward(server, event, largest)
}

/** Make stack traces name the places in the sources; modules that are loaded from now on bring their maps. */
function readSourceMaps() {
  if (Module.setSourceMapsSupport) Module.setSourceMapsSupport(true, { nodeModules: false })
  else process.setSourceMapsEnabled(true)
}

async function loadHandler(name, folder) {
  provideStreams()
  const dot = name.lastIndexOf('.')
  const base = path.resolve(folder, name.slice(0, dot))
  const file = EXTENSIONS.map((extension) => base + extension).find((candidate) => fs.existsSync(candidate))
  if (!file) throw new Error(`Cannot find the module of handler '${name}'.`)
  const loaded = await import(pathToFileURL(file).href)
  const handler = loaded[name.slice(dot + 1)] ?? loaded.default?.[name.slice(dot + 1)]
  if (typeof handler !== 'function') throw new Error(`The handler '${name}' is not a function.`)
  const call = isStreaming(handler) ? callStreaming : callHandler
  return (event, context) => call(handler, event, context)
}

/** Call a handler as Lambda does: it answers by a promise or by the callback, and the first of both counts. */
function callHandler(handler, event, context) {
  return new Promise((resolve, reject) => {
    const result = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)))
    if (typeof result?.then === 'function') result.then(resolve, reject)
    else if (handler.length < 3) resolve(result)
  })
}

module.exports = { loadApplication }
