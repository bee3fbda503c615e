import path from 'node:path'
import type { SourceFile } from './files.ts'
import type { Finding } from './rules.ts'
import type { Token } from './scan-typescript.ts'

/**
 * Which directories a file of a directory may import from, beside its own. Tests may import anything, and so may what
 * only tests use (testing/).
 */
const directions: Readonly<Record<string, readonly string[] | 'anything'>> = {
  catalogue: [],
  lib: [],
  database: ['lib'],
  dashboards: ['catalogue'],
  alerts: ['catalogue'],
  provisioning: [],
  exporter: ['catalogue', 'lib'],
  'audit-api': ['catalogue', 'lib'],
  cli: ['catalogue', 'lib', 'dashboards', 'alerts', 'exporter', 'audit-api'],
  demo: ['lib', 'database'],
  tools: [
    'catalogue',
    'lib',
    'database',
    'dashboards',
    'alerts',
    'provisioning',
    'exporter',
    'audit-api',
    'cli',
    'testing',
  ],
  testing: 'anything',
  bin: ['cli'],
}

/** What others take into their own programs: it stands alone, and imports nothing that they would not have. */
const standalone = ['audit-api/client']

/** Holds the directions of imports, and that a relative import names its file with its ending. */
export function importFindings(file: SourceFile, tokens: readonly Token[]): Finding[] {
  if (file.path.endsWith('.test.ts')) return []
  const from = topOf(file.path)
  const allowed = directions[from]
  const alone = standalone.find((directory) => file.path.startsWith(`${directory}/`))
  return importsOf(tokens).flatMap(({ specifier, line }) => {
    const finding = (message: string): Finding[] => [{ path: file.path, line, message }]
    if (!specifier.startsWith('.')) {
      if (alone !== undefined && !specifier.startsWith('node:')) {
        return finding(`imports ${specifier}; ${alone} may import no package`)
      }
      return from === 'catalogue' ? finding(`imports ${specifier}; the catalogue is pure data and imports nothing`) : []
    }
    if (!/\.(ts|json|js)$/.test(specifier)) return finding(`imports ${specifier}; expected the file with its ending`)
    const target = path.posix.join(path.posix.dirname(file.path), specifier)
    if (alone !== undefined && !target.startsWith(`${alone}/`)) {
      return finding(`imports ${specifier}; ${alone} may import nothing of ours`)
    }
    const to = topOf(target)
    if (allowed === undefined || allowed === 'anything' || to === from || allowed.includes(to)) return []
    const may = allowed.length === 0 ? 'nothing of ours' : `only from ${allowed.join(', ')}`
    return to === 'package.json' ? [] : finding(`imports from ${to}; ${from} may import ${may}`)
  })
}

const topOf = (file: string): string => file.split('/')[0] ?? ''

/** Every string that follows `from`, `import` or `import(`. */
function importsOf(tokens: readonly Token[]): { specifier: string; line: number }[] {
  const significant = tokens.filter((token) => token.kind !== 'comment')
  return significant.flatMap((token, index) => {
    const before = significant[index - 1]
    const isImport = before?.kind === 'code' && /\b(?:from|import)\s*\(?\s*$/.test(before.text)
    return token.kind === 'string' && isImport ? [{ specifier: token.text.slice(1, -1), line: token.line }] : []
  })
}
