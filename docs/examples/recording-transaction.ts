import type { Pool } from 'pg'

/**
 * Suspends a user and records it in one transaction: neither is there without the other. The platform's role may call
 * `barometer_audit.record()`, and can read or change nothing of the log.
 */
export async function suspendUser(pool: Pool, admin: { id: string; name: string }, userId: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query('UPDATE users SET suspended = true WHERE id = $1 RETURNING name', [userId])
    if (rows.length === 0) throw new Error(`there is no user ${userId}`)
    await client.query(
      `SELECT barometer_audit.record(
         actor => $1, action => 'user.suspend', target => $2,
         changes => '{"before": {"suspended": false}, "after": {"suspended": true}}')`,
      [
        JSON.stringify({ type: 'admin', id: admin.id, name: admin.name }),
        JSON.stringify({ type: 'user', id: userId, name: rows[0].name }),
      ],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
