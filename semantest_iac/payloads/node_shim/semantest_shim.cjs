'use strict'
// The entry of a packaged Node function on Lambda: loads the secrets, then the application.

const { loadApplication } = require('./semantest_application.cjs')
const { loadSecrets } = require('./semantest_secrets.cjs')
const settings = require('./semantest_shim.json')

const LARGEST_RESULT = 6291556 // bytes of JSON, Lambda's quota

const ready = prepare() // now, because Lambda grants more processor time before the first event
ready.catch(() => {}) // the first event reports it

async function prepare() {
  await loadSecrets(process.env)
  const { SEMANTEST_FUNCTION: name } = process.env // if the package has several functions
  return loadApplication(name ? settings.functions[name] : settings, __dirname, LARGEST_RESULT)
}

exports.handler = async (event, context) => {
  context.callbackWaitsForEmptyEventLoop = false // the event loop of a server never becomes empty
  const handler = await ready
  return handler(event, context)
}
