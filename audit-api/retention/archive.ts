import { createHash } from 'node:crypto'
import { PassThrough, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { to as copyTo } from 'pg-copy-streams'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import { UserError } from '../../lib/user-error.ts'
import { getText, type ObjectStore, putText } from '../storage/object-store.ts'
import { archiveColumns, chainAroundSql, copyMonthSql, monthFactsSql } from './archive-sql.ts'

/** One snapshot for the figures and the file. 2 h: a month of 100 million rows; nothing else waits for it. */
const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL statement_timeout = 7200000;
  SET LOCAL enable_hashjoin = off;
  SET LOCAL enable_mergejoin = off;
  SET LOCAL jit = off`
/** 16 MiB: 10,000 parts of it, the most that S3 takes, are 160 GiB; two are in memory at once. */
const partBytes = 16 * 1_048_576

/** What stands beside the file of a month. */
export interface Manifest {
  version: 1
  month: string
  object_key: string
  rows: number
  bytes: number
  /** Of the compressed file, as it was read back. */
  sha256: string
  first_sequence: number
  last_sequence: number
  columns: readonly string[]
  chain: { before: unknown; after: unknown }
  archived_at: string
}

interface Facts {
  rows: number
  firstSequence: number
  lastSequence: number
}

/**
 * Writes a month to the store and reads it back; only what came back the same is answered.
 * @param month `2026-03-01`
 * @returns undefined where the month has no event
 * @throws {UserError} where not every event has its place, or the object that was read is not the one that was written
 */
export async function archiveMonth(
  pool: Pool,
  store: ObjectStore,
  month: string,
  now: Date,
): Promise<Manifest | undefined> {
  const written = await transaction(pool, begin, async (client) => {
    const facts = await factsOf(client, month)
    if (facts.rows === 0) return undefined
    const name = `${month.slice(0, 7)}/${String(facts.lastSequence).padStart(15, '0')}`
    const key = `${store.prefix}months/${name}.csv.gz`
    const sent = await uploadMonth(client, store, key, month)
    if (sent.rows !== facts.rows)
      throw new UserError(`${key} has ${sent.rows} rows; expected ${facts.rows}`, { exitCode: 1 })
    const { rows } = await client.query<Manifest['chain']>(chainAroundSql, [facts.firstSequence, facts.lastSequence])
    return { facts, key, name, sent, chain: rows[0] ?? { before: null, after: null } }
  })
  if (written === undefined) return undefined
  const { facts, key, name, sent, chain } = written
  const read = await digestOf(store, key)
  if (read.sha256 !== sent.sha256 || read.bytes !== sent.bytes) {
    throw new UserError(
      `${key} has ${read.bytes} bytes of hash ${read.sha256}; expected ${sent.bytes} of ${sent.sha256}`,
      {
        exitCode: 1,
      },
    )
  }
  const manifest: Manifest = {
    version: 1,
    month: month.slice(0, 7),
    object_key: key,
    rows: facts.rows,
    bytes: read.bytes,
    sha256: read.sha256,
    first_sequence: facts.firstSequence,
    last_sequence: facts.lastSequence,
    columns: archiveColumns,
    chain,
    archived_at: now.toISOString(),
  }
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  const manifestKey = `${store.prefix}months/${name}.json`
  await putText(store, manifestKey, text)
  if ((await getText(store, manifestKey)) !== text) {
    throw new UserError(`${manifestKey} is not what was written`, { exitCode: 1 })
  }
  return manifest
}

async function factsOf(client: PoolClient, month: string): Promise<Facts> {
  const { rows } = await client.query<Record<'rows' | 'unsealed' | 'first_sequence' | 'last_sequence', string>>(
    monthFactsSql(month),
  )
  const row = rows[0]
  if (row === undefined) throw new Error('a count gave no row')
  if (Number(row.unsealed) > 0) {
    throw new UserError(`${row.unsealed} events of ${month.slice(0, 7)} have no place yet; expected a sealed month`, {
      exitCode: 1,
    })
  }
  return {
    rows: Number(row.rows),
    firstSequence: Number(row.first_sequence),
    lastSequence: Number(row.last_sequence),
  }
}

interface Digest {
  sha256: string
  bytes: number
}

async function uploadMonth(
  client: PoolClient,
  store: ObjectStore,
  key: string,
  month: string,
): Promise<Digest & { rows: number }> {
  const copy = client.query(copyTo(copyMonthSql(month)))
  const meter = createMeter()
  const body = new PassThrough()
  const upload = new Upload({
    client: store.client,
    params: { Bucket: store.bucket, Key: key, Body: body, ContentType: 'application/gzip' },
    partSize: partBytes,
    queueSize: 1,
  })
  const flowing = pipeline(copy, createGzip(), meter.stream, body)
  try {
    await Promise.all([flowing, upload.done()])
  } catch (error) {
    body.destroy()
    await upload.abort().catch(() => {})
    throw error
  }
  return { ...meter.digest(), rows: Number(copy.rowCount) }
}

async function digestOf(store: ObjectStore, key: string): Promise<Digest> {
  const { Body: body } = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
  const meter = createMeter()
  meter.stream.resume()
  await pipeline(body?.transformToWebStream() ?? [], meter.stream)
  return meter.digest()
}

/** Lets everything through, and knows its length and hash at the end. */
function createMeter() {
  const hash = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  return { stream, digest: (): Digest => ({ sha256: hash.digest('hex'), bytes }) }
}
