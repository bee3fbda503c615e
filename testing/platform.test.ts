import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createPlatformDatabase } from './platform.ts'

test('test files that ask for a platform at once get one each, reachable in every role', async () => {
  const databases = await Promise.all([1, 2, 3, 4].map(() => createPlatformDatabase()))
  onTestFinished(async () => {
    for (const database of databases) await database.drop()
  })
  expect(new Set(databases.map((database) => database.name)).size).toBe(4)
  for (const { url, exporterUrl, auditUrl, name } of databases) {
    expect(await session(url)).toEqual({ role: 'postgres', database: name })
    expect(await session(exporterUrl)).toEqual({ role: 'barometer_exporter', database: name })
    expect(await session(auditUrl)).toEqual({ role: 'barometer_audit', database: name })
  }
})

async function session(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query('SELECT current_user AS role, current_database() AS database')).rows[0]
  } finally {
    await client.end()
  }
}
