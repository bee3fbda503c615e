import { randomBytes, randomUUID } from 'node:crypto'
import { createPool, transaction } from '../../lib/postgres.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'

export interface EraseOptions {
  /** Of the owner of the log. */
  databaseUrl: string
  /** The id by which the person acted, was acted upon, and logs in. */
  personId: string
  /** What else names the person in free text: names, addresses, other ids. */
  texts: readonly string[]
  /** What a person is among the targets of events. */
  targetTypes: readonly string[]
  reason?: string
  /** Says what would be erased, and erases nothing. */
  dryRun: boolean
}

export interface Erased {
  /** Stands for the person in the log from now on; it follows from nothing. */
  pseudonym: string
  /** The id of the event audit.erase that records it. */
  erasure: string
  events: number
  errors: number
  analytics_events: number
  visits: number
  /** What free text was searched for. */
  searched: string[]
  /** Names of one word that the log has for the person; they may be words like others, so they were not searched for. */
  unsearched: string[]
}

type Row = { [Key in keyof Erased]: Erased[Key] extends number ? string : Erased[Key] }

const actor = { type: 'system', id: 'barometer-cli', name: 'barometer audit erase' }
/** Older versions of changed rows are in their pages until these were cleaned. */
const cleaned = ['event', 'error', 'analytics_event', 'dashboard_visit']

/**
 * Takes a person out of everything that the audit API keeps in the database, in one transaction, and records it in the log.
 * The chain holds as before. May be repeated: what is gone is not found again.
 * @throws {UserError} for a role that is not the owner; what the driver throws where the database does not answer
 */
export async function erasePerson(options: EraseOptions): Promise<Erased> {
  const { databaseUrl, personId, texts, targetTypes, reason, dryRun } = options
  const pool = createPool({
    connectionString: databaseUrl,
    applicationName: 'barometer-audit-erase',
    connectionsMax: 1,
  })
  const pseudonym = `erased-${randomBytes(6).toString('hex')}`
  const erasure = randomUUID()
  const values = [personId, texts, targetTypes, pseudonym, JSON.stringify(actor), reason ?? null, erasure]
  let found: Row | undefined
  try {
    await transaction(pool, 'BEGIN', async (client) => {
      const { rows } = await client.query<Row>(
        'SELECT * FROM barometer_audit.erase_person($1, $2, $3, $4, $5, $6, $7)',
        values,
      )
      found = rows[0]
      if (dryRun) throw new DryRun()
    }).catch((error: unknown) => {
      if (!(error instanceof DryRun)) throw error
    })
    if (!dryRun) for (const table of cleaned) await pool.query(`VACUUM barometer_audit.${table}`)
  } catch (error) {
    if (codeOf(error) !== '42501') throw error
    throw new UserError(
      `AUDIT_DATABASE_URL is of a role that may not erase (${messageOf(error)}); expected the owner of the log, as for barometer migrate`,
      { exitCode: 1, cause: error },
    )
  } finally {
    await pool.end()
  }
  if (found === undefined) throw new Error('erase_person gave no row')
  return {
    ...{ pseudonym, erasure },
    events: Number(found.events),
    errors: Number(found.errors),
    analytics_events: Number(found.analytics_events),
    visits: Number(found.visits),
    searched: found.searched,
    unsearched: found.unsearched,
  }
}

class DryRun extends Error {}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
