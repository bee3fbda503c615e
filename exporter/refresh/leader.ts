import type pg from 'pg'
import { createClient } from '../../lib/postgres.ts'

/** Of all replicas on one store, one leads: the one whose session holds the advisory lock. */
export interface Leadership {
  /** Whether this replica leads now; asks for the lead where nobody has it. */
  claim(): Promise<boolean>
  /** Whether it led when it was last asked and has not been cut off since. */
  held(): boolean
  release(): Promise<void>
}

/** A lock of this class belongs to Barometer; the second half of the key is the store's schema. */
export const lockClass = 0x6261726f

/**
 * The lock lives in a session of its own, outside the pool: it ends with the connection, so a leader that dies or is cut
 * off has lost it at the same moment. The database must be reached directly, not through a pooler of transactions.
 */
export function createLeadership(options: {
  connectionString: string
  storeSchema: string
  timeoutMs: number
}): Leadership {
  let client: pg.Client | undefined
  let leads = false

  async function connect(): Promise<pg.Client> {
    if (client !== undefined) return client
    const fresh = createClient({
      connectionString: options.connectionString,
      applicationName: 'barometer-leader',
      queryTimeoutMs: options.timeoutMs,
    })
    fresh.on('end', () => {
      if (client === fresh) forget()
    })
    await fresh.connect()
    client = fresh
    return fresh
  }

  function forget(): void {
    const old = client
    client = undefined
    leads = false
    old?.end().catch(() => {})
  }

  return {
    held: () => leads,
    claim: async () => {
      try {
        const session = await connect()
        // Taking the lock again where it is held would count twice; asking for anything shows that the session lives.
        const sql = leads ? 'SELECT true AS leads' : 'SELECT pg_try_advisory_lock($1, hashtext($2)) AS leads'
        const { rows } = await session.query<{ leads: boolean }>(sql, leads ? [] : [lockClass, options.storeSchema])
        leads = rows[0]?.leads === true
        return leads
      } catch (error) {
        forget()
        throw error
      }
    },
    release: async () => {
      const old = client
      client = undefined
      leads = false
      await old?.end().catch(() => {})
    },
  }
}
