import type { PoolClient } from '../../lib/postgres.ts'

/**
 * Does the work so that its failure undoes it alone.
 * @throws what the work throws; where even the connection is gone, that, out of the whole transaction
 */
export async function underSavepoint<Result>(client: PoolClient, work: () => Promise<Result>): Promise<Result> {
  await client.query('SAVEPOINT part')
  try {
    const result = await work()
    await client.query('RELEASE SAVEPOINT part')
    return result
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT part')
    throw error
  }
}
