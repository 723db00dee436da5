'use strict'
// Bundles entry points with esbuild, each into one file with a source map. Runs on the machine that packages.
//
// Called with the path of a request in JSON, and writes `result.json` beside it. Packages that cannot be bundled stay
// outside: those with compiled modules, and those that read files of their own or replace `require`.

const { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { isBuiltin } = require('node:module')
const path = require('node:path')
const { compileDecorators, findTypeScript } = require('./decorator_metadata.cjs')
const { readSettings } = require('./project_settings.cjs')

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
const found = {
  files: [], packages: new Map(), absent: new Set(), missing: new Set(), tools: new Set(), inputs: new Set(),
  warnings: [], errors: [], lacksTypeScript: false,
}
const compiled = new Map() // folder of a package -> whether it stays outside

main().catch((error) => {
  if (!Array.isArray(error.errors)) throw error
  found.errors.push(...error.errors.map(describe))
}).finally(() => {
  const packages = choosePackages()
  const sets = ['absent', 'missing', 'tools', 'inputs'].map((name) => [name, [...found[name]].sort()])
  const result = { ...found, ...Object.fromEntries(sets), packages }
  writeFileSync(path.join(path.dirname(requestPath), 'result.json'), JSON.stringify(result))
})

async function main() {
  const esbuild = require(request.esbuild)
  const failures = []
  for (const group of groupEntries()) {
    try {
      write(await esbuild.build(options(group)), group.format)
    } catch (error) {
      if (!Array.isArray(error.errors)) throw error
      failures.push(...error.errors)
    }
  }
  found.errors.push(...failures.map(describe))
}

/** Entries are bundled together, so that they share what they can, if they have one format and one tsconfig.json. */
function groupEntries() {
  const groups = new Map()
  for (const { file, format } of request.entries) {
    const settings = readSettings(file, { folder: request.folder, copies: request.copies, remember: rememberInput })
    settings.absent.forEach(wantTool)
    const needsOwn = settings.outside || settings.options.emitDecoratorMetadata === true
    const key = `${format} ${needsOwn ? settings.file : ''}`
    if (!groups.has(key)) groups.set(key, { format, files: [], settings })
    groups.get(key).files.push(file)
  }
  return groups.values()
}

function options({ files, format, settings }) {
  return {
    absWorkingDir: request.folder,
    entryPoints: files.map((file) => ({ in: `./${file}`, out: file.slice(0, -path.extname(file).length) })),
    bundle: true, write: false, outdir: request.output, outExtension: { '.js': EXTENSIONS[format] },
    platform: 'node', target: request.target, format, logLevel: 'silent', metafile: true,
    sourcemap: 'linked', sourcesContent: false, loader: { '.node': 'copy' }, nodePaths: request.modules,
    ...(format === 'esm' && { banner: { js: REQUIRE }, inject: [COMMONJS_NAMES] }),
    // esbuild looks for what a tsconfig.json extends beside it, and not in the modules of a copy
    ...(settings.outside && { tsconfigRaw: { compilerOptions: settings.options } }),
    plugins: [
      { name: 'packages', setup: (build) => { build.onResolve({ filter: /^[^./]/ }, (args) => place(build, args, format)) } },
      ...(settings.options.emitDecoratorMetadata === true ? [metadataPlugin(settings, format === 'esm' ? files : [])] : []),
    ],
  }
}

function metadataPlugin(settings, modules) {
  const typescript = findTypeScript([path.dirname(settings.file), request.folder, ...request.copies])
  if (typescript) rememberInput(typescript.file)
  const exporting = modules.map((file) => path.join(request.folder, file))
  return compileDecorators(typescript, settings.options, exporting, () => {
    found.lacksTypeScript = true
    wantTool('typescript')
  })
}

/** Remember a package that is needed to bundle and is not bundled itself. */
function wantTool(name) {
  if (request.development.includes(name)) found.tools.add(name)
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
  if (!found.packages.has(name)) found.packages.set(name, new Set())
  found.packages.get(name).add(folder)
  rememberInput(path.join(folder, 'package.json'))
  return { path: format === 'esm' ? completePath(args.path, name, folder, answer.path) : args.path, external: true }
}

/** Of several versions of a package that stays outside, a bundle finds the one nearest to the top; the others are named. */
function choosePackages() {
  const depth = (folder) => folder.split(`${path.sep}node_modules${path.sep}`).length
  return Object.fromEntries([...found.packages].map(([name, folders]) => {
    const [chosen, ...others] = [...folders].sort((one, other) => depth(one) - depth(other) || (one < other ? -1 : 1))
    const version = (folder) => readPackage(folder).version
    const differing = others.filter((folder) => version(folder) !== version(chosen)).map(version)
    if (differing.length > 0) {
      const text = `${name} stays outside of the bundle, which then finds ${version(chosen)} only, and not ${differing.sort().join(', ')}`
      found.warnings.push({ text, file: 'package.json', line: 1 })
    }
    return [name, chosen]
  }))
}

/** Leave out what the cloud provides, and what a package asks for without needing it. */
function placeAbsent(args, name) {
  if (request.provided.some((known) => name === known || (known.endsWith('/') && name.startsWith(known)))) {
    return { path: args.path, external: true }
  }
  if (!args.importer.split(path.sep).includes('node_modules')) {
    found.missing.add(name)
    return undefined
  }
  found.absent.add(name)
  if (request.development.includes(name)) found.missing.add(name)
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

function describe({ text, location, notes }) {
  const place = location ? { file: location.file, line: location.line, column: location.column + 1 } : {}
  return { text, notes: (notes ?? []).map((note) => note.text), ...place }
}
