import { existsSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../lib/user-error.ts'
import { findProgram, withOnPath } from '../stack/debian-packages.ts'
import type { Barometer } from './barometer.ts'
import type { Platform } from './platform.ts'
import { startScript } from './processes.ts'
import type { Progress } from './progress.ts'
import type { RunDirectory } from './run-directory.ts'
import type { Stack } from './stack.ts'

const dayMs = 86_400_000
/** What is seeded. */
const days = 120
/** Prometheus looks for new blocks once a minute. */
const seenTimeoutMs = 90_000

interface HistoryOptions {
  directory: RunDirectory
  stack: Stack
  progress: Progress
  platform: Platform
  barometer: Barometer
}

/**
 * Gives Prometheus the days before the demo began, as an operator would: by the command, while Prometheus runs. It takes
 * both cores for most of a minute, so it comes after all is up.
 * @returns whether Prometheus has them; why not is a line of the progress
 */
export async function loadHistory(options: HistoryOptions): Promise<boolean> {
  const { progress, barometer } = options
  try {
    if (await hasHistory(barometer)) return true
    await progress.part(`${days} days of history, written as blocks`, () => backfill(options))
    const deadlineMs = performance.now() + seenTimeoutMs
    while (performance.now() < deadlineMs) {
      if (await hasHistory(barometer)) {
        progress.step('Prometheus has seen the history')
        return true
      }
      await sleep(500)
    }
    throw new Error(`Prometheus has not seen the blocks in ${seenTimeoutMs / 1_000} s`)
  } catch (error) {
    progress.step(`no history: ${messageOf(error)}`)
    return false
  }
}

async function backfill({ directory, stack, platform, barometer }: HistoryOptions): Promise<void> {
  const promtool = await findProgram('promtool')
  const data = join(directory.folder('prometheus'), 'data')
  const instance = new URL(barometer.exporterUrl).host
  const program = await stack.add(
    startScript({
      name: 'backfill',
      script: 'cli/main.ts',
      words: [
        ...['backfill', '--blocks', data, '--from', new Date(Date.now() - days * dayMs).toISOString()],
        // As Prometheus labels what it scrapes, so that past and present are one series.
        ...['--label', 'job=barometer-exporter', '--label', `instance=${instance}`],
      ],
      logs: directory.folder('logs'),
      environment: {
        DATABASE_URL: platform.exporterUrl,
        ...withOnPath(promtool),
      },
      ready: async () => true,
    }),
  )
  // What is live goes first; promtool, which it starts, is as patient.
  setPriority(program.pid, 10)
  while (program.running()) await sleep(100)
  if (!existsSync(data)) throw new Error('no blocks were made')
}

/** Whether there are figures of the middle of the past. */
async function hasHistory({ prometheusUrl }: Barometer): Promise<boolean> {
  const query = `count(last_over_time({job="barometer-exporter"}[1h] offset ${days / 2}d))`
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`)
  const { data } = (await response.json()) as { data?: { result?: unknown[] } }
  return (data?.result?.length ?? 0) > 0
}
