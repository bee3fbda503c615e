import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generationsFinished, images } from '../../../catalogue/content.ts'
import type { Metric } from '../../../catalogue/define.ts'
import { recordedFigures, recordedRates } from '../../../catalogue/recordings.ts'
import { mrr } from '../../../catalogue/revenue.ts'
import { readBoardQueries } from '../../../demo/boards/board-queries.ts'
import { collectors } from '../../../exporter/figures/index.ts'
import type { Family } from '../../../exporter/store/figure.ts'
import { parse } from '../../../testing/dashboards.ts'
import { testDirectory } from '../../../testing/directory.ts'
import { run } from '../../../testing/programs.ts'
import { BlockWriter } from './block/block.ts'
import { blocksOf } from './history.ts'
import { type Figure, movementOfFigure, noise } from './movement.ts'
import { seriesOf } from './series.ts'

const [minute, hour, day] = [60, 3_600, 86_400]
const ends = Date.parse('2026-06-17T12:05:00Z') / 1_000
const span = { begins: ends - 31 * day, ends }

/** A number that is none, by its bits: whoever reads a sample of it knows that the series has ended. */
const ended = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)

test('promtool reads every sample of a block as it was written', async () => {
  const data = join(testDirectory('block'), 'data')
  const block = new BlockWriter(data)
  const count = 400
  const at = (distance: (index: number) => number): Float64Array => {
    let time = span.begins * 1_000
    return Float64Array.from({ length: count }, (_, index) => (time += distance(index)))
  }
  const values = (value: (index: number) => number) => Float64Array.from({ length: count }, (_, index) => value(index))
  const ending = values((index) => index)
  ending.set(ended, 200)
  const series = {
    steady: { times: at(() => 30_000), values: values(() => 1) },
    counts: { times: at(() => 5_000), values: values((index) => 1_000_000 + index * 7) },
    shares: { times: at(() => 15_000), values: values((index) => noise(1, index)) },
    below: { times: at(() => 15_000), values: values((index) => -(10 ** (index % 40)) / 3) },
    extremes: {
      times: at(() => 1_000),
      values: values((index) => [0, -0, 5e-324, 1.7e308, -1, Infinity][index % 6] ?? 0),
    },
    late: { times: at((index) => 30_000 + ((index * 7_919) % 13) - 6), values: values((index) => index) },
    // As a rule records that gives nothing for most of the time; a day on, then by the second.
    gaps: { times: at((index) => (index % 3 === 2 ? 840_000 : 30_000)), values: ending },
    wide: { times: at((index) => (index % 50 === 9 ? day * 1_000 : 1_000 + index * 600)), values: values(() => 3.5) },
  }
  for (const [name, { times, values: numbers }] of Object.entries(series)) {
    for (const job of ['b', 'a']) block.add({ job, __name__: name, le: '1.0' }, times, numbers, count)
  }
  block.add({ __name__: 'single', le: '1.0', job: 'a' }, series.steady.times, series.steady.values, 1)
  const last = Math.max(...Object.values(series).map(({ times }) => times.at(-1) ?? 0))
  const { samples } = block.finish({ begins: span.begins * 1_000, ends: last + 1 })
  expect(samples).toBe(2 * 8 * count + 1)

  // promtool dumps what a Prometheus has written to; its log is there then, if empty.
  mkdirSync(join(data, 'wal'))
  const dumped = await run('promtool', ['tsdb', 'dump', data])
  const found = Map.groupBy(dumped.trim().split('\n'), (line) => line.slice(0, line.indexOf('}') + 1))
  const readAs = (times: Float64Array, numbers: Float64Array) =>
    [...times].map((time, index) => [time, Number.isNaN(numbers[index]) ? 'NaN' : String(numbers[index])])
  expect(found.size).toBe(2 * 8 + 1)
  for (const [name, { times, values: numbers }] of Object.entries(series)) {
    for (const job of ['a', 'b']) {
      const lines = found.get(`{__name__="${name}", job="${job}", le="1.0"}`) ?? []
      const read = lines.map((line) => {
        const [, number = '', time] = /\} (\S+) (\d+)$/.exec(line) ?? []
        return [Number(time), String(Number(number.replace('Inf', 'Infinity')))]
      })
      expect(read, name).toEqual(readAs(times, numbers))
    }
  }
  expect(found.get('{__name__="single", job="a", le="1.0"}')).toHaveLength(1)
  const { length } = (await run('promtool', ['tsdb', 'list', data])).trim().split('\n')
  expect(length).toBe(2)
})

