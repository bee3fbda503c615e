import { gunzipSync, gzipSync } from 'node:zlib'
import { fastify } from 'fastify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { characters } from '../../catalogue/content.ts'
import type { Family } from '../store/figure.ts'
import type { CollectorState, Snapshot } from '../store/snapshot.ts'
import { createFigures } from './families.ts'
import { compressFirst, gzipOf } from './gzip-parts.ts'
import { createPage } from './page.ts'

test('two parts of a text are one gzip stream, also where one is empty', () => {
  for (const [first, rest] of [
    ['figures of ever\n'.repeat(1_000), '一 moment\n'],
    ['', 'rest'],
    ['first', ''],
    ['', ''],
  ] as const) {
    const together = gzipOf(compressFirst(Buffer.from(first)), Buffer.from(rest))
    expect(gunzipSync(together).toString()).toBe(first + rest)
  }
  const first = Buffer.from('figures\n'.repeat(10_000))
  expect(gzipOf(compressFirst(first), first).length).toBeLessThan(gzipSync(first, { level: 1 }).length * 3)
})

const family = (value: number): Family => ({ metric: characters, samples: [{ labels: {}, value }] })

test('what lasts is rendered before it is asked for, what does not at most once a second', async () => {
  let [nowMs, lasting, moments, lookedUp] = [0, [family(1)], 0, 0]
  const page = createPage({
    now: () => nowMs,
    lasting: () => {
      lookedUp += 1
      return lasting
    },
    fleeting: async () => {
      moments += 1
      return [
        { name: 'moment', type: 'gauge', help: 'A moment.', series: [{ name: 'moment', labels: {}, value: moments }] },
      ]
    },
  })
  const server = fastify()
  server.get('/', page.answer)
  const ask = async () => (await server.inject({ url: '/' })).body.split('\n').filter((line) => /^[^#]/.test(line))

  expect(await ask()).toEqual([`${characters.name} 1`, 'moment 1'])
  nowMs = 999
  expect(await ask()).toEqual([`${characters.name} 1`, 'moment 1'])
  nowMs = 1_000
  expect(await ask()).toEqual([`${characters.name} 1`, 'moment 2'])
  lasting = [family(2)]
  lookedUp = 0
  page.prepare()
  expect(lookedUp).toBe(1)
  expect(await ask()).toEqual([`${characters.name} 2`, 'moment 3'])
})

test('a page that is asked for now and then is ready before it is asked for again', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  let moments = 0
  const page = createPage({
    now: () => Date.now(),
    lasting: () => [],
    fleeting: async () => {
      moments += 1
      return [
        { name: 'moment', type: 'gauge', help: 'A moment.', series: [{ name: 'moment', labels: {}, value: moments }] },
      ]
    },
  })
  const server = fastify()
  server.get('/', page.answer)
  const ask = async () => (await server.inject({ url: '/' })).body
  await ask()
  await vi.advanceTimersByTimeAsync(30_400)
  const before = moments
  expect(await ask()).toContain(`moment ${before}`)
  expect(moments).toBe(before)
  expect(before).toBe(31)
  // Nobody asks any more.
  await vi.advanceTimersByTimeAsync(200_000)
  expect(moments).toBeLessThanOrEqual(31 + 91)
  page.stop()
})

test('the figures are the same array until the snapshot, the way to the store or what is stale changes', () => {
  const state = (asOf: string): CollectorState => ({
    ...{ enabled: true, success: true, durationSeconds: 1, asOf },
    families: [family(1)],
  })
  const at = (second: string) => `2026-01-01 00:00:${second}.000000+00`
  const snapshotOf = (id: string): Snapshot => ({
    ...{ id, asOf: at('10'), backlog: new Map() },
    collectors: new Map([
      ['old', state(at('00'))],
      ['new', state(at('10'))],
    ]),
  })
  let [snapshot, cutOff, nowMs]: [Snapshot | undefined, boolean, number] = [undefined, false, Date.parse('2026-01-01')]
  const figures = createFigures({
    snapshot: () => snapshot,
    isCutOff: () => cutOff,
    staleAfterMs: 60_000,
    now: () => nowMs,
  })
  const shown = () => figures().filter(({ metric }) => metric === characters).length
  expect([figures(), shown()]).toEqual([[], 0])
  expect(figures()).toBe(figures())
  const seen = new Set<readonly Family[]>()
  const isNew = () => seen.size < seen.add(figures()).size
  snapshot = snapshotOf('1')
  expect([isNew(), isNew(), shown()]).toEqual([true, false, 2])
  nowMs += 60_000
  expect([isNew(), shown()]).toEqual([false, 2])
  nowMs += 1
  expect([isNew(), isNew(), shown()]).toEqual([true, false, 1])
  cutOff = true
  expect([isNew(), isNew(), shown()]).toEqual([true, false, 1])
  snapshot = snapshotOf('2')
  expect([isNew(), isNew(), shown()]).toEqual([true, false, 1])
})
