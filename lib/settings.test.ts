import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readSettings, type VariableName, variables } from './settings.ts'
import { UserError } from './user-error.ts'
import type { Variable } from './variables.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'barometer-settings-'))
afterAll(() => rmSync(directory, { recursive: true }))

function secretFile(content: string): string {
  const file = path.join(mkdtempSync(path.join(directory, 'secret-')), 'secret')
  writeFileSync(file, content)
  return file
}

/** The one line that an environment is refused with. */
function refusal(environment: Record<string, string>, required: readonly VariableName[] = []): string {
  try {
    readSettings(environment, required)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    const { message, exitCode } = error as UserError
    expect(exitCode).toBe(2)
    expect(message).not.toContain('\n')
    return message
  }
  throw new Error('expected the environment to be refused')
}

const databaseUrl = 'postgres://barometer:hunter2@127.0.0.1/platform'

test('only the database is required, the rest has a default or is off', () => {
  const settings = readSettings({ DATABASE_URL: databaseUrl }, ['DATABASE_URL'])
  expect(settings.DATABASE_URL).toBe(databaseUrl)
  expect(settings.SOURCE_SCHEMA).toBe('barometer_source')
  expect(settings.REFRESH_INTERVAL).toBe(60_000)
  expect(settings.STALE_AFTER).toBe(900_000)
  expect(settings.EXPORTER_LISTEN).toEqual({ host: '127.0.0.1', port: 9464 })
  expect(settings.REDIS_URL).toBeUndefined()
})

test('every default and every example is a value that its own variable takes', () => {
  for (const [name, variable] of Object.entries(variables) as [VariableName, Variable<unknown>][]) {
    for (const text of [variable.default, variable.example]) {
      if (text !== undefined) expect(variable.parse(text), `${name}=${text}`).toBeDefined()
    }
  }
})

test('what is required and missing is named, with what was expected', () => {
  expect(refusal({}, ['DATABASE_URL'])).toBe(
    'DATABASE_URL (or DATABASE_URL_FILE) is not set; expected a URL with the scheme postgres or postgresql',
  )
})

test('an empty value is one that is not set', () => {
  expect(readSettings({ REDIS_URL: '', REFRESH_INTERVAL: '' }).REFRESH_INTERVAL).toBe(60_000)
  expect(refusal({ DATABASE_URL: '' }, ['DATABASE_URL'])).toContain('DATABASE_URL')
})

test('a bad value is refused with name, value and what was expected', () => {
  expect(refusal({ REFRESH_INTERVAL: '60' })).toBe(
    'REFRESH_INTERVAL is "60"; expected a time such as 500ms, 60s, 15m or 2h, from 1000 ms to 86400000 ms',
  )
  expect(refusal({ LOG_LEVEL: 'loud' })).toBe(
    'LOG_LEVEL is "loud"; expected one of fatal, error, warn, info, debug, trace, silent',
  )
})

test("a secret's bad value is never shown", () => {
  const message = refusal({ DATABASE_URL: 'mysql://root:hunter2@127.0.0.1/platform' })
  expect(message).toBe(
    'DATABASE_URL is a value that is not shown; expected a URL with the scheme postgres or postgresql',
  )
})

test('what an address carries of a secret is not shown either', () => {
  const message = refusal({ API_PROBE_URLS: 'ftp://root:hunter2@api.example/healthz?key=hunter3' })
  expect(message).toContain('API_PROBE_URLS is "ftp://(hidden)@api.example/healthz?(hidden)"; expected')
})

test('a secret comes from a file, without the line break at its end', () => {
  const settings = readSettings({ DATABASE_URL_FILE: secretFile(`${databaseUrl}\n`) }, ['DATABASE_URL'])
  expect(settings.DATABASE_URL).toBe(databaseUrl)
})

test('a secret file that is missing or empty, or a secret given twice, is refused by name', () => {
  const missing = path.join(directory, 'nothing-here')
  const message = refusal({ DATABASE_URL_FILE: missing })
  expect(message).toContain(`DATABASE_URL_FILE names ${missing}, which cannot be read`)
  expect(message).toContain('expected a file that holds the secret')
  expect(refusal({ DATABASE_URL_FILE: secretFile('\n') })).toContain('which is empty')
  expect(refusal({ DATABASE_URL: databaseUrl, DATABASE_URL_FILE: secretFile(databaseUrl) })).toBe(
    'DATABASE_URL and DATABASE_URL_FILE are both set; expected one of the two',
  )
})

test('a name close to a known one is refused with a suggestion', () => {
  expect(refusal({ DATABSE_URL: databaseUrl })).toBe(
    'DATABSE_URL is set, but there is no such variable; expected DATABASE_URL, or none of that name',
  )
  expect(refusal({ REFRESH_INTERVALL: '60s' })).toContain('expected REFRESH_INTERVAL')
  expect(refusal({ REDIS_URI: 'redis://x' })).toContain('expected REDIS_URL')
  expect(refusal({ RUNPOD_API_KEYFILE: 'x' })).toContain('expected RUNPOD_API_KEY_FILE')
})

test('variables of other programs are no one’s business', () => {
  const others = {
    PATH: '/usr/bin',
    PGHOST: 'db',
    NODE_ENV: 'production',
    S3_ENDPOINTS_OF_ANOTHER: 'x',
    AWS_REGION: 'eu-west-1',
    OTEL_LOG_LEVEL: 'x',
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x',
    LOG_LEVELS: 'x',
  }
  const { LOG_LEVELS: _, ...unrelated } = others
  expect(() => readSettings(unrelated)).not.toThrow()
  expect(refusal(others)).toContain('expected LOG_LEVEL')
})

test('a name close to one that is set rightly is another program’s', () => {
  expect(() => readSettings({ REDIS_URL: 'redis://x', REDIS_URI: 'redis://y' })).not.toThrow()
})

test('half of a pair is refused with the half that is missing', () => {
  expect(refusal({ QUEUES: 'generation' })).toBe(
    'QUEUES is set, but REDIS_URL is not; expected a URL with the scheme redis or rediss',
  )
  expect(refusal({ S3_ACCESS_KEY_ID: 'key' })).toContain('S3_SECRET_ACCESS_KEY is not')
  expect(refusal({ RUNPOD_ENDPOINT_IDS: 'abc' })).toContain('RUNPOD_API_KEY is not')
  expect(refusal({ S3_ENDPOINT: 'https://s3.example' })).toContain('S3_BUCKET is not')
  expect(refusal({ AUDIT_RETENTION_MONTHS: '12' })).toContain('S3_BUCKET is not')
})
