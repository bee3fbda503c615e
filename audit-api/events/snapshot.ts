import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'

/**
 * One snapshot for all that an answer is made of, so that its parts agree. 10 s: a page takes milliseconds, a search may take
 * seconds. Compiling a query would take longer than running it.
 */
const begin =
  'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 10000; SET LOCAL jit = off'

/** Runs `read` in one snapshot of the log. */
export async function inSnapshot<Result>(pool: Pool, read: (client: PoolClient) => Promise<Result>): Promise<Result> {
  return await transaction(pool, begin, read)
}
