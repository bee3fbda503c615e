import { expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../demo/stack/redis.ts'
import { startProbes } from '../../exporter/probes/index.ts'
import { readSettings } from '../../lib/settings.ts'
import { testDirectory } from '../../testing/directory.ts'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { recordingLog } from '../../testing/probes.ts'
import { isWithin, type Seen, shown } from './bound.ts'
import { insertUsersOfManyLabels, labelsOfSource } from './labels.ts'
import { manyPods } from './pods.ts'
import { startService } from './process.ts'
import { manyQueueEvents } from './queue-events.ts'
import { stormOfScrapes } from './scrapes.ts'
import { slowReaders } from './slow-readers.ts'

// The small versions of `npm run load`: what is counted must be exact; times and memory are the command's to hold.
const counted = (seen: readonly Seen[]): string[] =>
  seen.filter((one) => 'exactly' in one.bound && !isWithin(one)).map(shown)

test('a source that offers 5,000 values of a label, 100 scrapers at once and readers of a byte a second lose nothing', async () => {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await insertUsersOfManyLabels(database.pool, 5_000)
  const exporter = await startService('exporter', {
    ...{ directory: testDirectory('load'), environment: { DATABASE_URL: database.exporterUrl } },
  })
  onTestFinished(() => exporter.stop())
  const page = `${exporter.url}/metrics`
  const seen = [
    ...labelsOfSource(await (await fetch(page)).text(), 5_000),
    ...(await stormOfScrapes({ page, pid: exporter.pid, scrapers: 100, rounds: 2 })),
    ...(await slowReaders({ page, pid: exporter.pid, readers: 20, seconds: 2 })),
  ]
  expect(seen.length).toBe(7 + 3 + 3)
  expect(counted(seen)).toEqual([])
})

test('pods that hang delay no other, and more pods than there is room for are refused', async () => {
  expect(counted(await manyPods({ directory: testDirectory('pods'), pods: 60, hung: 6, ticks: 1 }))).toEqual([])
  const COMFYUI_URLS = Array.from({ length: 200 }, (_, pod) => `pod-${pod}=http://127.0.0.1:1`).join(',')
  const settings = readSettings({ COMFYUI_URLS })
  expect(() => startProbes({ settings, clock: Date.now, log: recordingLog().log, replicaId: 'load' })).toThrow(
    '200 targets are configured to be probed; expected at most 40',
  )
})

test('every job of 1,000 events a second is counted, and its wait measured', async () => {
  const redis = await startRedis({ directory: testDirectory('redis') })
  onTestFinished(() => redis.stop())
  expect(counted(await manyQueueEvents({ redisUrl: redis.url, eventsPerSecond: 1_000, seconds: 4 }))).toEqual([])
})
