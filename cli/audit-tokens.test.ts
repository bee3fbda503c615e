import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { barometer, oneLine } from '../testing/cli.ts'
import { testDirectory } from '../testing/directory.ts'

test('a token is printed once, kept as a hash, listed without it, and revoked', async () => {
  const file = join(testDirectory('tokens'), 'tokens.json')
  const environment = { AUDIT_TOKENS_FILE: file }
  const tokens = (...parameters: string[]) => barometer(['audit', 'tokens', ...parameters], environment)
  const added = await tokens('add', '--name', 'platform', '--scope', 'ingest', 'read', '--json')
  expect(added.exitCode).toBe(0)
  const { token }: { token: string } = JSON.parse(added.stdout)
  expect(token).toMatch(/^bar_/)
  expect(readFileSync(file, 'utf8')).not.toContain(token)
  expect(statSync(file).mode & 0o077).toBe(0)
  const listed = await tokens('list')
  expect(listed.stdout).toMatch(/^platform {2}ingest,read {2}\d{4}-/)
  expect(listed.stdout).not.toContain(token)
  expect(oneLine(await tokens('add', '--name', 'platform', '--scope', 'read'), 2)).toContain('is there twice')
  expect(oneLine(await tokens('add', '--name', 'other', '--scope', 'write'), 2)).toContain('Allowed choices are ingest')
  expect((await tokens('revoke', 'platform')).stdout).toBe('revoked platform\n')
  expect(oneLine(await tokens('revoke', 'platform'), 2)).toContain('there is no token platform')
})

test('tokens that are added at the same time are all there', async () => {
  const file = join(testDirectory('tokens'), 'tokens.json')
  const names = Array.from({ length: 8 }, (_, index) => `token ${index}`)
  const add = (name: string) =>
    barometer(['audit', 'tokens', 'add', '--name', name, '--scope', 'read'], { AUDIT_TOKENS_FILE: file })
  const codes = (await Promise.all(names.map(add))).map((ran) => ran.exitCode)
  expect(codes).toEqual(names.map(() => 0))
  const listed = await barometer(['audit', 'tokens', 'list', '--json'], { AUDIT_TOKENS_FILE: file })
  const entries: { name: string; id: string }[] = JSON.parse(listed.stdout)
  expect(entries.map(({ name }) => name).sort()).toEqual(names)
  expect(listed.stdout).not.toMatch(/hash|bar_/)
  const revoked = await barometer(['audit', 'tokens', 'revoke', 'token 3', '--json'], { AUDIT_TOKENS_FILE: file })
  expect(JSON.parse(revoked.stdout)).toEqual({
    id: entries.find(({ name }) => name === 'token 3')?.id,
    name: 'token 3',
  })
})

test('without the file named there is one line', async () => {
  expect(oneLine(await barometer(['audit', 'tokens', 'list']), 2)).toContain('AUDIT_TOKENS_FILE is not set')
})
