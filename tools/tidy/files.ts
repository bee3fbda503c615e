import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface SourceFile {
  /** From the root, with slashes. */
  path: string
  content: string
}

/** What is installed, built or kept at run time, and no source. */
const passedOver = new Set(['node_modules', '.git', '.barometer', '.env', 'coverage'])
const textFile = /\.(ts|js|mjs|sql|json|ya?ml|md|sh|conf|ini|tmpl|txt|prom|css|html)$|(^|\/)(Dockerfile|run|LICENSE)$/

/** All text files under the root, in the order of their paths. */
export function readSourceFiles(root: string): SourceFile[] {
  return pathsUnder(root, '')
    .filter((file) => textFile.test(file))
    .sort()
    .map((file) => ({ path: file, content: readFileSync(path.join(root, file), 'utf8') }))
}

/** Paths of the files under a directory, from the root. */
export function pathsUnder(root: string, directory: string): string[] {
  return readdirSync(path.join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    if (passedOver.has(entry.name)) return []
    const relative = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (entry.isDirectory()) return pathsUnder(root, relative)
    return entry.isFile() ? [relative] : []
  })
}