test('what was counted ever rises to its value, what a day counts begins at midnight, the rest wanders about it', () => {
  const minutes = Array.from({ length: 31 * 24 * 60 }, (_, index) => ends - (31 * 24 * 60 - index) * minute)
  const moved = (metric: Metric, labels: Record<string, string>, value: number) => {
    const figure: Figure = { metric, labels, value, seed: 7 }
    return minutes.map(movementOfFigure(figure, span))
  }
  for (const ever of [moved(images, { window: 'ever' }, 340_000), moved(generationsFinished, {}, 340_000)]) {
    expect(ever.every((value, index) => Number.isInteger(value) && value >= (ever[index - 1] ?? 0))).toBe(true)
    expect(ever[0]).toBeCloseTo(255_000, -2)
    expect(ever.at(-1)).toBeCloseTo(340_000, -2)
  }
  const today = moved(images, { window: 'today' }, 1_450)
  const midnight = minutes.findIndex((at, index) => index > 0 && at % day === 0)
  expect(today[midnight]).toBe(0)
  expect(today[midnight - 1]).toBeGreaterThan(2_800)
  const money = moved(mrr, { currency: 'EUR' }, 10_809.65)
  expect(money.every((value) => value > 9_400 && value < 11_200)).toBe(true)
  expect(money.some((value) => !Number.isInteger(value))).toBe(true)
})

test('the world has every metric that boards ask for and rules record', () => {
  const figures = collectors.flatMap(({ figures }) =>
    figures.map(({ metric }): Family => {
      const labels = Object.fromEntries(Object.keys(metric.labels).map((label) => [label, 'any']))
      const buckets = (metric.buckets ?? []).map(() => 1)
      return {
        metric,
        samples: [metric.type === 'histogram' ? { labels, buckets, sum: 1, count: 1 } : { labels, value: 1 }],
      }
    }),
  )
  const recordings = [...recordedFigures, ...Object.values(recordedRates).flat()]
  const made = new Set([
    ...seriesOf(figures, span).flatMap(({ series }) => series.map(({ name }) => name)),
    ...recordings.map(({ name }) => name),
  ])
  const { prometheus } = readBoardQueries({ now: new Date(ends * 1_000) })
  const asked = [...prometheus.map(({ expression }) => expression), ...recordings.map(({ recordedBy }) => recordedBy)]
  const names = new Set(asked.flatMap((expression) => parse(expression).selectors.map(({ metric }) => metric)))
  // What an exporter says of itself beside its figures comes with them.
  const ofExporter = (name: string) =>
    /^platform_(?:exporter_(?:collector_\w+|series)|snapshot_timestamp_seconds)$/.test(name)
  expect([...names].filter((name) => !made.has(name) && !ofExporter(name))).toEqual([])
})

test('blocks follow one another, each as long as Prometheus has merged what is over', () => {
  const blocks = blocksOf(span)
  expect(blocks[0]?.begins).toBe(span.begins)
  expect(blocks.at(-1)?.ends).toBe(span.ends)
  for (const [index, { begins, ends: end }] of blocks.entries()) {
    if (index > 0) expect(blocks[index - 1]?.ends).toBe(begins)
    expect(end - begins).toBeLessThanOrEqual(162 * hour)
    if (index < blocks.length - 1) expect(end % (2 * hour)).toBe(0)
  }
  expect(blocks.slice(1, 5).map(({ begins, ends: end }) => (end - begins) / hour)).toEqual([162, 162, 162, 162])
})
