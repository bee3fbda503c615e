import { finished } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { HttpServer } from '../../../lib/http-server.ts'
import type { Logger } from '../../../lib/log.ts'
import type { Pool } from '../../../lib/postgres.ts'
import { Problem } from '../../http/problem.ts'
import { refusals } from '../../http/problem-schema.ts'
import type { Query } from '../../http/query.ts'
import type { ActionLog } from '../action-log.ts'
import { type Filter, filterAsMetadata } from '../filter.ts'
import type { EventMetrics } from '../metrics.ts'
import type { CopyRows } from './copy-rows.ts'
import { type ExportFormat, ExportQuerySchema, readExportQuery } from './export-query.ts'
import { openExport } from './export-stream.ts'

export interface ExportOptions {
  pool: Pool
  actions: ActionLog
  metrics: EventMetrics
  now: () => Date
}

/** A stream that is described as text. */
const FileSchema = Type.Unsafe<CopyRows>({ type: 'string' })
const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
}
/** At once; each holds a connection for minutes. */
export const exportsMax = 3
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
      summary: 'Download all matching events',
      description:
        'One state of the log, newest first, as CSV (RFC 4180, UTF-8; text that a spreadsheet would take for a formula has an apostrophe before it) or with format=ndjson one event of the list a line. The trailers x-row-count and x-content-sha256 tell whether the file is whole; a break midway breaks the connection. What is chosen of several may stand in braces, {a,b}, as in links of Grafana.',
      tags: ['audit'],
      querystring: ExportQuerySchema,
      response: {
        200: {
          description: 'The file.',
          content: { 'text/csv': { schema: FileSchema }, 'application/x-ndjson': { schema: FileSchema } },
        },
        ...refusals,
      },
    },
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request, reply) => {
      const { filter, format } = readExportQuery(request.query as Query)
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
      let rows: CopyRows
      try {
        // Before the first byte: no export is without its record.
        await actions.record(request, {
          action: 'audit.export',
          target: { type: 'audit_log', id: `events.${format}` },
          outcome: 'success',
          metadata: { filter: filterAsMetadata(filter) },
        })
        const signal = whenGone(reply)
        rows = await openExport({ pool: options.pool, filter, format, log: request.log as Logger, signal })
      } catch (error) {
        release()
        throw error
      }
      finished(rows, () => {
        metrics.exportedRows.inc(rows.rows)
        release()
      })
      reply
        .type(contentTypes[format])
        .header('content-disposition', `attachment; filename="${fileName(filter, format, now())}"`)
        .header('cache-control', 'no-store')
        .trailer('x-row-count', (_reply, _payload, done) => done(null, String(rows.rows)))
        .trailer('x-content-sha256', (_reply, _payload, done) => done(null, rows.digest()))
      return reply.send(rows)
    },
  })
}

/** Aborts when the connection of an answer is closed before its end; also while the database still looks for a first row. */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  if (reply.raw.destroyed) gone.abort()
  return gone.signal
}

/** `audit-events_20260301T000000Z_20260401T000000Z.csv`; an open beginning is `first`, an open end is now. */
function fileName(filter: Filter, format: ExportFormat, now: Date): string {
  const short = (time: string) => `${time.slice(0, 19).replace(/[-:]/g, '')}Z`
  const from = filter.from === undefined ? 'first' : short(filter.from)
  return `audit-events_${from}_${short(filter.to ?? now.toISOString())}.${format}`
}
