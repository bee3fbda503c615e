import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import type { Metric } from '../../catalogue/define.ts'
import {
  queueEventsMissedTotal,
  queueIdsEvictedTotal,
  queueJobsFinishedTotal,
  queueWaitSeconds,
} from '../../catalogue/infrastructure.ts'
import { startProbes } from '../../exporter/probes/index.ts'
import { readSettings } from '../../lib/settings.ts'
import { atMost, exactly, type Seen } from './bound.ts'

const name = 'load'
/** added, waiting, active, completed. */
const eventsOfJob = 4

export interface QueueLoadOptions {
  redisUrl: string
  eventsPerSecond: number
  seconds: number
}

/** Jobs through BullMQ at a rate of events, worked off at once, while the probes tick each 5 s as they do. */
export async function manyQueueEvents({ redisUrl, eventsPerSecond, seconds }: QueueLoadOptions): Promise<Seen[]> {
  const probes = startProbes({
    settings: readSettings({ REDIS_URL: redisUrl, QUEUES: name }),
    ...{ clock: Date.now, log: pino({ level: 'silent' }), replicaId: 'load' },
  })
  try {
    await probes.tick()
    const before = process.cpuUsage()
    const script = join(import.meta.dirname, 'queue-producer.ts')
    const jobsPerSecond = String(eventsPerSecond / eventsOfJob)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [script, redisUrl, name, jobsPerSecond, String(seconds)],
      { timeout: (seconds + 60) * 1_000 },
    )
    const produced: { added: number; seconds: number } = JSON.parse(stdout)
    const used = process.cpuUsage(before)
    // What was under way may have begun before the last event.
    await probes.tick()
    const ticked = performance.now()
    await probes.tick()
    const tickMs = performance.now() - ticked
    const value = (metric: Metric, result?: string): number => {
      const { samples = [] } = probes.families().find((family) => family.metric === metric) ?? {}
      const found = samples.find(({ labels }) => result === undefined || labels.result === result)
      return found === undefined ? Number.NaN : 'value' in found ? found.value : found.count
    }
    const missing = Math.max(0, eventsPerSecond - (produced.added * eventsOfJob) / produced.seconds)
    const processorPercent = ((used.user + used.system) / 1e6 / produced.seconds) * 100
    return [
      atMost(`of ${eventsPerSecond} events a second, fewer`, missing, 'events', eventsPerSecond / 5),
      exactly('jobs counted as completed', value(queueJobsFinishedTotal, 'completed'), 'jobs', produced.added),
      exactly('jobs whose wait was measured', value(queueWaitSeconds), 'jobs', produced.added),
      exactly('ids that were not remembered', value(queueIdsEvictedTotal), 'ids', 0),
      exactly('events that were trimmed unread', value(queueEventsMissedTotal), 'events', 0),
      atMost('processor of the probes', processorPercent, '%', 50),
      atMost('a tick when there is nothing new', tickMs, 'ms', 1_000),
    ]
  } finally {
    await probes.stop()
  }
}
