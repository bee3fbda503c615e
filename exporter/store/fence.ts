import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'

type Client = Pick<PoolClient, 'query'>

/**
 * What keeps a leader that was paused or cut off from writing after another has taken over. Every transaction that writes
 * the store enters before it reads and confirms as its last statement.
 */
export interface Fence {
  /** The fencing number of the lease, kept with each snapshot; null without a lease. */
  readonly number: string | null
  /** @throws {LeaseLost} where the lease is another's */
  enter(client: Client): Promise<void>
  /** Nobody can take the lease from here to the end of the transaction. @throws {LeaseLost} where it is another's */
  confirm(client: Client): Promise<void>
}

/** Another replica holds the lease. The transaction that finds this is rolled back. */
export class LeaseLost extends Error {
  constructor(cause?: unknown) {
    super('the lead went to another replica while this one was paused or cut off; nothing was written', { cause })
    this.name = 'LeaseLost'
  }
}

/** A command by hand: it writes beside the leader, and the lock on the row of `meta` puts the two in an order. */
export const withoutLease: Fence = { number: null, enter: async () => {}, confirm: async () => {} }

/** The fence of a lease that was taken. */
export function fenceOf(schema: string, owner: string, number: string): Fence {
  const ours = `FROM ${schema}.lease WHERE owner = $1 AND fencing = $2`
  return {
    number,
    enter: async (client) => {
      // By this name the next leader finds and ends what an earlier one has left open.
      const { rowCount } = await client.query(`SELECT set_config('application_name', $3, true) ${ours}`, [
        owner,
        number,
        sessionName(schema, number),
      ])
      if (rowCount !== 1) throw new LeaseLost()
    },
    confirm: async (client) => {
      const { rowCount } = await client.query(`SELECT ${ours} FOR KEY SHARE`, [owner, number]).catch((error) => {
        // 40001: taken over since this transaction's snapshot. A renewal changes no key and does not conflict.
        throw (error as { code?: string }).code === '40001' ? new LeaseLost(error) : error
      })
      if (rowCount !== 1) throw new LeaseLost()
    },
  }
}

/** 63 bytes is what Postgres keeps of a session's name. */
const sessionName = (schema: string, number: string): string => `barometer lease ${number} of ${schema}`.slice(0, 63)

/**
 * Ends the transactions of earlier leaders. One whose process is frozen or gone may hold the fence row for as long as its
 * statement runs, and could not commit anyway.
 * @returns how many were ended
 */
export async function endEarlierLeaders(client: Client, schema: string, number: string): Promise<number> {
  const { rows } = await client.query<{ ended: number }>(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS ended
     FROM pg_stat_activity, substring(application_name FROM '^barometer lease (\\d{1,18}) of ') AS earlier
     WHERE datname = current_database() AND usename = current_user AND earlier::bigint < $2::bigint
       AND application_name = left('barometer lease ' || earlier || ' of ' || $1, 63)`,
    [schema, number],
  )
  return rows[0]?.ended ?? 0
}

/** One short transaction on the store's own tables, which needs neither an instant nor the fence row. */
export async function fenced<Result>(
  pool: Pool,
  fence: Fence,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return await transaction(pool, 'BEGIN', async (client) => {
    await fence.enter(client)
    const result = await work(client)
    await fence.confirm(client)
    return result
  })
}
