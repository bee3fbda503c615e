import { generationDurationSeconds } from '../../../catalogue/content.ts'
import { ahead, type Domain, lookUp } from '../../store/domain.ts'
import { notInternal } from '../rules.ts'

const text = 'text'
const isOver = `g.status IN ('succeeded', 'failed', 'cancelled')`
const finished = `${isOver} AND g.finished_at <= :as_of`
/** The place of the first bucket that holds a duration, counted from 0; after the last one that of +Inf. */
const bounds = generationDurationSeconds.buckets ?? []
const bucket = `CASE ${bounds.map((le, place) => `WHEN s.seconds <= ${le} THEN ${place}`).join(' ')} ELSE ${bounds.length} END`
const succeeded = `s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded'`
const key = (from: string) => ({ type: text, from })

/** Each generation, from queued to its end. */
export const generation: Domain = {
  name: 'generation',
  views: ['users', 'generations'],
  entity: { view: 'generations', id: 'generation_id', walkedBy: 'created_at' },
  columns: {
    user_id: { view: 'generations', column: 'user_id' },
    counted: 'boolean',
    created_at: 'timestamptz',
    finished_at: 'timestamptz',
    seconds: 'numeric',
    image_count: 'bigint',
    is_nsfw: 'boolean',
    status: text,
    type: text,
    quality: text,
    aspect_ratio: text,
    failure_reason: text,
    scene: text,
    environment: text,
    outfit: text,
    pose: text,
  },
  dirtiedBy: { users: '', generations: 'SELECT generation_id FROM changed' },
  turnedBy: 'SELECT g.generation_id FROM turned JOIN generations g USING (user_id)',
  contribution: (entities) => `
SELECT d.id, g.user_id, ${notInternal} AS counted, CASE WHEN g.created_at <= :as_of THEN g.created_at END AS created_at,
  CASE WHEN ${finished} THEN g.finished_at END AS finished_at,
  CASE WHEN g.status = 'succeeded' AND g.finished_at <= :as_of THEN extract(epoch FROM g.finished_at - g.started_at) END
    AS seconds,
  g.image_count, g.is_nsfw, g.status::text, g.type::text, g.quality::text, g.aspect_ratio::text,
  coalesce(g.failure_reason::text, '') AS failure_reason, g.scene::text, g.environment::text, g.outfit::text, g.pose::text,
  least(${ahead('g.created_at')}, CASE WHEN ${isOver} THEN ${ahead('g.finished_at')} END) AS next_at
FROM ${entities('g')}
LEFT JOIN ${lookUp('is_internal', 'rollup_account WHERE id = g.user_id')} AS u ON true`,
  indexes: [`(status) WHERE status IN ('queued', 'running')`],
  cells: [
    {
      name: 'generations_created',
      keys: {},
      where: 's.counted AND s.created_at IS NOT NULL',
      at: { instant: 's.created_at', grains: ['ever', 'day', 'hour', 'slot'], slotMinutes: 1 },
    },
    {
      name: 'aspect_ratios',
      keys: { aspect_ratio: key('s.aspect_ratio') },
      where: 's.counted AND s.created_at IS NOT NULL',
    },
    {
      name: 'generations_finished',
      keys: {
        type: key('s.type'),
        quality: key('s.quality'),
        rating: key(`CASE WHEN s.is_nsfw THEN 'nsfw' ELSE 'sfw' END`),
        aspect_ratio: key('s.aspect_ratio'),
        status: key('s.status'),
      },
      where: 's.counted AND s.finished_at IS NOT NULL',
    },
    {
      name: 'generation_failures',
      keys: { type: key('s.type'), reason: key('s.failure_reason') },
      where: `s.counted AND s.finished_at IS NOT NULL AND s.status = 'failed'`,
    },
    {
      name: 'images',
      keys: {},
      amounts: { images: 's.image_count' },
      where: succeeded,
      at: { instant: 's.finished_at', grains: ['ever', 'day'] },
    },
    {
      name: 'durations',
      keys: { type: key('s.type'), quality: key('s.quality'), bucket: { type: 'smallint', from: bucket } },
      amounts: { seconds: 's.seconds' },
      where: 's.seconds IS NOT NULL',
    },
    {
      name: 'popular',
      keys: { category: key('i.category'), item: key('i.item') },
      join: `CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit),
        ('pose', s.pose)) AS i(category, item)`,
      where: `${succeeded} AND i.item <> ''`,
      // Many items, and no window of theirs is longer than 30 days. 10 minutes: with fewer there would be about as many sums
      // as there are rows.
      at: { instant: 's.finished_at', grains: ['week', 'day', 'hour', 'slot'], slotMinutes: 10, daysKept: 32 },
    },
  ],
}

