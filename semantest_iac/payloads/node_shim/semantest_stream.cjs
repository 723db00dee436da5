'use strict'
// Runs handlers that write to a stream (awslambda.streamifyResponse) behind APIs that take answers as a whole.
//
// API Gateway's HTTP APIs and this tool's trigger on Azure send an answer when it is complete; Lambda itself would pass on
// the stream with its metadata in front, which an HTTP API takes for the body.

const { isUtf8 } = require('node:buffer')
const { Writable } = require('node:stream')

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming') // the mark of Lambda's runtime
const METADATA_TYPE = 'application/vnd.awslambda.http-integration-response'

/** Provide what Lambda's runtime provides, where it does not. */
function provideStreams() {
  globalThis.awslambda ??= { streamifyResponse, HttpResponseStream: { from: writeMetadata } }
}

function streamifyResponse(handler) {
  handler[STREAMING] = 'response'
  return handler
}

function writeMetadata(stream, metadata) {
  stream.setContentType(METADATA_TYPE)
  stream._onBeforeFirstWrite = (write) => write(JSON.stringify(metadata))
  return stream
}

function isStreaming(handler) {
  return handler[STREAMING] === 'response'
}

/** Call a handler with a stream, and resolve with all of it as one result. */
async function callStreaming(handler, event, context) {
  const stream = new AnswerStream()
  await handler(event, stream, context)
  if (!stream.writableEnded) throw new Error('The handler returned before it ended its stream.')
  return stream.buildResult()
}

class AnswerStream extends Writable {
  #parts = []
  #metadata = null
  #type = 'application/octet-stream'

  setContentType(type) {
    this.#type = type
  }

  _write(part, _, done) {
    this.#readMetadata()
    this.#parts.push(part)
    done()
  }

  /** Take what the stream would write first: the metadata, and in Lambda's runtime what separates it from the body. */
  #readMetadata() {
    const written = []
    this._onBeforeFirstWrite?.((part) => written.push(part))
    this._onBeforeFirstWrite = undefined
    if (written.length > 0) this.#metadata = JSON.parse(written[0])
  }

  buildResult() {
    this.#readMetadata()
    const body = Buffer.concat(this.#parts)
    const isText = isUtf8(body)
    const metadata = this.#metadata ?? { headers: { 'content-type': this.#type } }
    return { statusCode: 200, ...metadata, body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText }
  }
}

module.exports = { callStreaming, isStreaming, provideStreams }
