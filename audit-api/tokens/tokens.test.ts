import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { testDirectory } from '../../testing/database.ts'
import {
  addToken,
  createToken,
  findToken,
  type NewToken,
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

test('what happens to the file while the service runs is in the log', () => {
  const path = newFile()
  const { token } = addToken(path, { name: 'one', scopes: ['read'] })
  chmodSync(path, 0o666)
  const lines: string[] = []
  const store = openTokensFile(path, pino({ level: 'info' }, { write: (line: string) => lines.push(line) }))
  expect(lines.join()).toContain('others may write the tokens file')
  writeFileSync(path, '{"tokens": [{"hash": "canary"')
  for (let tries = 0; tries < 3; tries += 1) expect(store.find(token)?.name).toBe('one')
  expect(lines.filter((line) => line.includes('the tokens before it stay'))).toHaveLength(1)
  rmSync(path)
  mkdirSync(path)
  expect(store.find(token)?.name).toBe('one')
  expect(lines.join()).not.toMatch(/canary|bar_/)
})

test('a file that is written again keeps what it lets a group read and the link that leads to it', () => {
  const path = newFile()
  addToken(path, { name: 'one', scopes: ['read'] })
  chmodSync(path, 0o644)
  const link = `${path}.link`
  symlinkSync(path, link)
  addToken(link, { name: 'two', scopes: ['read'] })
  expect(statSync(path).mode & 0o777).toBe(0o640)
  expect(readTokensFile(path).map(({ name }) => name)).toEqual(['one', 'two'])
})

test('a lock that was left behind does not hold up for ever', () => {
  const path = newFile()
  writeFileSync(`${path}.lock`, '')
  const past = new Date(Date.now() - 60_000)
  utimesSync(`${path}.lock`, past, past)
  addToken(path, { name: 'one', scopes: ['read'] })
  expect(readTokensFile(path)).toHaveLength(1)
})

test.each<[string, Partial<NewToken>, RegExp]>([
  ['no name', { name: '' }, /name .*expected 1 to 100 printable/],
  ['a name of many lines', { name: 'a\nb' }, /name .*expected 1 to 100 printable/],
  ['a name too long', { name: 'x'.repeat(101) }, /name .*expected 1 to 100 printable/],
  ['no scope', { scopes: [] }, /scopes is empty; expected some of ingest/],
  ['a reader without a name', { grafana: true, auditReaders: [''] }, /audit_readers\.0 .*expected a login/],
  ['no requests at all', { requestsPerMinute: 0 }, /requests_per_minute .*expected a whole number/],
])('a token with %s is refused before it spoils the file', (_what, options, message) => {
  const path = newFile()
  addToken(path, { name: 'good', scopes: ['read'] })
  expect(() => addToken(path, { name: 'bad', scopes: ['read'], ...options })).toThrow(message)
  expect(readTokensFile(path)).toHaveLength(1)
})

test('a directory that may not be written is one line', () => {
  expect(() => addToken('/proc/none/tokens.json', { name: 'one', scopes: ['read'] })).toThrow(
    /^the tokens file \/proc\/none\/tokens\.json cannot be written: [^\n]+; expected a directory/,
  )
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
