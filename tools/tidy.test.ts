import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readSourceFiles } from './tidy/files.ts'
import { literalsOf } from './tidy/literals.ts'
import { type Finding, tidy } from './tidy/rules.ts'

const metricNames = ['platform_users', 'platform_queue_wait_seconds']
const findingsIn = (file: string, content: string): Finding[] => tidy([{ path: file, content }], metricNames)
const messagesIn = (file: string, content: string): string[] => findingsIn(file, content).map(({ message }) => message)

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

test('a good file has no finding', () => {
  const content = [
    "import { users } from '../../catalogue/users.ts'",
    "import { createPool } from '../../lib/postgres.ts'",
    'const company = { any: 1 } // any platform_users in a comment is fine',
    'export const text = `${users.name}{}` + createPool + company.any',
  ].join('\n')
  expect(findingsIn('exporter/figures/users/active-users.ts', content)).toEqual([])
})

test('a name that is not in kebab-case is found, in a directory too', () => {
  expect(messagesIn('lib/httpServer.ts', '')).toEqual(['the name httpServer.ts is not in kebab-case'])
  expect(messagesIn('lib/Http/server.ts', '')).toEqual(['the name Http is not in kebab-case'])
  expect(messagesIn('database/platform/views/credit_ledger.sql', '')).toEqual([])
  expect(messagesIn('database/platform/credit_ledger.sql', '')).toHaveLength(1)
  expect(messagesIn('docs/README.md', '')).toEqual([])
  expect(messagesIn('Dockerfile', '')).toEqual([])
})

test('a metric typed as a string is found in TypeScript, in a template and in SQL', () => {
  const message = 'types the metric platform_users; expected its object from catalogue/'
  expect(messagesIn('alerts/users.ts', "const name = 'platform_users'")).toEqual([message])
  expect(messagesIn('alerts/users.ts', 'const rule = `sum(platform_users) > 0`')).toEqual([message])
  expect(messagesIn('exporter/store.sql', "SELECT 'platform_users'")).toEqual([message])
  expect(messagesIn('alerts/queues.ts', "const name = 'platform_queue_wait_seconds_bucket'")).toEqual([
    'types the metric platform_queue_wait_seconds_bucket; expected its object from catalogue/',
  ])
})

test('a metric may be typed in the catalogue, in generated files, in docs, in comments and in tests', () => {
  const content = "const name = 'platform_users'"
  expect(messagesIn('catalogue/users.ts', content)).toEqual([])
  expect(messagesIn('alerts/generated/rules.yml', content)).toEqual([])
  expect(messagesIn('docs/metrics.md', content)).toEqual([])
  expect(messagesIn('exporter/store.sql', '-- platform_users\n/* platform_users */')).toEqual([])
  expect(messagesIn('exporter/exposition.test.ts', content)).toEqual([])
  expect(messagesIn('lib/names.ts', "const other = 'platform_users_table'")).toEqual([])
})

test('a file of more than 400 lines is found, unless it is generated', () => {
  expect(messagesIn('lib/long.ts', 'const a = 1\n'.repeat(401))).toEqual(['401 lines; expected at most 400'])
  expect(messagesIn('lib/long.ts', 'const a = 1\n'.repeat(400))).toEqual([])
  expect(messagesIn('dashboards/generated/home.ts', 'const a = 1\n'.repeat(401))).toEqual([])
})

test('a path of one machine is found, an address is none', () => {
  const home = ['', 'home', 'alice', 'barometer'].join('/')
  expect(findingsIn('docs/operating.md', `Go on.\nRun ${home}/run`)).toEqual([
    {
      path: 'docs/operating.md',
      line: 2,
      message: `${path.posix.dirname(home)} is a path of one machine; expected a relative one`,
    },
  ])
  expect(messagesIn('docs/operating.md', `https://example.com${home}`)).toEqual([])
})

test('a comment that switches types off is found', () => {
  for (const switchedOff of ['ignore', 'expect-error', 'nocheck']) {
    const findings = findingsIn('lib/a.ts', `const a = 1\n// ${'@ts-'}${switchedOff}\nconst b = 1`)
    expect(findings).toEqual([
      { path: 'lib/a.ts', line: 2, message: `uses @ts-${switchedOff}; expected types that fit` },
    ])
  }
  expect(messagesIn('lib/a.ts', 'const text = "@ts-less"')).toEqual([])
})

test('strings and templates are told apart from comments, code and regular expressions', () => {
  const source = "const a = /['\"/]/.test(b) // it's\nconst c = `x ${d ? `y${'}'}` : 'z'} //`\nconst e = 4 / 2 / 1"
  expect(literalsOf(source)).toEqual(['}', 'y', '', 'z', 'x ', ' //'])
})

test('what is installed, built or kept at run time is passed over', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'barometer-tidy-'))
  roots.push(root)
  for (const directory of ['node_modules/x', '.barometer', 'lib'])
    mkdirSync(path.join(root, directory), { recursive: true })
  for (const file of ['node_modules/x/a.ts', '.barometer/b.ts', 'lib/c.ts', 'lib/picture.png']) {
    writeFileSync(path.join(root, file), '')
  }
  expect(readSourceFiles(root).map((file) => file.path)).toEqual(['lib/c.ts'])
})
