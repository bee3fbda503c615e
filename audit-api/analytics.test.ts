import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type Pool } from '../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { openRandomPlatform, type RandomPlatform } from '../testing/random-platform.ts'
import { reports } from './analytics/index.ts'
import { type AuditTestbed, openAuditTestbed, withRole } from './testing.ts'

let auditDatabase: TestDatabase
let platform: RandomPlatform
let store: Pool
let bed: AuditTestbed
let token: string
/** Berlin, about the night on which its clocks go forward. */
const seed = 1

beforeAll(async () => {
  auditDatabase = await createDatabase()
  bed = await openAuditTestbed(auditDatabase.url)
  await bed.close()
  platform = await openRandomPlatform(seed, 'uuids')
  store = createPool({
    connectionString: withRole(platform.database.url, 'barometer_audit'),
    applicationName: 'test-analytics',
    connectionsMax: 4,
  })
  bed = await openAuditTestbed(auditDatabase.url, {
    analytics: { store, storeSchema: platform.store, staleAfterMs: 900_000, timezone: platform.timezone },
  })
  token = bed.token({ scopes: ['read', 'export'] })
})
afterAll(async () => {
  await bed.close()
  await store.end()
  await platform.drop()
  await auditDatabase.drop()
})

const get = (url: string, headers: Record<string, string> = {}) =>
  bed.server.inject({
    method: 'GET',
    url: `/v1/analytics/${url}`,
    headers: { authorization: `Bearer ${token}`, ...headers },
  })

const fromStore = reports.filter(({ path }) => !path.startsWith('system/'))

describe('every route', () => {
  test.each(fromStore.map(({ path, item }) => [path, item] as const))(
    '%s answers rows as documented',
    async (path, item) => {
      const answer = await get(path)
      expect(answer.statusCode, answer.body).toBe(200)
      const body = answer.json()
      expect(body.timezone).toBe(platform.timezone)
      for (const row of body.items) for (const name of Object.keys(row)) expect(Object.keys(item)).toContain(name)
    },
  )

  test.each(fromStore.map(({ path }) => path))('%s as CSV has the same rows', async (path) => {
    const json = (await get(path)).json()
    const file = await get(`${path}.csv`)
    expect(file.statusCode, file.body).toBe(200)
    expect(file.body.trimEnd().split('\r\n')).toHaveLength(json.items.length + 1)
    expect((await get(path, { accept: 'text/csv' })).body).toBe(file.body)
  })
})
