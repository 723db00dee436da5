// What CommonJS packages expect: esbuild puts these in a bundle where a name is used and not declared.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const __filename = fileURLToPath(import.meta.url)
export const __dirname = dirname(__filename)
