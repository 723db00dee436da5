'use strict'
// Bundles entry points with esbuild, each into one file with a source map. Runs on the machine that packages.
//
// Called with the path of a request in JSON, and writes `result.json` beside it. Packages that cannot be bundled stay
// outside: those with compiled modules, and those that read files of their own or replace `require`.

const { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { isBuiltin } = require('node:module')
const path = require('node:path')

const ASKED = Symbol('asked') // marks our own question to esbuild's resolver
const EXTENSIONS = { cjs: '.cjs', esm: '.mjs' }
const DEEPEST_COMPILED_MODULE = 4
const COMPILED_MARKS = [
  '@mapbox/node-pre-gyp', 'bindings', 'node-addon-api', 'node-gyp-build', 'node-gyp-build-optional-packages',
  'node-pre-gyp', 'prebuild-install',
]
// Each reads files beside itself, starts a worker by its path, or hooks into `require` (as Next.js's list of server
// packages, and the `nodejs.install` notes of SST).
const NOT_BUNDLED = new Set([
  '@fastify/swagger-ui', '@mikro-orm/core', '@mikro-orm/knex', '@prisma/client', '@react-pdf/renderer',
  '@sparticuz/chromium', '@sparticuz/chromium-min', 'chrome-aws-lambda', 'config', 'dd-trace', 'ffmpeg-static',
  'firebase-admin', 'geoip-lite', 'import-in-the-middle', 'jsdom', 'keyv', 'newrelic', 'pdfkit', 'pg-native', 'pino', 'piscina',
  'playwright', 'playwright-core', 'prisma', 'puppeteer', 'puppeteer-core', 'require-in-the-middle', 'sharp',
  'swagger-ui-dist', 'swagger-ui-express', 'thread-stream', 'ts-node', 'typescript', 'webpack',
])
// The `require` of bundled CommonJS packages; global, so that a module may declare its own.
const REQUIRE = "import { createRequire as semantestRequire } from 'node:module';globalThis.require ??= semantestRequire(import.meta.url);"
const COMMONJS_NAMES = path.join(__dirname, 'commonjs_names.mjs')

const [requestPath] = process.argv.slice(2)
const request = JSON.parse(readFileSync(requestPath, 'utf8'))
const found = { files: [], packages: {}, absent: new Set(), inputs: new Set(), warnings: [], errors: [] }
const compiled = new Map() // folder of a package -> whether it stays outside

main().catch((error) => {
  if (!Array.isArray(error.errors)) throw error
  found.errors.push(...error.errors.map(describe))
}).finally(() => {
  const result = { ...found, absent: [...found.absent].sort(), inputs: [...found.inputs].sort() }
  writeFileSync(path.join(path.dirname(requestPath), 'result.json'), JSON.stringify(result))
})

async function main() {
  const esbuild = require(request.esbuild)
  const failures = []
  for (const format of Object.keys(EXTENSIONS)) {
    const files = request.entries.filter((entry) => entry.format === format).map((entry) => entry.file)
    if (files.length === 0) continue
    try {
      write(await esbuild.build(options(files, format)), format)
    } catch (error) {
      if (!Array.isArray(error.errors)) throw error
      failures.push(...error.errors)
    }
  }
  found.errors.push(...failures.map(describe))
  found.settings = findSettings()
}

function options(files, format) {
  return {
    absWorkingDir: request.folder,
    entryPoints: files.map((file) => ({ in: `./${file}`, out: file.slice(0, -path.extname(file).length) })),
    bundle: true, write: false, outdir: request.output, outExtension: { '.js': EXTENSIONS[format] },
    platform: 'node', target: request.target, format, logLevel: 'silent', metafile: true,
    sourcemap: 'linked', sourcesContent: false, loader: { '.node': 'copy' }, nodePaths: request.modules,
    ...(format === 'esm' && { banner: { js: REQUIRE }, inject: [COMMONJS_NAMES] }),
    plugins: [{ name: 'packages', setup: (build) => { build.onResolve({ filter: /^[^./]/ }, (args) => place(build, args, format)) } }],
  }
}

/** Decide whether an imported package is bundled, stays outside, or is left to esbuild, which then says what is wrong. */
async function place(build, args, format) {
  if (args.kind === 'entry-point' || args.pluginData === ASKED || isBuiltin(args.path)) return undefined
  const { importer, namespace, resolveDir, kind } = args
  const answer = await build.resolve(args.path, { importer, namespace, resolveDir, kind, pluginData: ASKED })
  const name = packageName(args.path)
  if (answer.errors.length > 0) return placeAbsent(args, name)
  const folder = answer.external ? null : packageFolder(answer.path, name)
  if (folder === null || !staysOutside(folder, name)) return { ...answer, pluginData: undefined }
  found.packages[name] ??= folder
  rememberInput(path.join(folder, 'package.json'))
  return { path: format === 'esm' ? completePath(args.path, name, folder, answer.path) : args.path, external: true }
}

/** Leave out what the cloud provides, and what a package asks for without needing it. */
function placeAbsent(args, name) {
  if (request.provided.some((known) => name === known || (known.endsWith('/') && name.startsWith(known)))) {
    return { path: args.path, external: true }
  }
  if (!args.importer.split(path.sep).includes('node_modules')) return undefined
  found.absent.add(name)
  return { path: args.path, external: true }
}

function packageName(specifier) {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function packageFolder(file, name) {
  const mark = `${path.sep}node_modules${path.sep}${name.split('/').join(path.sep)}${path.sep}`
  const at = file.lastIndexOf(mark)
  return at < 0 ? null : file.slice(0, at + mark.length - 1)
}

function staysOutside(folder, name) {
  if (request.kept.includes(name) || NOT_BUNDLED.has(name)) return true
  if (!compiled.has(folder)) compiled.set(folder, hasCompiledModule(folder))
  return compiled.get(folder)
}

function hasCompiledModule(folder) {
  const project = readPackage(folder)
  const needed = Object.keys({ ...project.dependencies, ...project.optionalDependencies })
  const hasMark = project.gypfile === true || project.napi !== undefined || project.binary?.module_name !== undefined
  if (hasMark || existsSync(path.join(folder, 'binding.gyp'))) return true
  return needed.some((name) => COMPILED_MARKS.includes(name)) || needsPlatformPackage(folder, project)
    || holdsCompiledFile(folder, DEEPEST_COMPILED_MODULE)
}

/** Whether an optional dependency is a build for one platform: it says which in its own package.json. */
function needsPlatformPackage(folder, project) {
  return Object.keys(project.optionalDependencies ?? {}).some((name) => {
    const beside = folder.slice(0, folder.lastIndexOf(`${path.sep}node_modules${path.sep}`))
    const places = [folder, beside].map((around) => path.join(around, 'node_modules', name))
    return places.some((place) => { const { os, cpu } = readPackage(place); return Boolean(os && cpu) })
  })
}

function holdsCompiledFile(folder, depth) {
  try {
    return readdirSync(folder, { withFileTypes: true }).some((entry) => {
      if (entry.isDirectory()) {
        return depth > 1 && entry.name !== 'node_modules' && holdsCompiledFile(path.join(folder, entry.name), depth - 1)
      }
      return entry.name.endsWith('.node')
    })
  } catch {
    return false // inside an archive of modules
  }
}

function readPackage(folder) {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  } catch {
    return {}
  }
}

/** An ECMAScript module finds a file of a package without `exports` only by its whole name. */
function completePath(specifier, name, folder, file) {
  if (specifier === name || readPackage(folder).exports !== undefined) return specifier
  return `${name}/${path.relative(folder, file).split(path.sep).join('/')}`
}

function write(result, format) {
  found.warnings.push(...result.warnings.filter(({ location }) => !location?.file.includes('node_modules')).map(describe))
  const inputs = Object.keys(result.metafile.inputs).map((name) => path.resolve(request.folder, name))
  inputs.filter((file) => file !== COMMONJS_NAMES).forEach(rememberInput)
  for (const file of result.outputFiles) {
    mkdirSync(path.dirname(file.path), { recursive: true })
    if (file.path.endsWith('.map')) writeFileSync(file.path, relocate(file))
    else writeFileSync(file.path, file.path.endsWith(EXTENSIONS[format]) ? withoutOurFolders(file.text) : file.contents)
    found.files.push(path.relative(request.output, file.path))
  }
}

/** Name sources as they lie beside the bundle in the package, and not where this machine has them. */
function relocate(file) {
  const map = JSON.parse(file.text)
  const place = path.join(request.folder, path.relative(request.output, path.dirname(file.path)))
  map.sources = map.sources.map((source) => path.relative(place, inSource(path.resolve(path.dirname(file.path), source))))
  return JSON.stringify(map)
}

function inSource(file) {
  const folder = [...request.copies, __dirname].find((copy) => file.startsWith(copy + path.sep))
  return folder ? path.join(request.folder, path.relative(folder, file)) : file
}

function withoutOurFolders(text) {
  const ours = [...request.copies, __dirname].map((folder) => `${path.relative(request.folder, folder)}/`)
  return ours.reduce((done, folder) => done.replaceAll(folder, ''), text)
}

/** Remember a file that no walk over the source's own files finds: a module of it, or one that lies elsewhere. */
function rememberInput(file) {
  const isOwn = file.startsWith(request.folder + path.sep) && !file.split(path.sep).includes('node_modules')
  const isCopy = request.copies.some((folder) => file.startsWith(folder + path.sep))
  if (!isOwn && !isCopy && existsSync(file)) found.inputs.add(file)
}

/** Read the tsconfig.json that esbuild takes for each entry, with those that it extends, for what esbuild lacks. */
function findSettings() {
  const texts = []
  for (const { file } of request.entries) {
    let folder = path.dirname(path.join(request.folder, file))
    while (!existsSync(path.join(folder, 'tsconfig.json')) && folder !== path.dirname(folder)) folder = path.dirname(folder)
    readSettings(path.join(folder, 'tsconfig.json'), texts, new Set())
  }
  return { emitsDecoratorMetadata: texts.some((text) => /"emitDecoratorMetadata"\s*:\s*true/.test(text)) }
}

function readSettings(file, texts, seen) {
  if (seen.has(file) || !existsSync(file)) return
  seen.add(file)
  rememberInput(file)
  const text = readFileSync(file, 'utf8')
  texts.push(text)
  for (const [, target] of text.matchAll(/"extends"\s*:\s*"(\.[^"]+)"/g)) {
    const named = path.resolve(path.dirname(file), target)
    readSettings(existsSync(named) && !named.endsWith('.json') ? named : named.replace(/(\.json)?$/, '.json'), texts, seen)
  }
}

function describe({ text, location, notes }) {
  const place = location ? { file: location.file, line: location.line, column: location.column + 1 } : {}
  return { text, notes: (notes ?? []).map((note) => note.text), ...place }
}
