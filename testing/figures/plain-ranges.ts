import {
  activityOf,
  charactersBucket,
  currencyOf,
  fold,
  foldOneOf,
  liveUser,
  minorPerMajor,
  notInternal,
  tierOf,
} from '../../exporter/figures/rules.ts'

/** The figures of the functions by plain SQL over the views, for tests: one pass over the rows, no cells, no edges. */
export interface Plain {
  name: string
  filters: Readonly<Record<string, string | readonly string[]>>
  /** In the order of the plain statement. */
  columns: string
  sql: (over: { period: string; since: string; until: string }) => string
}

interface Over {
  period: string
  since: string
  until: string
}

const bucket = (instant: string, period: string): string =>
  period === 'all' ? 'NULL::date' : `date_trunc('${period}', ${instant} AT TIME ZONE :timezone)::date`
const within = (instant: string, { since, until }: Over): string =>
  `${instant} >= '${since}' AND ${instant} < '${until}' AND ${instant} <= :as_of`

/** Every user's segments, as they are at as_of. */
const segments = `${tierOf},
segment AS (
  SELECT u.user_id, coalesce(t.tier, 'free') AS tier, ${fold('u.country', 'country')} AS country,
    ${charactersBucket('(SELECT count(*) FROM characters c WHERE c.user_id = u.user_id AND c.created_at <= :as_of AND (c.deleted_at IS NULL OR c.deleted_at > :as_of))')} AS characters,
    ${activityOf(`(SELECT count(*) FROM generations g WHERE g.user_id = u.user_id AND g.created_at > :as_of - interval '720 hours' AND g.created_at <= :as_of)`)} AS activity
  FROM users u LEFT JOIN tier_of t USING (user_id)
)`

const segmentFilters: readonly Record<string, readonly string[]>[] = [
  {},
  { tier: ['free'] },
  { tier: ['pro', 'basic', 'other'], activity: ['casual', 'dormant', 'regular'] },
  { country: ['DE', 'US', 'unknown'] },
  { characters: ['0', '1'] },
]

const contentFilters: readonly Record<string, string | readonly string[]>[] = [
  {},
  { by: 'type' },
  { by: 'aspect_ratio', rating: ['sfw'] },
  { quality: ['hq'], type: ['studio', 'other'] },
  { by: 'rating', quality: ['draft', 'other'] },
]

const list = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ')

function where(filters: Readonly<Record<string, string | readonly string[]>>, columns: Record<string, string>): string {
  const parts = Object.entries(filters).flatMap(([name, values]) =>
    name === 'by' || typeof values === 'string' ? [] : [`${columns[name]} IN (${list(values)})`],
  )
  return parts.length === 0 ? 'true' : parts.join(' AND ')
}

const inSegment = { tier: 's.tier', country: 's.country', characters: 's.characters', activity: 's.activity' }
const type = foldOneOf('g.type', ['studio', 'base_image', 'profile_picture'])
const quality = foldOneOf('g.quality', ['draft', 'hq'])
const rating = `CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END`
const dimension: Record<string, string> = {
  type,
  quality,
  rating,
  aspect_ratio: fold('g.aspect_ratio', 'aspect_ratio'),
}

/** Each function once, with filters that differ from place to place. */
export function plain(place: number): Plain[] {
  const segment = segmentFilters[place % segmentFilters.length] ?? {}
  const content = contentFilters[place % contentFilters.length] ?? {}
  return [...usersBy(segment), ...contentBy(content), ...money(place)]
}

