'use strict'
// The entry of a packaged Node app on Azure Functions: one function takes every request and hands it on.
//
// Secrets are here already: the platform puts Key Vault's values into the app settings.

const path = require('node:path')
const { app } = require('@azure/functions')
const { application } = require('./semantest_application.cjs')
const { gate } = require('./semantest_gate.cjs')
const { contextOf, eventOf, responseOf } = require('./semantest_trigger.cjs')
const settings = require('./semantest_shim.json')

const admits = gate(process.env)
const source = path.join(__dirname, 'source')
process.chdir(source) // where Lambda starts it, too

const ready = application(settings, source).then(settings.door ? require(settings.door).door : (answer) => answer)
ready.catch(() => {}) // the first request reports it

app.http('semantest', {
  route: '{*path}',
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  authLevel: 'anonymous',
  handler: async (request, context) => {
    if (!admits(request)) return { status: 403, jsonBody: { message: 'Forbidden' } }
    const answer = await ready
    return responseOf(await answer(await eventOf(request, context, admits.hops), contextOf(context)))
  },
})
