'use strict'
// Runs an unmodified server program and catches the HTTP server that it starts.
//
// The program believes that it listens where it wanted; really its first server listens on a free loopback
// port, and every further one (a WebSocket port, which no HTTP API could reach) is only told that it listens.

const http = require('node:http')
const Module = require('node:module')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const LONGEST_START_MS = 9000 // Lambda gives the whole start ten seconds; Azure gives more, a client hardly
const ESM_ONLY = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE']

/** What servers expect to be set, where nobody has set it: only the temp folder can be written to. */
function setDefaults(environment) {
  environment.NODE_ENV ??= 'production'
  environment.LOG_DIRECTORY ??= path.join(os.tmpdir(), 'logs')
  environment.CORS_ORIGINS ??= ''
}

/** Load the entry and resolve with its server once that listens; rejects when it never does. */
function startServer(entry, folder) {
  return new Promise((resolve, reject) => {
    const fail = (reason) => reject(new Error(`Cannot start server '${entry}': ${reason}.`))
    const broken = (error) => fail(`it threw ${describe(error)}`)
    const timer = setTimeout(fail, LONGEST_START_MS, `it did not listen within ${LONGEST_START_MS / 1000} s`)
    const restoreExit = catchExit(fail)
    captureListen((server) => {
      clearTimeout(timer)
      restoreExit()
      process.off('uncaughtException', broken).off('unhandledRejection', broken)
      resolve(server)
    })
    process.on('uncaughtException', broken).on('unhandledRejection', broken)
    load(path.resolve(folder, entry)).catch(broken)
  })
}

function captureListen(onListening) {
  let captured = null
  http.Server.prototype.listen = function listen(...wanted) {
    const callback = wanted.findLast((argument) => typeof argument === 'function')
    if (captured !== null && captured !== this) return pretendToListen(this, wanted, callback)
    captured = this
    this.once('listening', () => {
      this.keepAliveTimeout = 0 // events come over connections that last, through hours in which Lambda stands still
      onListening(this)
    })
    return net.Server.prototype.listen.call(this, { host: '127.0.0.1', port: 0 }, callback)
  }
}

function pretendToListen(server, wanted, callback) {
  const port = Number(wanted[0]?.port ?? wanted[0]) || 0
  server.address = () => ({ address: '127.0.0.1', family: 'IPv4', port })
  if (callback) server.once('listening', callback)
  process.nextTick(() => server.emit('listening'))
  return server
}

/** Until the server listens, process.exit() is a failed start with a reason instead of a silent end. */
function catchExit(fail) {
  const { exit } = process
  process.exit = (code) => {
    fail(`it called process.exit(${code ?? ''}) before it listened`)
    throw new Error('process.exit')
  }
  return () => {
    process.exit = exit
  }
}

/** Load as `node <entry>` would, so that `require.main === module` holds; ECMAScript modules by import(). */
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
