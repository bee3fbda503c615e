import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Importing one of these is how a test gets a Postgres server or starts a program. */
const servers: readonly string[] = ['testing/database.ts', 'node:child_process']

/**
 * The pure tests: those that import, themselves or through what they import, neither the test server nor the means to start
 * a program. They need no server and run in seconds. `pure-setup.ts` fails one that starts something in spite of that.
 * @returns their paths from the root, sorted
 */
export function pureTests(root: string): string[] {
  const imports = new Map<string, string[]>()
  const needsServer = (test: string): boolean => {
    const reached = new Set([test])
    for (const path of reached) {
      if (servers.includes(path)) return true
      if (!imports.has(path)) imports.set(path, importsOf(root, path))
      for (const imported of imports.get(path) ?? []) reached.add(imported)
    }
    return false
  }
  return globSync('**/*.test.ts', { cwd: root, exclude: ['node_modules', '.barometer'] })
    .filter((test) => !needsServer(test))
    .sort()
}

/** Biome's format makes this enough: one statement a line, single quotes. Imports of types alone do not count. */
const importPattern = /^(?:import|export)\b(?! type\b)[^'";]*? from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm

function importsOf(root: string, path: string): string[] {
  const file = join(root, path)
  if (!/\.(ts|js)$/.test(path) || !existsSync(file)) return []
  return [...readFileSync(file, 'utf8').matchAll(importPattern)].map(([, from, bare, call]) => {
    const specifier = from ?? bare ?? call ?? ''
    return specifier.startsWith('.') ? join(path, '..', specifier) : specifier
  })
}
