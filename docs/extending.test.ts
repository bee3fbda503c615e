import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const page = readFileSync(resolve(import.meta.dirname, 'extending.md'), 'utf8')
const named = new Set([...page.matchAll(/`([a-z-]+\/[\w./-]*)`/g)].map(([, path = '']) => path))

test('every file and folder that the page names is there', () => {
  expect(named.size).toBeGreaterThan(40)
  expect([...named].filter((path) => !existsSync(resolve(root, path)))).toEqual([])
})

test('every name of code and every script that the page names is there', () => {
  const words = {
    'catalogue/views.ts': ['added(', 'changing(', 'about', 'note', 'values'],
    'exporter/store/figure.ts': ['presentOnly', 'reads', 'emit', 'past', 'sql'],
    'exporter/probes/index.ts': ['probesByDependency'],
    'exporter/probes/probe.ts': ['ProbeError'],
    'audit-api/http/problem-schema.ts': ['refusals'],
    'audit-api/events/facets.ts': ['forAuditReaders', 'scope'],
    'lib/settings.ts': ['refuseHalves', 'variables'],
    'package.json': ['"generate"', '"check"', '"test:fast"', '"quiet-week"', '"demo"'],
  }
  for (const [path, expected] of Object.entries(words)) {
    const text = readFileSync(resolve(root, path), 'utf8')
    for (const word of expected) expect(text, `docs/extending.md speaks of ${word} in ${path}`).toContain(word)
  }
})

test('the README ends with it', () => {
  const lines = readFileSync(resolve(root, 'README.md'), 'utf8').trimEnd().split('\n')
  expect(lines.at(-1)).toContain('(docs/extending.md)')
})
