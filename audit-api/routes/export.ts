import { once } from 'node:events'
import { finished } from 'node:stream'
import { to as copyTo } from 'pg-copy-streams'
import { Type } from 'typebox'
import type { HttpServer } from '../../lib/http-server.ts'
import type { Logger } from '../../lib/log.ts'
import type { Pool } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { ActionLog } from '../action-log.ts'
import { CsvLines } from '../csv-lines.ts'
import { type Filter, filterAsMetadata, type Query, readFilter } from '../filter.ts'
import type { AuditMetrics } from '../metrics.ts'
import { Problem } from '../problem.ts'
import { exportStatement } from '../queries/export-events.ts'
import { ExportQuerySchema } from '../schemas/list.ts'
import { refusals } from '../schemas/problem.ts'

export interface ExportOptions {
  pool: Pool
  actions: ActionLog
  metrics: AuditMetrics
  now: () => Date
}

/** A stream that is described as text. */
const CsvFileSchema = Type.Unsafe<CsvLines>({ type: 'string' })
/** At once; each holds a connection for minutes, and the pool is for the others too. */
const exportsMax = 3
/** 30 min: 10 million rows over a slow line; without an end a client that stops reading would hold a snapshot for ever. */
const timeoutMs = 1_800_000
/**
 * The rows are read in the order of an index, so the first ones leave at once and nothing is kept. Left alone, Postgres
 * plans for the last row and sorts everything first, on disk and with several workers.
 */
const begin = `BEGIN READ ONLY;
  SET LOCAL statement_timeout = ${timeoutMs};
  SET LOCAL enable_sort = off;
  SET LOCAL enable_bitmapscan = off;
  SET LOCAL max_parallel_workers_per_gather = 0`

/** `GET /audit/events.csv`: all that the filter matches, in one consistent state, in constant memory. */
export function exportRoute(server: HttpServer, options: ExportOptions): void {
  const { actions, metrics, now } = options
  let running = 0
  server.route({
    method: 'GET',
    url: '/audit/events.csv',
    exposeHeadRoute: false,
    config: { scope: 'export', forAuditReaders: true },
    schema: {
      summary: 'Download all matching events as CSV',
      description:
        'RFC 4180, UTF-8, newest first; text that a spreadsheet would take for a formula has an apostrophe before it. The trailers x-row-count and x-content-sha256 tell whether the file is whole; a break midway breaks the connection.',
      tags: ['audit'],
      querystring: ExportQuerySchema,
      response: { 200: { description: 'The file.', content: { 'text/csv': { schema: CsvFileSchema } } }, ...refusals },
    },
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request, reply) => {
      const filter = readFilter(request.query as Query)
      if (running >= exportsMax) {
        throw new Problem(503, `${running} exports are running; expected at most ${exportsMax} at once`, {
          headers: { 'retry-after': '10' },
        })
      }
      running += 1
      const stopTimer = metrics.exportSeconds.startTimer()
      const release = () => {
        running -= 1
        stopTimer()
      }
      let lines: CsvLines
      try {
        // Before the first byte: no export is without its record.
        await actions.record(request, {
          action: 'audit.export',
          target: { type: 'audit_log', id: 'events.csv' },
          outcome: 'success',
          metadata: { filter: filterAsMetadata(filter) },
        })
        lines = await startCopy(options.pool, filter, request.log as Logger)
      } catch (error) {
        release()
        throw error
      }
      finished(lines, () => {
        metrics.exportedRows.inc(Math.max(lines.lines - 1, 0))
        release()
      })
      reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', `attachment; filename="${fileName(filter, now())}"`)
        .header('cache-control', 'no-store')
        .trailer('x-row-count', (_reply, _payload, done) => done(null, String(Math.max(lines.lines - 1, 0))))
        .trailer('x-content-sha256', (_reply, _payload, done) => done(null, lines.digest()))
      return reply.send(lines)
    },
  })
}

/** Resolves when the first bytes are there, so that what goes wrong before them is still a proper answer. */
async function startCopy(pool: Pool, filter: Filter, log: Logger): Promise<CsvLines> {
  const client = await pool.connect()
  const lines = new CsvLines()
  try {
    await client.query(begin)
  } catch (error) {
    client.release(true)
    throw error
  }
  const copy = client.query(copyTo(exportStatement(filter)))
  let released = false
  const release = (broken: boolean) => {
    if (released) return
    released = true
    // Closing the connection is how the server learns that nobody reads on.
    if (broken) client.release(true)
    else
      client.query('COMMIT').then(
        () => client.release(),
        () => client.release(true),
      )
  }
  // A connection that is lost says so here, and not always to the stream that reads from it.
  const lost = (error?: Error) => copy.destroy(error ?? new Error('the connection to the database was lost'))
  client.once('error', lost)
  client.once('end', lost)
  // Each time, not once: after the server's farewell comes the lost connection, and unheard it would end the process.
  copy.on('error', (error) => lines.destroy(error))
  finished(lines, (error) => {
    client.off('error', lost)
    client.off('end', lost)
    if (error) {
      log.warn({ error: messageOf(error), lines: lines.lines }, 'an export was cut')
      copy.destroy()
    }
    release(error !== undefined && error !== null)
  })
  copy.pipe(lines)
  await once(lines, 'readable')
  return lines
}

/** `audit-events_20260301T000000Z_20260401T000000Z.csv`; an open beginning is `first`, an open end is now. */
function fileName(filter: Filter, now: Date): string {
  const short = (time: string) => `${time.slice(0, 19).replace(/[-:]/g, '')}Z`
  const from = filter.from === undefined ? 'first' : short(filter.from)
  return `audit-events_${from}_${short(filter.to ?? now.toISOString())}.csv`
}
