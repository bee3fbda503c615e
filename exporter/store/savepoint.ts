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

/**
 * Whether a statement gave way to somebody else's lock, or would have waited for one in a circle. The whole transaction is
 * then rolled back, so that what it holds is free at once, and tried again.
 */
export function givesWay(error: unknown): boolean {
  // 55P03 lock_not_available, 40P01 deadlock_detected: https://www.postgresql.org/docs/current/errcodes-appendix.html
  return ['55P03', '40P01'].includes((error as { code?: string }).code ?? '')
}