/** Each visitor, by the first visit: how far they have come since. */
export const visitor: Domain = {
  name: 'visitor',
  views: ['users', 'visits', 'generations'],
  entity: { view: 'visits', id: 'visitor_id' },
  columns: { first_at: 'timestamptz', source: text, step: 'smallint' },
  dirtiedBy: {
    visits: 'SELECT visitor_id FROM changed',
    // Also the visitor that a user was taken for before.
    users: `SELECT visitor_id FROM changed WHERE visitor_id IS NOT NULL
      UNION SELECT u.visitor_id FROM changed JOIN rollup_account u ON u.id = changed.user_id WHERE u.visitor_id IS NOT NULL`,
    // Who has come all the way is taken back only by a generation that succeeded and does so no more. How it was is known
    // once its own states are built, where they wait for nothing.
    generations: `SELECT u.visitor_id FROM changed AS c
      JOIN ${lookUp('visitor_id', 'rollup_account WHERE id = c.user_id')} AS u ON u.visitor_id IS NOT NULL
      LEFT JOIN ${lookUp('step', 'rollup_visitor WHERE id = u.visitor_id')} AS v ON true
      LEFT JOIN ${lookUp('status, finished_at', 'rollup_generation WHERE id = c.generation_id')} AS g ON true
      WHERE v.step IS DISTINCT FROM 3
        OR (g.status = 'succeeded' AND (c.status <> 'succeeded' OR c.finished_at IS DISTINCT FROM g.finished_at))
        OR EXISTS (SELECT FROM rollup_generation_dirty AS waiting WHERE waiting.id = c.generation_id)
        OR NOT EXISTS (SELECT FROM rollup_part WHERE name = '${generation.name}' AND ready)`,
  },
  contribution: (entities) => `
SELECT d.id, v.visited_at AS first_at, v.source,
  CASE WHEN NOT u.signed_up THEN 1 WHEN NOT u.has_generated THEN 2 ELSE 3 END::smallint AS step, u.next_at
FROM ${entities()}
CROSS JOIN LATERAL (
  SELECT visited_at, coalesce(source::text, '') AS source FROM visits
  WHERE visitor_id = d.id AND visited_at <= :as_of
  ORDER BY visited_at, visit_id LIMIT 1
) AS v
CROSS JOIN LATERAL (
  SELECT coalesce(bool_or(u.created_at <= :as_of), false) AS signed_up,
    coalesce(bool_or(u.created_at <= :as_of AND EXISTS (
      SELECT FROM generations g WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at <= :as_of
    )), false) AS has_generated,
    min(least(${ahead('u.created_at')}, (
      SELECT min(g.finished_at) FROM generations g
      WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at > :as_of
    ))) AS next_at
  FROM users u WHERE u.visitor_id = d.id
  HAVING NOT coalesce(bool_or(u.is_internal), false)
) AS u`,
  indexes: ['(first_at)'],
  cells: [
    {
      name: 'funnel',
      keys: { source: key('s.source'), step: { type: 'smallint', from: 's.step' } },
      at: { instant: 's.first_at', grains: ['ever', 'day', 'hour'] },
    },
  ],
}
