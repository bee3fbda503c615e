import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { catalogue } from '../../catalogue/index.ts'
import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import type { Family } from './figure.ts'

/** How a collector stands after a refresh. */
export interface CollectorState {
  enabled: boolean
  success: boolean
  durationSeconds: number
  /** The instant of the samples it shows: an older one than the snapshot's while it fails. Null where it has none. */
  asOf: string | null
  /** Rows of the store it is read from that the last reconcile put right; absent before the first one. */
  driftRows?: number
  families: readonly Family[]
}

/** What every replica serves: all figures of one refresh. */
export interface Snapshot {
  id: string
  /** timestamptz text in UTC, with microseconds. */
  asOf: string
  collectors: ReadonlyMap<string, CollectorState>
  /** By view, the rows that changed and are known to wait; empty where nothing does. */
  backlog: ReadonlyMap<View, number>
}

interface Payload {
  collectors: [
    name: string,
    state: Omit<CollectorState, 'families'> & { families: [metric: string, samples: unknown][] },
  ][]
  /** Not there in a snapshot of a version that knew no backlog. */
  backlog?: [view: View, rows: number][]
}

type Client = Pick<PoolClient, 'query'>

const compress = promisify(gzip)
const decompress = promisify(gunzip)
const metrics = new Map(catalogue.map((metric) => [metric.name, metric]))

/** 3: the newest, and two to look at when something seems wrong. */
const snapshotsKept = 3

/** Writes a snapshot within the caller's transaction, and lets old ones go. */
export async function writeSnapshot(
  client: Client,
  storeSchema: string,
  snapshot: Omit<Snapshot, 'id'> & { writtenBy: string; fencing: string | null },
): Promise<string> {
  const payload: Payload = {
    backlog: [...snapshot.backlog],
    collectors: [...snapshot.collectors].map(([name, state]) => [
      name,
      { ...state, families: state.families.map((family) => [family.metric.name, family.samples]) },
    ]),
  }
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO ${storeSchema}.snapshot (as_of, written_by, payload, fencing) VALUES ($1, $2, $3, $4) RETURNING id`,
    [snapshot.asOf, snapshot.writtenBy, await compress(JSON.stringify(payload)), snapshot.fencing],
  )
  await client.query(
    `DELETE FROM ${storeSchema}.snapshot
     WHERE id NOT IN (SELECT id FROM ${storeSchema}.snapshot ORDER BY id DESC LIMIT ${snapshotsKept})`,
  )
  return rows[0]?.id ?? '0'
}

/** The newest snapshot that is newer than `after`, or undefined. A metric that this version does not know is left out. */
export async function readSnapshot(client: Client, storeSchema: string, after = '0'): Promise<Snapshot | undefined> {
  const { rows } = await client.query<{ id: string; as_of: string; payload: Buffer }>(
    `SELECT id, (as_of AT TIME ZONE 'UTC')::text || '+00' AS as_of, payload
     FROM ${storeSchema}.snapshot WHERE id > $1 ORDER BY id DESC LIMIT 1`,
    [after],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const payload: Payload = JSON.parse((await decompress(row.payload)).toString('utf8'))
  const collectors = payload.collectors.map(([name, state]) => {
    const families = state.families.flatMap(([metricName, samples]) => {
      const metric = metrics.get(metricName)
      return metric === undefined ? [] : [{ metric, samples: samples as Family['samples'] }]
    })
    return [name, { ...state, families }] as const
  })
  return { id: row.id, asOf: row.as_of, collectors: new Map(collectors), backlog: new Map(payload.backlog ?? []) }
}

/** Seconds since 1970 of a timestamptz text in UTC, to the microsecond, which a Date would lose. */
export function secondsOf(asOf: string): number {
  const [, date, time, fraction = ''] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?\+00$/.exec(asOf) ?? []
  if (date === undefined || time === undefined) throw new Error(`${asOf} is not an instant in UTC`)
  return Number(`${Date.parse(`${date}T${time}Z`) / 1_000}${fraction}`)
}
