import * as metrics from '../../catalogue/content.ts'
import * as quickActions from '../../catalogue/quick-actions.ts'
import type { Rows } from './history.ts'
import {
  by,
  counts,
  type ExpectedMetric,
  fold,
  foldOneOf,
  isInternal,
  isLive,
  microseconds,
  shifted,
  Tally,
  userOf,
  type World,
  windowsOf,
} from './rules.ts'

export function expectedContent(world: World): ExpectedMetric[] {
  return [
    characters(world),
    images(world),
    created(world),
    finished(world),
    inProgress(world),
    failures(world),
    durations(world),
    popular(world),
    ...quick(world),
  ]
}

const others = (world: World): Rows['generations'][] =>
  world.history.generations.filter((row) => !isInternal(world, row.user_id))

const typeOf = (row: Rows['generations']): string => foldOneOf(row.type, metrics.generationsFinished, 'type')
const qualityOf = (row: Rows['generations']): string => foldOneOf(row.quality, metrics.generationsFinished, 'quality')

function characters(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of world.history.characters)
    if (isLive(world, userOf(world, row.user_id)) && by(world, row.created_at) && !by(world, row.deleted_at))
      tally.add([])
  return counts(metrics.characters, tally)
}

function images(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of others(world))
    if (row.status === 'succeeded')
      for (const window of windowsOf(world, metrics.images, row.finished_at)) tally.add([window], row.image_count)
  return counts(metrics.images, tally)
}

function created(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of others(world))
    for (const window of windowsOf(world, metrics.generationsCreated, row.created_at)) tally.add([window])
  return counts(metrics.generationsCreated, tally)
}

function finished(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of others(world))
    if (by(world, row.finished_at) && ['succeeded', 'failed', 'cancelled'].includes(row.status))
      tally.add([
        typeOf(row),
        qualityOf(row),
        row.is_nsfw ? 'nsfw' : 'sfw',
        fold(world, row.aspect_ratio, 'aspect_ratio'),
        row.status,
      ])
  return counts(metrics.generationsFinished, tally)
}

function inProgress(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of world.history.generations)
    if (isLive(world, userOf(world, row.user_id)) && by(world, row.created_at))
      if (['queued', 'running'].includes(row.status)) tally.add([row.status])
  return counts(metrics.generationsInProgress, tally)
}

function failures(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of others(world))
    if (row.status === 'failed' && by(world, row.finished_at))
      tally.add([typeOf(row), fold(world, row.failure_reason, 'failure_reason')])
  return counts(metrics.generationFailures, tally)
}

function durations(world: World): ExpectedMetric {
  const metric = metrics.generationDurationSeconds
  const found = new Map<string, bigint[]>()
  for (const row of world.history.generations) {
    if (row.status !== 'succeeded' || row.started_at === null || !by(world, row.finished_at)) continue
    const key = JSON.stringify([typeOf(row), qualityOf(row)])
    const took = microseconds(row.finished_at) - microseconds(row.started_at)
    found.set(key, [...(found.get(key) ?? []), took])
  }
  const expected = [...found].map(([key, all]) => {
    const buckets = (metric.buckets ?? []).map((le) => all.filter((took) => took <= BigInt(le) * 1_000_000n).length)
    const sum = all.reduce((total, took) => total + took, 0n)
    return [key, [...buckets, all.length, Number(shifted(sum, 6))]] as const
  })
  return { metric, expected: new Map(expected) }
}

export const categories = ['scene', 'environment', 'outfit', 'pose'] as const

/** Counts by category, window and item, nothing folded. */
export function itemCounts(world: World): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>()
  for (const row of others(world)) {
    if (row.status !== 'succeeded') continue
    for (const category of categories) {
      const item = row[category]
      if (item === null || item === '') continue
      for (const window of windowsOf(world, metrics.popularGenerations, row.finished_at)) {
        const key = JSON.stringify([category, window])
        const items = found.get(key) ?? new Map<string, number>()
        found.set(key, items.set(item, (items.get(item) ?? 0) + 1))
      }
    }
  }
  return found
}

function popular(world: World): ExpectedMetric {
  const tally = new Tally()
  const { popularItems } = world.inputs
  for (const { category, item, window } of popularItems) tally.add([category, item, window], 0)
  for (const [key, items] of itemCounts(world)) {
    const [category = '', window = ''] = JSON.parse(key) as string[]
    for (const [item, count] of items) {
      const chosen = popularItems.some((one) => one.category === category && one.window === window && one.item === item)
      tally.add([category, chosen ? item : 'other', window], count)
    }
  }
  return counts(metrics.popularGenerations, tally)
}

function quick(world: World): ExpectedMetric[] {
  const reports = new Tally()
  for (const row of world.history.bug_reports)
    if (row.status === 'open' && by(world, row.created_at)) reports.add([fold(world, row.severity, 'severity')])
  const requests = new Tally()
  for (const row of world.history.influencer_requests)
    if (row.status === 'pending' && by(world, row.created_at)) requests.add([])
  return [counts(quickActions.bugReportsOpen, reports), counts(quickActions.influencerRequestsPending, requests)]
}
