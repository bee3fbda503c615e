import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import getPort from 'get-port'
import { expect, onTestFinished } from 'vitest'
import { exporterLeader } from '../catalogue/exporter.ts'
import { type Restartable, startProgram, startRestartable } from '../demo/stack/process.ts'
import type { Pool } from '../lib/postgres.ts'
import { testDirectory } from './database.ts'

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

/** An exporter as a process of its own, which can be killed and frozen; it goes with the test. */
export interface ExporterProcess extends Restartable {
  url: string
  /** Whether it says of itself that it leads; undefined where it does not answer. */
  leads(): Promise<boolean | undefined>
  /** What it has logged. */
  lines(): { msg: string; level: number; error?: string }[]
}

export async function startExporterProcess(environment: Record<string, string>): Promise<ExporterProcess> {
  const logFile = join(testDirectory('exporter'), 'log')
  const port = await getPort({ host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  const ask = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(1_000) })
  const restartable = await startRestartable(() =>
    startProgram({
      name: 'the exporter',
      command: process.execPath,
      arguments: [main, 'exporter', '--listen', `127.0.0.1:${port}`],
      environment: { LOG_LEVEL: 'info', ...environment },
      logFile,
      ready: async () => (await ask('/readyz')).ok,
      readyTimeoutMs: 60_000,
    }),
  )
  onTestFinished(() => restartable.stop())
  return {
    ...restartable,
    url,
    leads: async () => {
      const text = await ask('/metrics').then(
        (answer) => answer.text(),
        () => undefined,
      )
      return text?.includes(`\n${exporterLeader.name} 1\n`)
    },
    lines: () =>
      (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
  }
}

/** Notes every snapshot that is written from now on: of the store itself only the newest three stay. */
export async function noteSnapshots(
  pool: Pool,
): Promise<() => Promise<{ fencing: number | null; written_by: string }[]>> {
  await pool.query(`
    CREATE TABLE public.noted (place serial, fencing bigint, written_by text);
    CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      'BEGIN INSERT INTO public.noted (fencing, written_by) VALUES (NEW.fencing, NEW.written_by); RETURN NULL; END';
    CREATE TRIGGER note AFTER INSERT ON barometer.snapshot FOR EACH ROW EXECUTE FUNCTION public.note()`)
  return async () => {
    const { rows } = await pool.query('SELECT fencing::int AS fencing, written_by FROM public.noted ORDER BY place')
    return rows
  }
}

/** Freezes the leader in the middle of a refresh: while it waits for a table that is then given to it. */
export async function freezeInTransaction(pool: Pool, leader: ExporterProcess): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN; LOCK TABLE platform.users IN ACCESS EXCLUSIVE MODE')
    const waiting = `SELECT FROM pg_stat_activity WHERE application_name LIKE 'barometer lease % of barometer'
      AND datname = current_database() AND wait_event_type = 'Lock'`
    await expect.poll(async () => (await pool.query(waiting)).rowCount, { timeout: 20_000, interval: 50 }).toBe(1)
    await leader.signal('SIGSTOP')
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}
