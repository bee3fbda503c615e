import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, inject, test } from 'vitest'
import { testDirectory } from './directory.ts'
import { pureTests } from './tiers.ts'

test('a test is pure unless it reaches the test server or the means to start a program', () => {
  const root = testDirectory('tiers')
  const tree = {
    'testing/database.ts': '',
    'lib/server.ts': "import {\n  createDatabase,\n} from '../testing/database.ts'\n",
    'lib/run.ts': "import { spawn } from 'node:child_process'\n",
    'lib/types.ts': "import type { TestDatabase } from '../testing/database.ts'\n",
    'lib/circle.ts': "export * from './server.ts'\nexport * from './circle.ts'\n",
    'lib/alone.test.ts': "import { expect } from 'vitest'\n",
    'lib/types.test.ts': "import './types.ts'\n",
    'lib/direct.test.ts': "import { createDatabase } from '../testing/database.ts'\n",
    'lib/through.test.ts': "import { a } from './circle.ts'\n",
    'lib/program.test.ts': "import { run } from './run.ts'\n",
    'lib/later.test.ts': "const { run } = await import('./run.ts')\n",
  }
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  expect(pureTests(root)).toEqual(['lib/alone.test.ts', 'lib/types.test.ts'])
})

test('of this project the settings are pure and the audit log is not', () => {
  const pure = pureTests(resolve(import.meta.dirname, '..'))
  expect(pure).toContain('lib/settings.test.ts')
  expect(pure).toContain('testing/tiers.test.ts')
  expect(pure).not.toContain('audit-api/append-only.test.ts')
})

test('a pure test has no Postgres server and cannot start a program', async () => {
  expect(inject('postgresUrl')).toBeUndefined()
  // Put together, so that this file stays pure.
  const { spawn } = await import(['node', 'child_process'].join(':'))
  expect(() => spawn('true')).toThrow('a pure test calls spawn; expected no program')
})
