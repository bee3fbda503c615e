import type { Pool } from './postgres.ts'

/**
 * Does the work where no other session does it. The lock is a session's, so the database must be reached directly, not
 * through a pooler of transactions; it ends with its connection.
 */
export async function exclusively(pool: Pool, name: string, work: () => Promise<void>): Promise<boolean> {
  const client = await pool.connect()
  let broken: Error | boolean = false
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
      [name],
    )
    if (rows[0]?.held !== true) return false
    // Whatever becomes of the work, a connection that may still hold the lock is not used again.
    broken = true
    await work()
    await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name])
    broken = false
    return true
  } finally {
    client.release(broken)
  }
}
