import { once } from 'node:events'
import { finished } from 'node:stream'
import type { Logger } from '../../../lib/log.ts'
import type { Pool, PoolClient } from '../../../lib/postgres.ts'
import { messageOf } from '../../../lib/user-error.ts'
import { Problem } from '../../http/problem.ts'
import type { Filter } from '../filter.ts'
import { CopyRows } from './copy-rows.ts'
import { exportFile, exportSettings } from './export-file.ts'
import type { ExportFormat } from './export-query.ts'

/** 30 min: 10 million rows over a slow line; without an end a client that stops reading would hold a snapshot for ever. */
const timeoutMs = 1_800_000
/** 5 s: who holds the whole log (a migration) may hold it for long, and the client should be told and not wait. */
const lockTimeoutMs = 5_000
/**
 * The rows are read in the order of an index, so the first ones leave at once and nothing is kept. Left alone, Postgres
 * plans for the last row and sorts everything first, on disk and with several workers. A search that finds nothing sends
 * nothing, and would go on to its end with the client long gone, did the server not look after the connection; on a system
 * where it cannot, it is not asked to.
 */
const begin = `BEGIN READ ONLY;
  SET LOCAL statement_timeout = ${timeoutMs};
  SET LOCAL lock_timeout = ${lockTimeoutMs};
  SET LOCAL enable_sort = off;
  SET LOCAL enable_bitmapscan = off;
  SET LOCAL max_parallel_workers_per_gather = 0;
  SET LOCAL jit = off;
  ${exportSettings};
  DO $$ BEGIN
    SET LOCAL client_connection_check_interval = '1s';
  EXCEPTION WHEN invalid_parameter_value THEN NULL;
  END $$`

export interface ExportStreamOptions {
  pool: Pool
  filter: Filter
  format: ExportFormat
  log: Logger
  /** Aborted when the client goes. */
  signal: AbortSignal
}

/**
 * The file as a stream. Resolves when its first bytes are there, so that what goes wrong before them is still a proper
 * answer. However the stream ends, its statement and its connection's transaction have an end too.
 */
export async function openExport({ pool, filter, format, log, signal }: ExportStreamOptions): Promise<CopyRows> {
  const client = await pool.connect()
  try {
    signal.throwIfAborted()
    await client.query(begin)
    // Once more: who went meanwhile is not heard of by a listener that comes after.
    signal.throwIfAborted()
  } catch (error) {
    client.release(true)
    throw error
  }
  const { statement, head, writeLine } = exportFile(filter, format)
  const rows = new CopyRows(statement, head, writeLine)
  const stop = () => rows.destroy(new Problem(499, 'the client went'))
  signal.addEventListener('abort', stop)
  finished(rows, (error) => {
    signal.removeEventListener('abort', stop)
    if (error) log.warn({ error: messageOf(error), rows: rows.rows }, 'an export was cut')
    release(client, error !== undefined && error !== null)
  })
  client.query(rows)
  await once(rows, 'readable')
  return rows
}

/** Closing the connection is how the server learns that nobody reads on. */
function release(client: PoolClient, isBroken: boolean): void {
  if (isBroken) {
    client.release(true)
    return
  }
  client.query('COMMIT').then(
    () => client.release(),
    () => client.release(true),
  )
}
