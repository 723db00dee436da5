'use strict'
// Runs an unmodified server program and captures the HTTP server that it starts.
//
// The first server listens on a free loopback port instead of the requested one. Further servers (such as a WebSocket
// port, which no HTTP API can reach) do not listen, but get the event as if they did.

const http = require('node:http')
const Module = require('node:module')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const LONGEST_START_MS = 9000 // Lambda allows ten seconds for the whole start
const ESM_ONLY = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE']

/** Set variables that servers expect, unless they are set; only the temp folder is writable. */
function setDefaults(environment) {
  environment.NODE_ENV ??= 'production'
  environment.LOG_DIRECTORY ??= path.join(os.tmpdir(), 'logs')
  environment.CORS_ORIGINS ??= ''
}

/** Load the entry and resolve with its server once it listens; rejects if it does not. */
function startServer(entry, folder) {
  return new Promise((resolve, reject) => {
    const fail = (reason) => reject(new Error(`Cannot start server '${entry}': ${reason}.`))
    const failWith = (error) => fail(`it threw ${describe(error)}`)
    const timer = setTimeout(fail, LONGEST_START_MS, `it did not listen within ${LONGEST_START_MS / 1000} s`)
    const restoreExit = catchExit(fail)
    captureListen((server) => {
      clearTimeout(timer)
      restoreExit()
      process.off('uncaughtException', failWith).off('unhandledRejection', failWith)
      resolve(server)
    })
    process.on('uncaughtException', failWith).on('unhandledRejection', failWith)
    load(path.resolve(folder, entry)).catch(failWith)
  })
}

function captureListen(onListening) {
  let captured = null
  http.Server.prototype.listen = function listen(...requested) {
    const callback = requested.findLast((argument) => typeof argument === 'function')
    if (captured !== null && captured !== this) return pretendToListen(this, requested, callback)
    captured = this
    this.once('listening', () => {
      this.keepAliveTimeout = 0 // kept connections must survive the hours for which Lambda freezes the process
      onListening(this)
    })
    return net.Server.prototype.listen.call(this, { host: '127.0.0.1', port: 0 }, callback)
  }
}

function pretendToListen(server, requested, callback) {
  const port = Number(requested[0]?.port ?? requested[0]) || 0
  server.address = () => ({ address: '127.0.0.1', family: 'IPv4', port })
  if (callback) server.once('listening', callback)
  process.nextTick(() => server.emit('listening'))
  return server
}

/** Until the server listens, make process.exit() a failed start with a reason. */
function catchExit(fail) {
  const { exit } = process
  process.exit = (code) => {
    const reason = `it called process.exit(${code ?? ''}) before it listened`
    fail(reason)
    throw new Error(`Cannot start the server: ${reason}.`) // in a promise, Lambda's runtime reports this one
  }
  return () => {
    process.exit = exit
  }
}

/** Load as `node <entry>` does, so that `require.main === module` is true; ECMAScript modules by import(). */
async function load(file) {
  process.argv = [process.argv[0], file]
  try {
    Module._load(file, null, true)
  } catch (error) {
    if (!ESM_ONLY.includes(error?.code)) throw error
    await import(pathToFileURL(file).href)
  }
}

function describe(error) {
  return String(error?.message ?? error).split('\n')[0]
}

module.exports = { setDefaults, startServer }
