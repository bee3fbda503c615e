import { type Pool, transaction } from '../../lib/postgres.ts'
import type { Verification } from './verify.ts'

/** 10 s: each is a look-up in a small table. */
const begin = 'BEGIN; SET LOCAL statement_timeout = 10000'

/**
 * Keeps the result where it decides: a whole verification that held, whatever did not hold, and the very first one.
 * @returns whether the log is thought valid now, as `isValid` answers
 */
export async function keepVerification(pool: Pool, result: Verification): Promise<boolean | undefined> {
  const { whole, complete, valid, firstSequence, lastSequence, finding } = result
  const held = valid && whole && complete && firstSequence <= 1
  const values = [
    firstSequence,
    lastSequence,
    held || (!valid && whole),
    valid,
    finding === undefined ? null : JSON.stringify(finding),
  ]
  // The same finding again, minute by minute, says nothing new.
  await transaction(pool, begin, (client) =>
    client.query(
      `INSERT INTO barometer_audit.verification (first_sequence, last_sequence, whole, valid, finding)
     SELECT $1::bigint, $2::bigint, $3::boolean, $4::boolean, $5::jsonb
     WHERE CASE WHEN $4 THEN $6::boolean OR NOT EXISTS (SELECT FROM barometer_audit.verification)
       ELSE $3 OR NOT EXISTS (
         SELECT FROM (SELECT valid, finding FROM barometer_audit.verification ORDER BY number DESC LIMIT 1) AS newest
         WHERE NOT newest.valid AND newest.finding = $5::jsonb)
       END`,
      [...values, held],
    ),
  )
  return await isValid(pool)
}

/**
 * Whether the chain is thought valid: nothing was found since the last whole verification that held, so that a look at the
 * newest rows does not take back what was found in old ones. Undefined before the first verification.
 */
export async function isValid(pool: Pool): Promise<boolean | undefined> {
  const { rows } = await transaction(pool, begin, (client) =>
    client.query<{ valid: boolean | null }>(`
    SELECT bool_and(valid) AS valid FROM barometer_audit.verification
    WHERE number >= coalesce((
      SELECT max(number) FROM barometer_audit.verification WHERE valid AND whole), 0)`),
  )
  return rows[0]?.valid ?? undefined
}

/** How long ago the last whole verification ended, by the database's clock; undefined where none did. */
export async function wholeAgeMs(pool: Pool): Promise<number | undefined> {
  const { rows } = await transaction(pool, begin, (client) =>
    client.query<{ age: string | null }>(`
    SELECT (extract(epoch FROM clock_timestamp() - max(finished_at)) * 1000)::bigint AS age
    FROM barometer_audit.verification WHERE whole`),
  )
  const age = rows[0]?.age
  return age == null ? undefined : Number(age)
}
