import { expect, test } from 'vitest'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { migrateStore } from './migrate.ts'

test('replicas that start together lay the store out once, and none of them fails', async () => {
  const platform = await createPlatformDatabase()
  try {
    const location = { DATABASE_URL: platform.exporterUrl, STORE_SCHEMA: 'barometer' }
    await Promise.all([1, 2, 3].map(() => migrateStore(location)))
    const { rows } = await platform.pool.query('SELECT name FROM barometer.migration')
    expect(rows.length).toBeGreaterThan(0)
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  } finally {
    await platform.drop()
  }
})
