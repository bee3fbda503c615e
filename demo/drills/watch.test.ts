import { expect, test } from 'vitest'
import { inTheWay, readSilenced } from './watch.ts'

const ended = (cause: string) => [{ alert: 'OutageEnding', state: 'firing', cause }]
const silenced = readSilenced()

test('what an outage silences is read from what Alertmanager is told', () => {
  expect(silenced.get('ApiDown')).toContain('ApiErrorRateHigh')
  expect(silenced.get('DatabaseDown')).toContain('SnapshotStale')
})

test('a fault waits for outages that would silence its page or what follows from it, and for everything that stands', () => {
  expect(inTheWay(ended('DatabaseDown'), 'ApiDown', silenced)).toHaveLength(1)
  expect(inTheWay(ended('ApiDown'), 'DatabaseDown', silenced)).toHaveLength(1)
  expect(inTheWay(ended('ApiDown'), 'StorageDown', silenced)).toEqual([])
  expect(inTheWay([{ alert: 'QueueWaitHigh', state: 'pending' }], 'StorageDown', silenced)).toHaveLength(1)
  // What must page nobody is to be seen whole.
  expect(inTheWay(ended('ApiDown'), undefined, silenced)).toHaveLength(1)
})
