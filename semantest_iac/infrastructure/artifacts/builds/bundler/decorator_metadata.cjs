'use strict'
// Compiles modules with decorators by the project's own TypeScript where tsconfig.json sets `emitDecoratorMetadata`:
// it writes the types of parameters into the code (`design:paramtypes`), by which NestJS and others inject. esbuild,
// which sees one file without its types, does not (its documentation, "TypeScript caveats").

const { readFileSync } = require('node:fs')
const path = require('node:path')

// A decorator on a line that is no comment. More may look like one, and is compiled with the same result.
const DECORATOR = /^(?!\s*(?:\*|\/\/|\/\*)).*?(?:^|[^\w$.'"`/-])@[A-Za-z_$(]/m
const MODULE_SYNTAX = /\bimport\.meta\b|^(?:\S.*[=(]\s*)?await\b/m // what only an ECMAScript module can have
const OF_OTHER_OUTPUT = [
  'baseUrl', 'composite', 'declaration', 'declarationDir', 'declarationMap', 'emitDeclarationOnly', 'incremental', 'lib',
  'mapRoot', 'moduleResolution', 'noEmit', 'outDir', 'outFile', 'paths', 'rootDir', 'sourceRoot', 'tsBuildInfoFile', 'types',
]

/** Return the project's TypeScript, looked for where a module of the project would find it; null if it is not there. */
function findTypeScript(folders) {
  try {
    const file = require.resolve('typescript', { paths: folders })
    const typescript = require(file)
    return typeof typescript.transpileModule === 'function' ? { typescript, file } : null
  } catch {
    return null
  }
}

/**
 * The plugin of esbuild; `whenAbsent` is called for a module that needs a TypeScript which is not there. `exporting` are
 * entry points whose exports have to stay those of an ECMAScript module.
 */
function compileDecorators(found, options, exporting, whenAbsent) {
  return {
    name: 'decorator-metadata',
    setup(build) {
      build.onLoad({ filter: /\.[mc]?tsx?$/ }, ({ path: file }) => {
        if (file.split(path.sep).includes('node_modules')) return undefined
        const text = readFileSync(file, 'utf8')
        if (!DECORATOR.test(text)) return undefined
        if (found === null) return whenAbsent()
        const isModule = exporting.includes(file) || MODULE_SYNTAX.test(text)
        return { contents: compile(found.typescript, text, file, options, isModule), loader: file.endsWith('x') ? 'tsx' : 'ts' }
      })
    },
  }
}

/**
 * Return JavaScript for esbuild, which makes the rest for the version of Node.
 *
 * It is CommonJS: a parameter's type may be an interface, which is no export of its module when the code runs. CommonJS
 * then finds `undefined`, as in what tsc makes, where esbuild refuses an import.
 */
function compile(typescript, text, file, written, isModule) {
  const kept = Object.fromEntries(Object.entries(written).filter(([name]) => !OF_OTHER_OUTPUT.includes(name)))
  const { options } = typescript.convertCompilerOptionsFromJson(kept, path.dirname(file))
  const { ScriptTarget, ModuleKind, JsxEmit } = typescript
  const definesFields = options.useDefineForClassFields ?? (options.target ?? ScriptTarget.ES5) >= ScriptTarget.ES2022
  const { outputText } = typescript.transpileModule(text, {
    fileName: file,
    compilerOptions: {
      ...options,
      target: ScriptTarget.ES2022, useDefineForClassFields: definesFields, jsx: JsxEmit.Preserve,
      module: isModule ? ModuleKind.ESNext : ModuleKind.CommonJS,
      esModuleInterop: options.esModuleInterop ?? (options.module ?? ModuleKind.CommonJS) !== ModuleKind.CommonJS,
      verbatimModuleSyntax: false, sourceMap: false, inlineSourceMap: true, inlineSources: false,
    },
  })
  return outputText
}

module.exports = { compileDecorators, findTypeScript }
