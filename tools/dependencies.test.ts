import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

test('every dependency has its line in docs/decisions/dependencies.md, and no line is left over', () => {
  const manifest: Record<string, Record<string, string>> = JSON.parse(read('package.json'))
  const kinds = ['dependencies', 'optionalDependencies', 'devDependencies']
  const used = kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}))
  const described = [...read('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)].map(
    (match) => match[1],
  )
  expect(described.toSorted()).toEqual(used.toSorted())
})

test('every version is exact', () => {
  const manifest: Record<string, Record<string, string>> = JSON.parse(read('package.json'))
  for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies', 'overrides']) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {}))
      expect(version, name).toMatch(/^(npm:[^@]*@?[^@]+@)?\d+\.\d+\.\d+/)
  }
})
