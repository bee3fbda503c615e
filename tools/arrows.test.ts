import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { arrowFindings } from './arrows/findings.ts'
import { readImportGraph } from './arrows/import-graph.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

/** Runs the real tool over a tree of these files; a list of specifiers stands for a file that imports them. */
async function findingsIn(tree: Readonly<Record<string, string | readonly string[]>>): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), 'barometer-arrows-'))
  roots.push(root)
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    const text = typeof content === 'string' ? content : content.map((from) => `import '${from}'`).join('\n')
    writeFileSync(join(root, path), `${text}\nexport const a = 1\n`)
  }
  return arrowFindings(await readImportGraph(root))
}

test('a tree whose arrows point one way has no finding', async () => {
  expect(
    await findingsIn({
      'catalogue/users.ts': [],
      'lib/log.ts': ['node:fs', 'node:timers/promises'],
      'exporter/figures/rules.ts': ['../../lib/log.ts'],
      'exporter/figures/users/signups.ts': ['../rules.ts', '../../../catalogue/users.ts'],
      'exporter/figures/index.ts': ['./users/signups.ts', './rules.ts'],
      'exporter/figures/index.test.ts': ['./index.ts', '../../testing/platform.ts'],
      'testing/platform.ts': ['../exporter/figures/index.ts'],
    }),
  ).toEqual([])
})

test('a circle of imports is found', async () => {
  const tree = { 'lib/a.ts': ['./b.ts'], 'lib/b.ts': ['./c.ts'], 'lib/c.ts': ['./a.ts'] }
  expect(await findingsIn(tree)).toEqual([
    'lib/a.ts imports lib/b.ts, which leads back to it (lib/a.ts -> lib/b.ts -> lib/c.ts -> lib/a.ts); expected no circle of imports',
  ])
})

test('imports of types alone, re-exports and calls of import() make a circle too', async () => {
  for (const back of [
    "import type { A } from './a.ts'",
    "import { type A } from './a.ts'",
    "export * from './a.ts'",
    "export type { A } from './a.ts'",
    "export const load = () => import('./a.ts')",
    "import {\n  a,\n} from './a.ts'",
  ]) {
    const findings = await findingsIn({ 'lib/a.ts': ['./b.ts'], 'lib/b.ts': back })
    expect(findings, back).toEqual([expect.stringContaining('expected no circle of imports')])
  }
})

test('an arrow back up inside a folder is found, without a circle of files', async () => {
  const tree = {
    'exporter/store/build.ts': ['../collect/rules.ts'],
    'exporter/collect/rules.ts': [],
    'exporter/collect/users.ts': ['../store/windows.ts'],
    'exporter/collect/content.ts': ['../store/windows.ts'],
    'exporter/store/windows.ts': [],
  }
  expect(await findingsIn(tree)).toEqual([
    'exporter/store/build.ts imports exporter/collect/rules.ts; expected no arrow from exporter/store back up to exporter/collect in exporter, since exporter/collect/content.ts imports exporter/store/windows.ts',
  ])
})

test('a sub-folder may import a file beside it unless that file leads back', async () => {
  const tree = { 'lib/users/signups.ts': ['../rules.ts'], 'lib/rules.ts': ['./windows.ts'], 'lib/windows.ts': [] }
  expect(await findingsIn(tree)).toEqual([])
  expect(await findingsIn({ ...tree, 'lib/windows.ts': ['./users/tiers.ts'], 'lib/users/tiers.ts': [] })).toEqual([
    'lib/rules.ts imports lib/windows.ts; expected no arrow from lib/rules.ts back up to lib/windows.ts in lib, since lib/windows.ts imports lib/users/tiers.ts, lib/users/signups.ts imports lib/rules.ts',
  ])
})

test('an arrow back up is found at every depth, between top folders too', async () => {
  const deep = {
    'lib/a/b/one/x.ts': ['../two/y.ts'],
    'lib/a/b/two/y.ts': [],
    'lib/a/b/two/z.ts': ['../one/w.ts'],
    'lib/a/b/one/w.ts': [],
  }
  expect(await findingsIn(deep)).toEqual([expect.stringContaining(' in lib/a/b, since ')])
  const top = {
    'tools/load.ts': ['../testing/b.ts'],
    'testing/b.ts': [],
    'testing/c.ts': ['../tools/d.ts'],
    'tools/d.ts': [],
  }
  expect(await findingsIn(top)).toContainEqual(expect.stringContaining(' in the root, since '))
})

