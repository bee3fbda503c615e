import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readSourceFiles } from './tidy/files.ts'
import { type Finding, tidy } from './tidy/rules.ts'
import { scanTypeScript } from './tidy/scan-typescript.ts'

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

test('an import against the directions is named with its line', () => {
  const content = "import { a } from './a.ts'\nimport { b } from '../exporter/b.ts'\n"
  expect(findingsIn('audit-api/app.ts', content)).toEqual([
    {
      path: 'audit-api/app.ts',
      line: 2,
      message: 'imports from exporter; audit-api may import only from catalogue, lib',
    },
  ])
})

test('an import written as a call is an import too', () => {
  expect(messagesIn('cli/demo.ts', "const demo = await import('../demo/launcher.ts')")).toEqual([
    'imports from demo; cli may import only from catalogue, lib, dashboards, alerts, exporter, audit-api',
  ])
})

test('an import across several lines and a re-export count', () => {
  expect(messagesIn('lib/log.ts', "import {\n  a,\n} from '../catalogue/index.ts'\n")).toEqual([
    'imports from catalogue; lib may import nothing of ours',
  ])
  expect(messagesIn('lib/log.ts', "export * from '../exporter/main.ts'")).toHaveLength(1)
})

test('product code may not import what only tests use, a test may import anything', () => {
  expect(messagesIn('exporter/main.ts', "import { a } from '../testing/postgres.ts'")).toHaveLength(1)
  expect(messagesIn('exporter/main.test.ts', "import { a } from '../testing/postgres.ts'")).toEqual([])
})

test('what others take into their own programs imports nothing of ours', () => {
  expect(messagesIn('audit-api/client/client.ts', "import { a } from './backoff.ts'\nimport 'node:fs'")).toEqual([])
  expect(messagesIn('audit-api/client/client.ts', "import { a } from '../../lib/log.ts'")).toEqual([
    'imports ../../lib/log.ts; audit-api/client may import nothing of ours',
  ])
  expect(messagesIn('audit-api/client/client.ts', "import { a } from '../schemas/event.ts'")).toHaveLength(1)
  expect(messagesIn('audit-api/client/client.ts', "import { a } from 'undici'")).toEqual([
    'imports undici; audit-api/client may import no package',
  ])
})

test('the catalogue imports no package', () => {
  expect(messagesIn('catalogue/users.ts', "import { readFileSync } from 'node:fs'")).toEqual([
    'imports node:fs; the catalogue is pure data and imports nothing',
  ])
})

test('a relative import without an ending is found', () => {
  expect(messagesIn('lib/log.ts', "import { a } from './other'")).toEqual([
    'imports ./other; expected the file with its ending',
  ])
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

test('any and the comments that switch types off are found', () => {
  expect(findingsIn('lib/a.ts', 'const a = 1\nconst b: any = a')).toEqual([
    { path: 'lib/a.ts', line: 2, message: 'uses the type any; expected the real one, or unknown' },
  ])
  for (const code of ['f(a as any)', 'let a: Record<string, any>', 'let a: any[]', 'type A = string | any']) {
    expect(messagesIn('lib/a.ts', code), code).toHaveLength(1)
  }
  expect(messagesIn('lib/a.ts', `// ${'@ts-'}ignore\nconst b = 1`)).toHaveLength(1)
  expect(messagesIn('lib/a.ts', "const text = 'not: any' // nor: any here\nPromise.any([])")).toEqual([])
})

test('strings, comments, templates and regular expressions are told apart', () => {
  const source = "const a = /['\"/]/.test(b) // it's\nconst c = `x ${d ? `y${'}'}` : 'z'} //`\nconst e = 4 / 2 / 1"
  const kinds = scanTypeScript(source).filter((token) => token.kind !== 'code')
  expect(kinds.map(({ kind, text, line }) => `${line} ${kind} ${text}`)).toEqual([
    '1 pattern /[\'"/]/',
    "1 comment // it's",
    '2 template `x ${',
    '2 template `y${',
    "2 string '}'",
    '2 template }`',
    "2 string 'z'",
    '2 template } //`',
  ])
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
