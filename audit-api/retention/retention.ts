import { randomUUID } from 'node:crypto'
import { exclusively } from '../../lib/exclusively.ts'
import type { Logger } from '../../lib/log.ts'
import type { Pool } from '../../lib/postgres.ts'
import { eventTime, serviceActor } from '../events/action-log.ts'
import type { EventWriter } from '../events/event-writer.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { archiveMonth, type Manifest } from './archive.ts'
import { oldMonthsSql } from './archive-sql.ts'

export interface RetentionOptions {
  /** As the service's role: two connections. */
  pool: Pool
  writer: EventWriter
  store: ObjectStore
  log: Logger
  now: () => Date
  /** How many whole months are kept beside the one that runs. */
  months: number
}

/**
 * Takes the months out that are older than is kept, the oldest first: each is written to S3, read back and compared,
 * recorded in the log, and then removed by the owner's function, which compares once more. One replica at a time does it.
 * @returns the months that were taken out, `2026-03`
 */
export async function retainMonths(options: RetentionOptions): Promise<string[]> {
  const { pool, writer, store, log, now, months } = options
  const removed: string[] = []
  await exclusively(pool, 'barometer_audit.retention', async () => {
    const { rows } = await pool.query<{ month: string }>(oldMonthsSql, [firstKept(now(), months)])
    for (const { month } of rows) {
      const manifest = await archiveMonth(pool, store, month, now())
      if (manifest !== undefined) await writer.insert([{ id: randomUUID(), ...archiving(manifest, now()) }])
      await pool.query('SELECT barometer_audit.remove_month($1, $2, $3, $4, $5, $6)', [
        month,
        manifest?.rows ?? 0,
        manifest?.first_sequence ?? 0,
        manifest?.last_sequence ?? 0,
        manifest?.object_key ?? '',
        Buffer.from(manifest?.sha256 ?? '', 'hex'),
      ])
      removed.push(month.slice(0, 7))
      log.info(
        { month: month.slice(0, 7), rows: manifest?.rows ?? 0, object: manifest?.object_key },
        'a month was taken out',
      )
    }
  })
  return removed
}

/** The first day of the oldest month that stays: with 1 kept, that of the month before this one (UTC). */
function firstKept(now: Date, months: number): string {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1)).toISOString().slice(0, 10)
}

function archiving(manifest: Manifest, now: Date) {
  const { month, object_key, rows, sha256, first_sequence, last_sequence } = manifest
  return {
    occurred_at: eventTime(now),
    actor: serviceActor,
    action: 'audit.archive',
    target: { type: 'audit_month', id: month },
    outcome: 'success' as const,
    metadata: { object_key, rows, sha256, first_sequence, last_sequence },
  }
}