test('an import against the directions of the top folders is found, unless a test imports', async () => {
  const tree = { 'exporter/b.ts': [], 'cli/b.ts': [], 'demo/b.ts': [] }
  expect(await findingsIn({ ...tree, 'audit-api/app.ts': ['../exporter/b.ts'] })).toEqual([
    'audit-api/app.ts imports exporter/b.ts; expected only imports from audit-api/, catalogue/, lib/',
  ])
  expect(await findingsIn({ ...tree, 'cli/demo.ts': "await import('../demo/b.ts')" })).toHaveLength(1)
  expect(await findingsIn({ ...tree, 'lib/log.ts': "export * from '../exporter/b.ts'" })).toHaveLength(1)
  expect(await findingsIn({ ...tree, 'audit-api/app.test.ts': ['../exporter/b.ts'] })).toEqual([])
})

test('a top folder without directions is found', async () => {
  expect(await findingsIn({ 'extra/a.ts': ['../lib/a.ts'], 'lib/a.ts': [] })).toEqual([
    'extra/a.ts imports lib/a.ts; expected a top folder with an entry in directions (tools/arrows/rules.ts)',
  ])
})

test('product code may not import test code, wherever it is; tests, testing/ and tools/ may', async () => {
  const shared = { 'testing/postgres.ts': [], 'cli/testing.ts': [], 'exporter/store/testing/play.ts': [] }
  expect(await findingsIn({ ...shared, 'exporter/main.ts': ['../testing/postgres.ts'] })).toContain(
    'exporter/main.ts imports testing/postgres.ts; expected no test code outside of tests, testing/ and tools/',
  )
  expect(await findingsIn({ ...shared, 'cli/main.ts': ['./testing.ts'] })).toHaveLength(1)
  expect(await findingsIn({ ...shared, 'exporter/main.ts': ['./store/testing/play.ts'] })).toHaveLength(1)
  expect(
    await findingsIn({
      ...shared,
      'exporter/main.test.ts': ['../testing/postgres.ts', './store/testing/play.ts'],
      'testing/compat.ts': ['../cli/testing.ts'],
      'tools/bench.ts': ['../testing/postgres.ts'],
    }),
  ).toEqual([])
})

test('nobody imports a test file', async () => {
  expect(await findingsIn({ 'lib/a.test.ts': ['./b.test.ts'], 'lib/b.test.ts': [] })).toEqual([
    'lib/a.test.ts imports lib/b.test.ts; expected no import of a test file; what tests share is in testing/',
  ])
})

test('what users copy into their programs imports nothing of ours and no package', async () => {
  const tree = { 'audit-api/client/backoff.ts': [], 'lib/log.ts': [] }
  const client = (...imports: string[]) => findingsIn({ ...tree, 'audit-api/client/client.ts': imports })
  expect(await client('./backoff.ts', 'node:fs')).toEqual([])
  expect(await client('../../lib/log.ts')).toEqual([
    'audit-api/client/client.ts imports lib/log.ts; expected nothing but audit-api/client/ and node: modules, since users copy audit-api/client/ into their programs',
  ])
  expect(await client('undici')).toContainEqual(expect.stringContaining('imports undici; expected nothing but'))
})

test('the catalogue imports nothing, not even a module of Node', async () => {
  expect(await findingsIn({ 'catalogue/users.ts': ['node:fs'] })).toEqual([
    'catalogue/users.ts imports fs; expected nothing but catalogue/: it is pure data and imports nothing',
  ])
})

test('inside the exporter the store knows no figure, a figure no refresh, a probe neither', async () => {
  const tree = { 'exporter/store/a.ts': [], 'exporter/figures/a.ts': [], 'exporter/refresh/a.ts': [] }
  for (const [from, to] of [
    ['store', 'figures'],
    ['store', 'refresh'],
    ['figures', 'refresh'],
    ['probes', 'figures'],
  ]) {
    const findings = await findingsIn({ ...tree, [`exporter/${from}/b.ts`]: [`../${to}/a.ts`] })
    expect(findings).toEqual([expect.stringMatching(`^exporter/${from}/b.ts imports exporter/${to}/a.ts; expected no`)])
  }
  expect(await findingsIn({ ...tree, 'exporter/refresh/b.ts': ['../figures/a.ts', '../store/a.ts'] })).toEqual([])
})

test('an import of a file or a package that is not there is found', async () => {
  expect(await findingsIn({ 'lib/log.ts': ['./other.ts', 'nothing-of-this-name'] })).toEqual([
    'lib/log.ts imports ./other.ts; expected a file of ours or an installed package',
    'lib/log.ts imports nothing-of-this-name; expected a file of ours or an installed package',
  ])
})
