import { afterAll, beforeAll, expect, test } from 'vitest'
import * as metrics from '../../../catalogue/content.ts'
import * as quickActions from '../../../catalogue/quick-actions.ts'
import { createDatabase, type TestDatabase } from '../../../testing/database.ts'
import { figure, samplesOf } from '../../../testing/figures/samples.ts'
import { createSchema, type PartialHistory } from '../../../testing/second-implementation/history.ts'
import { nothingKept } from '../../store/labels.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  await createSchema(database.pool, 'numbers')
})
afterAll(() => database.drop())

const asOf = '2026-06-15 12:00:00Z'
const ahead = '2026-06-15 12:00:00.000001Z'

/** Live, internal, deleted, created ahead; 9 is in no users at all. */
const users: PartialHistory['users'] = [
  { user_id: 1 },
  { user_id: 2, is_internal: true },
  { user_id: 3, deleted_at: asOf },
  { user_id: 4, created_at: ahead },
]
const everybody = [1, 2, 3, 4, 9]

test('characters are live ones of live users', async () => {
  const characters = everybody.flatMap((user_id) => [
    { user_id },
    { user_id, deleted_at: ahead },
    { user_id, deleted_at: asOf },
    { user_id, created_at: ahead },
  ])
  expect(await figure(database.pool, metrics.characters, { users, characters }, { asOf })).toEqual({ '': 2 })
})

test('images are those of succeeded generations finished in the window, of everybody but the internal', async () => {
  const generations = everybody.flatMap((user_id) => [
    { user_id, image_count: 4, finished_at: '2026-06-15 00:00:00Z' },
    { user_id, image_count: 100, finished_at: '2026-06-14 23:59:59.999999Z' },
    { user_id, image_count: 7, finished_at: ahead },
    { user_id, image_count: 9, finished_at: null },
    { user_id, image_count: 9, finished_at: asOf, status: 'failed' },
  ])
  expect(await figure(database.pool, metrics.images, { users, generations }, { asOf })).toEqual({
    today: 16,
    week: 16,
    month: 416,
    ever: 416,
  })
})

test('generations are created when they are created, finished when they are finished, and in progress by their status', async () => {
  const generations = everybody.flatMap((user_id) => [
    { user_id, created_at: '2026-06-15 11:00:00Z', finished_at: ahead },
    { user_id, created_at: '2026-06-01 11:00:00Z', finished_at: asOf, status: 'failed', failure_reason: 'oom' },
    { user_id, created_at: '2026-06-01 11:00:00Z', finished_at: null, status: 'running' },
    { user_id, created_at: ahead, finished_at: null, status: 'queued' },
    { user_id, created_at: '2026-01-01 11:00:00Z', finished_at: asOf, is_nsfw: true, type: 'video', quality: 'hq' },
    { user_id, created_at: '2026-01-01 11:00:00Z', finished_at: asOf, status: 'lost' },
  ])
  const history = { users, generations }
  const at = { asOf, kept: { ...nothingKept, aspect_ratio: ['1:1'] } }
  expect(await figure(database.pool, metrics.generationsCreated, history, at)).toEqual({
    today: 4,
    week: 4,
    month: 12,
    '1d': 4,
    '7d': 4,
    '30d': 12,
    ever: 20,
  })
  expect(await figure(database.pool, metrics.generationsFinished, history, at)).toEqual({
    'studio draft sfw 1:1 failed': 4,
    'other hq nsfw 1:1 succeeded': 4,
  })
  expect(await figure(database.pool, metrics.generationsInProgress, history, at)).toEqual({ running: 1 })
  expect(await figure(database.pool, metrics.generationFailures, history, at)).toEqual({ 'studio other': 4 })
})

test('durations are of everyone, by buckets that include their bound', async () => {
  const started_at = '2026-06-15 10:00:00Z'
  const generations = [
    { user_id: 1, started_at, finished_at: '2026-06-15 10:00:01Z' },
    { user_id: 2, started_at, finished_at: '2026-06-15 10:00:01.000001Z' },
    { user_id: 9, started_at, finished_at: '2026-06-15 10:20:00Z' },
    { user_id: 1, started_at: null, finished_at: '2026-06-15 10:00:01Z' },
    { user_id: 1, started_at, finished_at: ahead },
    { user_id: 1, started_at, finished_at: '2026-06-15 10:00:01Z', status: 'failed' },
  ]
  const samples = await samplesOf(database.pool, metrics.generationDurationSeconds, { users, generations }, { asOf })
  expect(samples).toHaveLength(6)
  expect(samples).toContainEqual({
    labels: { type: 'studio', quality: 'draft' },
    buckets: [1, 2, 2, 2, 2, 2, 2, 2, 2, 2],
    sum: 1202.000001,
    count: 3,
  })
  expect(samples).toContainEqual({
    labels: { type: 'base_image', quality: 'hq' },
    buckets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    sum: 0,
    count: 0,
  })
})

test('popular items are those of the day, also when nobody asks for them any more; the rest is other', async () => {
  const generations = everybody.flatMap((user_id) => [
    { user_id, finished_at: asOf, scene: 'beach', pose: '' },
    { user_id, finished_at: '2026-06-10 00:00:00Z', scene: 'beach' },
    { user_id, finished_at: asOf, scene: 'forest' },
    { user_id, finished_at: asOf, scene: 'city' },
  ])
  const popularItems = [
    { category: 'scene', window: '1d', item: 'beach' },
    { category: 'scene', window: '1d', item: 'moon' },
    { category: 'scene', window: '7d', item: 'beach' },
    { category: 'pose', window: '30d', item: 'sitting' },
  ]
  const at = { asOf, popularItems }
  expect(await figure(database.pool, metrics.popularGenerations, { users, generations }, at)).toEqual({
    'scene beach 1d': 4,
    'scene moon 1d': 0,
    'scene other 1d': 8,
    'scene beach 7d': 8,
    'scene other 7d': 8,
    'scene other 30d': 16,
    'pose sitting 30d': 0,
  })
})

test('bug reports are open, influencer requests pending, and neither is from ahead', async () => {
  const bug_reports = [{}, { severity: null }, { severity: '' }, { status: 'reopened' }, { created_at: ahead }]
  const influencer_requests = [{}, { status: 'approved' }, { created_at: ahead }]
  const at = { asOf, kept: { ...nothingKept, severity: ['major'] } }
  expect(await figure(database.pool, quickActions.bugReportsOpen, { bug_reports }, at)).toEqual({
    major: 1,
    unknown: 2,
  })
  const requests = await figure(database.pool, quickActions.influencerRequestsPending, { influencer_requests }, at)
  expect(requests).toEqual({ '': 1 })
})
