import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { testDirectory } from '../testing/database.ts'
import {
  addToken,
  createToken,
  findToken,
  openTokensFile,
  readTokensFile,
  revokeToken,
  writeTokensFile,
} from './tokens.ts'

const log = pino({ level: 'silent' })
const newFile = () => join(testDirectory('tokens'), 'tokens.json')

test('the file holds hashes only and is readable by its owner only', () => {
  const path = newFile()
  const { token, entry } = addToken(path, { name: 'platform', scopes: ['ingest'] })
  expect(token).toMatch(/^bar_[\w-]{43}$/)
  expect(readFileSync(path, 'utf8')).not.toContain(token)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readTokensFile(path)).toEqual([entry])
  expect(findToken([entry], token)).toEqual(entry)
  expect(findToken([entry], `${token} `)).toBeUndefined()
})

test('a token that is added counts from the next request on, and one that is revoked no more', () => {
  const path = newFile()
  const first = addToken(path, { name: 'first', scopes: ['read'] })
  const store = openTokensFile(path, log)
  expect(store.find(first.token)?.name).toBe('first')
  const second = addToken(path, { name: 'second', scopes: ['read'] })
  expect(store.find(second.token)?.name).toBe('second')
  revokeToken(path, 'first')
  expect(store.find(first.token)).toBeUndefined()
  expect(store.find(second.token)?.name).toBe('second')
})

test('a file that breaks while the service runs leaves the tokens before it; one that goes leaves none', () => {
  const path = newFile()
  const { token } = addToken(path, { name: 'one', scopes: ['read'] })
  const store = openTokensFile(path, log)
  writeFileSync(path, '{"tokens": [')
  expect(store.find(token)?.name).toBe('one')
  rmSync(path)
  expect(store.find(token)).toBeUndefined()
})

test.each<[string, string | undefined, RegExp]>([
  ['is not there', undefined, /cannot be read/],
  ['is no JSON', 'x', /is no JSON/],
  ['has no token', '{"tokens": []}', /has no token/],
  ['has another shape', '{"tokens": [{"name": "a"}]}', /is not right at/],
  [
    'has a token in the clear',
    '{"tokens": [{"id": "1", "name": "a", "hash": "bar_x", "scopes": ["read"]}]}',
    /\/tokens\/0\/hash/,
  ],
  [
    'lets every viewer ingest',
    JSON.stringify({ tokens: [{ id: '1', name: 'g', hash: 'a'.repeat(64), scopes: ['ingest'], grafana: true }] }),
    /expected read and export only/,
  ],
])('a file that %s is refused in one line', (_what, content, message) => {
  const path = newFile()
  if (content !== undefined) writeFileSync(path, content)
  const open = () => openTokensFile(path, log)
  expect(open).toThrow(message)
  expect(open).toThrow(/^AUDIT_TOKENS_FILE [^\n]+$/)
})

test('names are taken once, revoking what is not there names what is, and readers belong to Grafana', () => {
  const path = newFile()
  addToken(path, { name: 'one', scopes: ['read'] })
  expect(() => addToken(path, { name: 'one', scopes: ['read'] })).toThrow(/twice/)
  expect(() => revokeToken(path, 'two')).toThrow(/expected one of one/)
  expect(() => createToken({ name: 'x', scopes: ['read'], auditReaders: ['ada'] })).toThrow(/grafana token only/)
  const { entry } = createToken({ name: 'g', scopes: ['read', 'export'], grafana: true, auditReaders: ['*'] })
  writeTokensFile(path, [entry])
  expect(readTokensFile(path)[0]?.audit_readers).toEqual(['*'])
})