function usersBy(filters: Record<string, readonly string[]>): Plain[] {
  const distinct = (name: string, view: string, instant: string): Plain => ({
    ...{ name, filters, columns: 'bucket, users' },
    sql: (over) => `WITH ${segments}
SELECT ${bucket(`x.${instant}`, over.period)}, count(DISTINCT u.user_id)
FROM ${view} x JOIN users u USING (user_id) JOIN segment s USING (user_id)
WHERE ${liveUser} AND ${within(`x.${instant}`, over)} AND ${where(filters, inSegment)} GROUP BY 1`,
  })
  return [
    {
      ...{ name: 'signups', filters, columns: 'bucket, source, country, n' },
      sql: (over) => `WITH ${segments}
SELECT ${bucket('u.created_at', over.period)}, ${fold('u.signup_source', 'signup_source')}, ${fold('u.country', 'country')}, count(*)
FROM users u JOIN segment s USING (user_id)
WHERE ${notInternal} AND ${within('u.created_at', over)} AND ${where(filters, inSegment)} GROUP BY 1, 2, 3`,
    },
    distinct('active_users', 'sessions', 'started_at'),
    distinct('generating_users', 'generations', 'created_at'),
    {
      ...{ name: 'sessions', filters, columns: 'bucket, n' },
      sql: (over) => `WITH ${segments}
SELECT ${bucket('x.started_at', over.period)}, count(*)
FROM sessions x LEFT JOIN users u USING (user_id) LEFT JOIN segment s USING (user_id)
WHERE ${notInternal} AND ${within('x.started_at', over)} AND ${where(filters, inSegment)} GROUP BY 1`,
    },
    {
      ...{ name: 'retention', filters, columns: 'cohort, users, number, retained' },
      sql: (over) => `WITH ${segments},
quarter AS (SELECT date_bin('15 minutes', '${over.since}'::timestamptz, '2000-01-01Z') AS since),
cohort AS (
  SELECT cohort, min(at) AS starts FROM (
    SELECT ${bucket('at', over.period)} AS cohort, at
    FROM quarter, generate_series(since - interval '70 days', '${over.until}'::timestamptz + interval '70 days', interval '15 minutes') AS g(at)
  ) AS m GROUP BY 1
),
signup AS (
  SELECT u.user_id, ${bucket('u.created_at', over.period)} AS cohort
  FROM users u JOIN segment s USING (user_id)
  WHERE ${notInternal} AND u.created_at <= :as_of AND ${where(filters, inSegment)}
),
asked AS (
  SELECT cohort FROM cohort WHERE starts >= '${over.since}' AND starts < '${over.until}'
)
SELECT cohort, (SELECT count(*) FROM signup s WHERE s.cohort = a.cohort), number, (
  SELECT count(*) FROM signup s WHERE s.cohort = a.cohort AND EXISTS (
    SELECT FROM sessions x WHERE x.user_id = s.user_id AND x.started_at <= :as_of
      AND ${bucket('x.started_at', over.period)} = (a.cohort + number * interval '1 ${over.period}')::date))
FROM asked a CROSS JOIN generate_series(0, ${over.period === 'day' ? 30 : 12}) AS i(number)
WHERE EXISTS (SELECT FROM signup s WHERE s.cohort = a.cohort)
  AND (a.cohort + number * interval '1 ${over.period}')::date < ${bucket(':as_of', over.period)}`,
    },
  ]
}

function contentBy(filters: Readonly<Record<string, string | readonly string[]>>): Plain[] {
  const part = typeof filters.by === 'string' ? (dimension[filters.by] ?? `'all'`) : `'all'`
  const kept = where(filters, dimension)
  const rows = (instant: string, over: Over) =>
    `FROM generations g LEFT JOIN users u USING (user_id) WHERE ${within(instant, over)} AND ${kept}`
  const ended = `g.status IN ('succeeded', 'failed', 'cancelled')`
  return [
    {
      ...{ name: 'generations', filters, columns: 'bucket, part, created, succeeded, failed, cancelled, images' },
      sql: (over) => `WITH event AS (
  SELECT g.created_at AS at, 'created' AS what, 0 AS images, ${part} AS part ${rows('g.created_at', over)} AND ${notInternal}
  UNION ALL
  SELECT g.finished_at, g.status, CASE WHEN g.status = 'succeeded' THEN g.image_count ELSE 0 END, ${part}
  ${rows('g.finished_at', over)} AND ${notInternal} AND ${ended}
)
SELECT ${bucket('at', over.period)}, part, count(*) FILTER (WHERE what = 'created'), count(*) FILTER (WHERE what = 'succeeded'),
  count(*) FILTER (WHERE what = 'failed'), count(*) FILTER (WHERE what = 'cancelled'), sum(images)
FROM event GROUP BY 1, 2`,
    },
    {
      ...{
        name: 'performance',
        filters,
        columns: 'bucket, part, succeeded, failed, cancelled, measured, mean_seconds',
      },
      sql: (over) => `SELECT ${bucket('g.finished_at', over.period)}, ${part},
  count(*) FILTER (WHERE g.status = 'succeeded' AND ${notInternal}), count(*) FILTER (WHERE g.status = 'failed' AND ${notInternal}),
  count(*) FILTER (WHERE g.status = 'cancelled' AND ${notInternal}), count(g.started_at) FILTER (WHERE g.status = 'succeeded'),
  avg(extract(epoch FROM g.finished_at - g.started_at)::float8) FILTER (WHERE g.status = 'succeeded')
${rows('g.finished_at', over)} AND ${ended} GROUP BY 1, 2`,
    },
    {
      ...{ name: 'failures', filters, columns: 'bucket, type, reason, n' },
      sql: (
        over,
      ) => `SELECT ${bucket('g.finished_at', over.period)}, ${type}, ${fold('g.failure_reason', 'failure_reason')}, count(*)
${rows('g.finished_at', over)} AND ${notInternal} AND g.status = 'failed' GROUP BY 1, 2, 3`,
    },
    {
      ...{ name: 'popular', filters, columns: 'category, item, n' },
      sql: (over) => `SELECT i.category, i.item, count(*)
FROM generations g LEFT JOIN users u USING (user_id)
CROSS JOIN LATERAL (VALUES ('scene', g.scene), ('environment', g.environment), ('outfit', g.outfit), ('pose', g.pose)) AS i(category, item)
WHERE ${within('g.finished_at', over)} AND ${kept} AND ${notInternal} AND g.status = 'succeeded' AND i.item <> '' GROUP BY 1, 2`,
    },
  ]
}

