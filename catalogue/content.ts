import { kept, metric, oneOf } from './define.ts'
import { allWindows, calendarAndEver, rolling } from './windows.ts'

const figures = { exposition: 'figures', type: 'gauge' } as const

const type = oneOf('studio', 'base_image', 'profile_picture')
const quality = oneOf('draft', 'hq')

export const characters = metric({
  ...figures,
  name: 'platform_characters',
  unit: 'characters',
  help: 'Live characters of live users.',
  sources: ['users', 'characters'],
  owner: 'characters',
})

export const images = metric({
  ...figures,
  name: 'platform_images',
  unit: 'images',
  help: 'Images made in the window: the sum of image_count over succeeded generations by finished_at.',
  labels: { window: calendarAndEver },
  sources: ['users', 'generations'],
  owner: 'images',
})

export const generationsCreated = metric({
  ...figures,
  name: 'platform_generations_created',
  unit: 'generations',
  help: 'Generations created in the window, whatever became of them.',
  definition: 'By created_at. Generations per user is this over generating users (or active users).',
  labels: { window: allWindows },
  sources: ['users', 'generations'],
  owner: 'generations',
})

export const generationsFinished = metric({
  ...figures,
  name: 'platform_generations_finished',
  unit: 'generations',
  help: 'Generations finished ever, by type, quality, rating, aspect ratio and result.',
  definition:
    'By finished_at; without one it does not count. Success rate is succeeded / (succeeded + failed): cancelled count in neither, since nobody waited for them to the end.',
  labels: {
    type,
    quality,
    rating: oneOf('sfw', 'nsfw'),
    aspect_ratio: kept('aspect_ratio'),
    status: oneOf('succeeded', 'failed', 'cancelled'),
  },
  recorded: { minutes: 15 },
  sources: ['users', 'generations'],
  owner: 'generations',
})

export const generationsInProgress = metric({
  ...figures,
  name: 'platform_generations_in_progress',
  unit: 'generations',
  help: 'Generations queued or running now, of live users.',
  labels: { status: oneOf('queued', 'running') },
  sources: ['users', 'generations'],
  owner: 'generations',
})

export const generationFailures = metric({
  ...figures,
  name: 'platform_generation_failures',
  unit: 'generations',
  help: 'Generations failed ever, by type and reason.',
  definition: 'By finished_at; without one it does not count.',
  labels: { type, reason: kept('failure_reason') },
  sources: ['users', 'generations'],
  owner: 'generations',
})

export const generationDurationSeconds = metric({
  ...figures,
  type: 'histogram',
  name: 'platform_generation_duration_seconds',
  unit: 'seconds',
  help: 'Time from start to finish of succeeded generations ever, of everyone; read by differences, never by rate().',
  definition:
    'finished_at - started_at of succeeded generations finished by as_of, internal users included: it measures the machine. It can fall when rows are corrected, so rate() would see a reset.',
  labels: { type, quality },
  buckets: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600],
  sources: ['generations'],
  owner: 'durations',
})

export const popularGenerations = metric({
  ...figures,
  name: 'platform_popular_generations',
  unit: 'generations',
  help: 'Succeeded generations in the window by the scene, environment, outfit or pose asked for.',
  definition:
    'By finished_at; items that are NULL or empty are left out. The 20 greatest of each category and window at the first refresh of a day (reporting time zone) stay for the day; the rest is other.',
  labels: {
    category: oneOf('scene', 'environment', 'outfit', 'pose'),
    item: { bound: 21 },
    window: rolling,
  },
  sources: ['users', 'generations'],
  owner: 'popular',
})
