'use strict'
// The entry of a packaged Node function on Lambda: secrets first, then the application.

const { application } = require('./semantest_application.cjs')
const { loadSecrets } = require('./semantest_secrets.cjs')
const settings = require('./semantest_shim.json')

const LARGEST_RESULT = 6291556 // bytes of JSON, Lambda's quota

const ready = prepare() // starts now: Lambda gives the time before the first event more processor
ready.catch(() => {}) // the first event reports it

async function prepare() {
  await loadSecrets(process.env)
  return application(settings, __dirname, LARGEST_RESULT)
}

exports.handler = async (event, context) => {
  context.callbackWaitsForEmptyEventLoop = false // a server never runs out of work
  const answer = await ready
  return answer(event, context)
}