function money(place: number): Plain[] {
  const byCurrency: Record<string, readonly string[]> = place % 3 === 0 ? { currency: ['EUR', 'JPY'] } : {}
  const byTier: Record<string, readonly string[]> = place % 3 === 1 ? { tier: ['pro', 'other'] } : {}
  const currency = (alias: string) => where(byCurrency, { currency: currencyOf(alias) })
  const kinds = `e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')`
  const tier = fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')
  return [
    {
      ...{ name: 'payments', filters: byCurrency, columns: 'bucket, kind, currency, n, amount' },
      sql: (
        over,
      ) => `SELECT ${bucket('p.paid_at', over.period)}, p.kind, ${currencyOf('p')}, count(*), sum(p.amount_minor) / ${minorPerMajor(currencyOf('p'))}
FROM payments p LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND p.kind IN ('subscription', 'credits') AND ${within('p.paid_at', over)} AND ${currency('p')}
GROUP BY 1, 2, ${currencyOf('p')}`,
    },
    {
      ...{ name: 'refunds', filters: byCurrency, columns: 'bucket, currency, n, amount' },
      sql: (
        over,
      ) => `SELECT ${bucket('r.refunded_at', over.period)}, ${currencyOf('r')}, count(*), sum(r.amount_minor) / ${minorPerMajor(currencyOf('r'))}
FROM refunds r LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${within('r.refunded_at', over)} AND ${currency('r')} GROUP BY 1, ${currencyOf('r')}`,
    },
    {
      ...{ name: 'credits', filters: {}, columns: 'bucket, kind, credits' },
      sql: (over) => `SELECT ${bucket('l.created_at', over.period)}, l.kind, sum(l.credits)
FROM credit_ledger l LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND l.kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired') AND ${within('l.created_at', over)} GROUP BY 1, 2`,
    },
    {
      ...{ name: 'mrr_movements', filters: byCurrency, columns: 'bucket, movement, currency, amount' },
      sql: (over) => `SELECT ${bucket('e.occurred_at', over.period)},
  CASE e.kind WHEN 'new' THEN 'new' WHEN 'upgrade' THEN 'expansion' WHEN 'downgrade' THEN 'contraction' WHEN 'cancel' THEN 'churn' ELSE 'reactivation' END,
  ${currencyOf('e')},
  sum(CASE WHEN e.kind IN ('downgrade', 'cancel') THEN e.mrr_before_minor - e.mrr_after_minor ELSE e.mrr_after_minor - e.mrr_before_minor END)
    / ${minorPerMajor(currencyOf('e'))}
FROM subscription_events e LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${kinds} AND ${within('e.occurred_at', over)} AND ${currency('e')} GROUP BY 1, 2, ${currencyOf('e')}`,
    },
    {
      ...{ name: 'subscription_changes', filters: byTier, columns: 'bucket, change, tier, n' },
      sql: (over) => `SELECT ${bucket('e.occurred_at', over.period)}, e.kind, ${tier}, count(*)
FROM subscription_events e LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${kinds} AND ${within('e.occurred_at', over)} AND ${where(byTier, { tier })} GROUP BY 1, 2, 3`,
    },
  ]
}
