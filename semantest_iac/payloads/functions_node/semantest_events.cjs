'use strict'
// Translates messages of Service Bus and timers into the events of SQS and of schedules, so that handlers run on both.

const { createHash } = require('node:crypto')
const { isUtf8 } = require('node:buffer')

const BROKER = 'SEMANTEST_BROKER' // the beginning of the names of the settings with the connection
const LONGEST_DELAY_MS = 2 * 24 * 3600 * 1000 // a timer that fires later than this has lost what it missed
const [MINUTE_MS, EARLY_MS] = [60_000, 5000] // a timer may fire a little before its time

/** Build the event of SQS with one record, because the host settles a batch only as a whole. */
function buildMessageEvent(body, metadata, source) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const isText = isUtf8(bytes)
  const text = bytes.toString(isText ? 'utf8' : 'base64')
  const { messageId, lockToken, deliveryCount, enqueuedTimeUtc, sessionId, applicationProperties } = metadata
  const sent = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(enqueuedTimeUtc ?? '') ? enqueuedTimeUtc : `${enqueuedTimeUtc}Z`) || 0
  const attributes = { ApproximateReceiveCount: String(deliveryCount ?? 1), SentTimestamp: String(sent) }
  return {
    Records: [{
      messageId: String(messageId ?? lockToken ?? ''), receiptHandle: String(lockToken ?? ''), body: text,
      attributes: { ...attributes, ...(sessionId && { MessageGroupId: String(sessionId) }) },
      messageAttributes: Object.fromEntries(Object.entries(applicationProperties ?? {}).map(buildAttribute)),
      md5OfBody: createHash('md5').update(text).digest('hex'),
      eventSource: 'aws:sqs', eventSourceARN: `arn:aws:sqs:azure::${source}`, awsRegion: 'azure',
      ...(!isText && { isBase64Encoded: true }),
    }],
  }
}

function buildAttribute([name, value]) {
  const dataType = typeof value === 'number' ? 'Number' : 'String'
  return [name, { stringValue: String(value), stringListValues: [], binaryListValues: [], dataType }]
}

/** Throw if the handler's result names the message as failed, so that it is delivered again. */
function requireSuccess(result, event) {
  const failures = result?.batchItemFailures
  if (!failures || failures.length === 0) return
  throw new Error(`The handler reports message ${event.Records[0].messageId} as failed.`)
}

/** Build the event of a schedule, with the time for which it was planned. */
function buildScheduleEvent(id, name, time) {
  return {
    version: '0', id, 'detail-type': 'Scheduled Event', source: 'semantest.schedule',
    time: time.toISOString().replace(/\.\d+Z$/, 'Z'), resources: [`arn:aws:scheduler:azure::schedule/default/${name}`],
    detail: {},
  }
}

/**
 * Find the minute for which the timer fires, null for one that the schedule does not mean.
 * In a time zone the timer fires whenever a time may be meant; of several missed times the newest counts. A local time
 * that occurs twice is meant only once, and one that is skipped not at all.
 */
function findDueTime(trigger, planned, now = Date.now()) {
  const newest = floorMinute(now + EARLY_MS)
  const isLate = planned !== null && planned > now - LONGEST_DELAY_MS && planned <= now + EARLY_MS
  const oldest = isLate ? floorMinute(planned) : newest
  if (!trigger.meant) return new Date(oldest)
  for (let moment = newest; moment >= oldest; moment -= MINUTE_MS) {
    if (isMeant(trigger, moment)) return new Date(moment)
  }
  return null
}

function floorMinute(moment) {
  return Math.floor(moment / MINUTE_MS) * MINUTE_MS
}

/** Read from a timer when it was to fire, null where that is not known. */
function readPlannedTime(timer) {
  const text = timer?.scheduleStatus?.next ?? ''
  const planned = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`)
  return Number.isNaN(planned) ? null : planned
}

function isMeant({ meant, zone }, moment) {
  const [offset, before] = listOffsets(zone, moment / 1000)
  if (before !== undefined) return false // the same local time has been before the clocks were put back
  const local = new Date(moment + offset * MINUTE_MS)
  return meant.minutes.includes(local.getUTCMinutes()) && meant.hours.includes(local.getUTCHours()) &&
    meant.month_days.includes(local.getUTCDate()) && meant.months.includes(local.getUTCMonth() + 1) &&
    meant.week_days.includes(local.getUTCDay())
}

/** List the minutes that are added at a moment, and those before, if they gave the same local time already. */
function listOffsets(changes, moment) {
  const index = Math.max(0, changes.findLastIndex(([start]) => start <= moment))
  const [start, offset] = changes[index]
  const repeats = index > 0 && moment - start < (changes[index - 1][1] - offset) * 60
  return repeats ? [offset, changes[index - 1][1]] : [offset]
}

/** Read how many milliseconds a function may run from the host's setting, which is written as a clock. */
function readTimeout(environment) {
  const [hours, minutes, seconds] = (environment.AzureFunctionsJobHost__functionTimeout || '00:05:00').split(':').map(Number)
  return ((hours * 60 + minutes) * 60 + seconds) * 1000
}

module.exports = {
  BROKER, buildMessageEvent, buildScheduleEvent, findDueTime, readPlannedTime, readTimeout, requireSuccess,
}
