'use strict'
// Writes what functions log through their context, from the level of the host on.
//
// Source: Azure's documentation of host.json. A rule holds for the categories that begin with its name, and the longest
// one counts; an app's settings take precedence over host.json.

const fs = require('node:fs')

const LEVELS = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none']
const SETTING = 'azurefunctionsjobhost__logging__loglevel__'
let rules // read when the process starts: the app may change folders and settings

function readRules() {
  const settings = Object.entries(process.env).filter(([name]) => name.toLowerCase().startsWith(SETTING))
  const own = settings.map(([name, level]) => [name.slice(SETTING.length).replaceAll('__', '.'), level])
  const lower = [...Object.entries(readHostFile()), ...own].map(([name, level]) => [name.toLowerCase(), String(level).toLowerCase()])
  rules = new Map(lower.filter(([, level]) => LEVELS.includes(level)))
}

function readHostFile() {
  try {
    return JSON.parse(fs.readFileSync('host.json', 'utf8')).logging?.logLevel ?? {}
  } catch {
    return {}
  }
}

function findLevel(functionName) {
  const category = `function.${functionName}.user`.toLowerCase()
  const [longest] = [...rules.keys()].filter((name) => category.startsWith(name)).sort((one, other) => other.length - one.length)
  return rules.get(longest) ?? rules.get('default') ?? 'information'
}

function log(functionName, level, message) {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(findLevel(functionName))) return
  const write = level === 'error' || level === 'critical' ? console.error : console.log
  write(message)
}

module.exports = { log, readRules }
