import pg from 'pg'

export type { Pool, PoolClient } from 'pg'

export interface PoolOptions {
  connectionString: string
  /** Shown in pg_stat_activity, so that a database administrator knows whose queries these are. */
  applicationName: string
  connectionsMax: number
  /** A connection that cannot be had in this time is an error, not a wait. */
  connectTimeoutMs?: number
  /** A query that is not answered in this time fails on our side, also where the server is frozen. */
  queryTimeoutMs?: number
  /** Which the server gives a statement that says nothing itself; a session's, so that each connection is told once. */
  statementTimeoutMs?: number
}

type ConnectionOptions = Omit<PoolOptions, 'connectionsMax' | 'statementTimeoutMs'>

/**
 * A connection pool whose idle connections do not bring the process down when the server goes away.
 * bigint comes as text (ids may pass 2^53); callers convert what they know to be small.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { statementTimeoutMs } = options
  const pool = new pg.Pool({
    ...connection(options),
    max: options.connectionsMax,
    // Not a parameter of the start, which poolers refuse.
    ...(statementTimeoutMs === undefined
      ? {}
      : { onConnect: async (client) => void (await client.query(`SET statement_timeout = ${statementTimeoutMs}`)) }),
  })
  pool.on('error', () => {
    // The pool drops the connection by itself; the next query says what is wrong.
  })
  // While a connection is lent out the pool does not listen for it: cut in a transaction, it would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => {})
  })
  return pool
}

/** One connection outside any pool, for a session-wide lock or LISTEN. Not yet connected; `end()` it. */
export function createClient(options: ConnectionOptions): pg.Client {
  const client = new pg.Client(connection(options))
  client.on('error', () => {
    // Without a listener a lost connection would end the process; the owner sees it by 'end' or the next query.
  })
  return client
}

function connection(options: ConnectionOptions): pg.ClientConfig {
  return {
    connectionString: options.connectionString,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
  }
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export async function transaction<Result>(
  pool: pg.Pool,
  begin: string,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      // A connection that cannot even roll back is thrown away, never handed to the next caller.
      broken = rollbackError
    })
    throw error
  } finally {
    client.release(broken)
  }
}

/**
 * Whether a statement gave way to somebody else's lock, or would have waited for one in a circle. The whole transaction is
 * then rolled back, so that what it holds is free at once, and tried again.
 */
export function givesWay(error: unknown): boolean {
  // 55P03 lock_not_available, 40P01 deadlock_detected: https://www.postgresql.org/docs/current/errcodes-appendix.html
  return ['55P03', '40P01'].includes((error as { code?: string }).code ?? '')
}
