'use strict'
// Reads the settings that tsconfig.json files give to entry points, with all that they extend.

const { existsSync, readFileSync } = require('node:fs')
const path = require('node:path')

const COMMENT = /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
const TRAILING_COMMA = /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g

/**
 * Return the file that applies to a source file, its compiler options, and the packages that it extends.
 *
 * `outside` says that one of them lies in the modules of a copy, where esbuild does not look; `absent` are not installed.
 */
function readSettings(file, { folder, copies, remember }) {
  const found = { file: findNearest(path.join(folder, file)), options: {}, outside: false, absent: [] }
  if (found.file) found.options = mergeOptions(found.file, { copies, remember, found, seen: new Set() })
  return found
}

function findNearest(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'tsconfig.json')
    if (existsSync(candidate)) return candidate
    if (folder === path.dirname(folder)) return null
  }
}

function mergeOptions(file, context) {
  if (context.seen.has(file) || !existsSync(file)) return {}
  context.seen.add(file)
  context.remember(file)
  const { extends: named, compilerOptions } = parse(readFileSync(file, 'utf8'))
  const merged = {}
  for (const base of [named ?? []].flat()) {
    const target = findBase(String(base), file, context)
    if (target) Object.assign(merged, mergeOptions(target, context))
  }
  return Object.assign(merged, placePaths(compilerOptions ?? {}, path.dirname(file)))
}

/** Make paths absolute: each is relative to the file in which it is written. */
function placePaths(options, folder) {
  const placed = { ...options }
  if (typeof options.baseUrl === 'string') placed.baseUrl = path.resolve(folder, options.baseUrl)
  if (options.paths && typeof options.baseUrl !== 'string') {
    placed.paths = Object.fromEntries(Object.entries(options.paths).map(([name, targets]) => (
      [name, [targets].flat().map((target) => path.resolve(folder, String(target)))]
    )))
  }
  return placed
}

function findBase(name, file, { copies, found }) {
  const folder = path.dirname(file)
  if (name.startsWith('.') || path.isAbsolute(name)) {
    const target = path.resolve(folder, name)
    return existsSync(target) && !target.endsWith(path.sep) && target.endsWith('.json') ? target : `${target.replace(/\.json$/, '')}.json`
  }
  for (const around of [folder, ...copies]) {
    const target = findInModules(name, around)
    if (!target) continue
    found.outside ||= around !== folder
    return target
  }
  found.absent.push(name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'))
  return null
}

function findInModules(name, folder) {
  for (const specifier of [name, `${name}.json`, `${name}/tsconfig.json`]) {
    try {
      const target = require.resolve(specifier, { paths: [folder] })
      if (target.endsWith('.json')) return target
    } catch {
      // not there, or not by this name
    }
  }
  return null
}

/** Parse JSON with comments and trailing commas; what cannot be read has no settings, and esbuild says why. */
function parse(text) {
  const plain = text.replace(/^\uFEFF/, '').replace(COMMENT, '$1').replace(TRAILING_COMMA, '$1')
  try {
    const value = JSON.parse(plain)
    return value !== null && typeof value === 'object' ? value : {}
  } catch {
    return {}
  }
}

module.exports = { readSettings }
