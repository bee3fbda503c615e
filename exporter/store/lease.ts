import type { PoolClient } from '../../lib/postgres.ts'

type Client = Pick<PoolClient, 'query'>

/**
 * 10 s: longer than a pause of the network or of the database that is no failure, and short enough that the figures of a
 * minute are not missed. All instants are those of the database's clock.
 */
export const leaseSeconds = 10

/** Who held the lease last, as its row says. */
export interface Lease {
  owner: string
  /** For people: host, process, version. */
  description: string
  fencing: string
  /** timestamptz text in UTC, to the second. */
  since: string
  /** How long it still lasts by the database's clock; 0 or less where it has ended. */
  secondsLeft: number
}

/** @returns undefined where nobody has led yet */
export async function readLease(client: Client, schema: string): Promise<Lease | undefined> {
  const { rows } = await client.query<Lease>(
    `SELECT owner, description, fencing, date_trunc('second', since AT TIME ZONE 'UTC')::text || '+00' AS since,
       extract(epoch FROM expires_at - clock_timestamp())::float8 AS "secondsLeft"
     FROM ${schema}.lease`,
  )
  return rows[0]
}

/**
 * Takes the lease where it has ended or its row is not there. The number is greater than any before, also than those of
 * the snapshots, should somebody have deleted the row.
 * @returns the fencing number, or undefined where another holds it
 */
export async function takeLease(
  client: Client,
  schema: string,
  { owner, description }: Pick<Lease, 'owner' | 'description'>,
): Promise<string | undefined> {
  const { rows } = await client.query<{ fencing: string }>(
    `INSERT INTO ${schema}.lease AS held (owner, description, fencing, since, expires_at)
     SELECT $1, $2, coalesce(max(fencing), 0) + 1, clock_timestamp(), clock_timestamp() + make_interval(secs => $3)
     FROM ${schema}.snapshot
     ON CONFLICT (only_row) DO UPDATE SET
       owner = excluded.owner, description = excluded.description, fencing = greatest(held.fencing + 1, excluded.fencing),
       since = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $3)
     WHERE held.expires_at <= clock_timestamp()
     RETURNING fencing`,
    [owner, description, leaseSeconds],
  )
  return rows[0]?.fencing
}

/** @returns whether the lease is still that owner's; also where it had ended and nobody else has taken it */
export async function renewLease(client: Client, schema: string, owner: string, fencing: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE ${schema}.lease SET expires_at = clock_timestamp() + make_interval(secs => $3)
     WHERE owner = $1 AND fencing = $2`,
    [owner, fencing, leaseSeconds],
  )
  return rowCount === 1
}

/** Ends the lease now, so that another need not wait for its end. */
export async function releaseLease(client: Client, schema: string, owner: string, fencing: string): Promise<void> {
  await client.query(
    `UPDATE ${schema}.lease SET expires_at = least(expires_at, clock_timestamp()) WHERE owner = $1 AND fencing = $2`,
    [owner, fencing],
  )
}
