import { ahead, type Domain, lookUp } from '../../store/domain.ts'
import {
  activityOf,
  balanceBucket,
  charactersBucket,
  dearestFirst,
  givesTier,
  liveUser,
  notInternal,
  runningAt,
} from '../rules.ts'

const country = `coalesce(u.country::text, '') AS country`
const lives = [ahead('u.created_at'), ahead('u.deleted_at')].join(', ')

/** The tier `t.tier` of each dirty id, and `t.next_at`, the next instant at which it may be another. */
const tier = `CROSS JOIN LATERAL (
  SELECT (array_agg(s.tier::text ORDER BY ${dearestFirst}) FILTER (WHERE ${runningAt(':as_of')} AND ${givesTier}))[1] AS tier,
    min(least(${ahead('s.started_at')}, ${ahead('s.ended_at')})) AS next_at
  FROM subscriptions s WHERE s.user_id = d.id
) AS t`

/** The newest of a user's rows up to as_of: the first entry of the index on (user_id, time) read backwards. */
const newest = (view: string, instant: string): string => `CROSS JOIN LATERAL (
  SELECT max(${instant}) AS at FROM ${view} WHERE user_id = d.id AND ${instant} <= :as_of
) AS newest`

/** Of the rolling windows 1d, 7d, 30d those that hold the newest row: 3, 2, 1; 0 for none. */
const levelAt = (newestAt: string): string => `CASE WHEN ${newestAt} > :as_of - interval '24 hours' THEN 3
  WHEN ${newestAt} > :as_of - interval '168 hours' THEN 2
  WHEN ${newestAt} > :as_of - interval '720 hours' THEN 1 ELSE 0 END::smallint`
const level = `CASE WHEN ${liveUser} THEN ${levelAt('newest.at')} ELSE 0 END::smallint AS level`
const leavesWindow = (newestAt: string): string => `CASE
  WHEN ${newestAt} > :as_of - interval '24 hours' THEN ${newestAt} + interval '24 hours'
  WHEN ${newestAt} > :as_of - interval '168 hours' THEN ${newestAt} + interval '168 hours'
  WHEN ${newestAt} > :as_of - interval '720 hours' THEN ${newestAt} + interval '720 hours' END`
/** Most who are due only leave a window, which follows from their newest row: two or three of four of all that is computed. */
const staysLive = `s.changes_at IS NULL OR s.changes_at > :as_of`
const levelLater = `CASE WHEN s.level = 0 THEN 0 ELSE ${levelAt('s.newest_at')} END::smallint`
const leavesLater = `least(s.changes_at, ${leavesWindow('s.newest_at')})`

const text = 'text'
const created = 'SELECT user_id FROM changed WHERE is_new'

/** Every user as they are: what facts and other domains ask of a user, and the sign-ups. */
export const account: Domain = {
  name: 'account',
  views: ['users'],
  entity: { view: 'users', id: 'user_id' },
  columns: {
    is_internal: 'boolean',
    counted: 'boolean',
    created_at: 'timestamptz',
    deleted_at: 'timestamptz',
    source: text,
    country: text,
    visitor_id: text,
  },
  contribution: (entities) => `
SELECT d.id, u.is_internal, ${notInternal} AND u.created_at <= :as_of AS counted, u.created_at, u.deleted_at,
  coalesce(u.signup_source::text, '') AS source, ${country}, u.visitor_id::text AS visitor_id,
  ${ahead('u.created_at')} AS next_at
FROM ${entities('u')}`,
  cells: [
    {
      name: 'signups',
      keys: { source: { type: text, from: 's.source' }, country: { type: text, from: 's.country' } },
      where: 's.counted',
      at: { instant: 's.created_at', grains: ['ever', 'day'] },
    },
  ],
}

export const population: Domain = {
  name: 'population',
  views: ['users', 'subscriptions', 'characters', 'generations'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', tier: text, country: text, characters: text, activity: text },
  dirtiedBy: { generations: created },
  // Of generations no more than the threshold's number are looked at, however busy a user is; the activity falls when the
  // last one that it stands on leaves the window.
  contribution: (entities) => `
SELECT d.id, ${liveUser} AS counted, coalesce(t.tier, 'free') AS tier, ${country},
  ${charactersBucket('c.n')} AS characters,
  ${activityOf('g.n')} AS activity,
  least(${lives}, t.next_at, c.next_at, g_next.at, CASE WHEN g.n >= :power THEN g.at[:power] WHEN g.n >= :regular
    THEN g.at[:regular] WHEN g.n >= :casual THEN g.at[:casual] END + interval '720 hours') AS next_at
FROM ${entities('u')} ${tier}
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(${ahead('created_at')}, ${ahead('deleted_at')})) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS n, array_agg(created_at ORDER BY created_at DESC) AS at FROM (
    SELECT created_at FROM generations
    WHERE user_id = d.id AND created_at > :as_of - interval '720 hours' AND created_at <= :as_of
    ORDER BY created_at DESC LIMIT :power
  ) AS newest
) AS g
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next`,
  cells: [
    {
      name: 'users',
      keys: {
        tier: { type: text, from: 's.tier' },
        country: { type: text, from: 's.country' },
        characters: { type: text, from: 's.characters' },
        activity: { type: text, from: 's.activity' },
      },
      where: 's.counted',
    },
  ],
}

export const active: Domain = {
  name: 'active',
  views: ['users', 'sessions', 'subscriptions'],
  entity: { view: 'users', id: 'user_id' },
  columns: {
    level: 'smallint',
    tier: text,
    country: text,
    newest_at: 'timestamptz',
    // When the tier, or that the user lives, may be another; the window's edge is beside it.
    changes_at: 'timestamptz',
  },
  contribution: (entities) => `
SELECT d.id, ${level}, coalesce(t.tier, 'free') AS tier, ${country}, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, ${leavesWindow('newest.at')}) AS next_at
FROM ${entities('u')} ${newest('sessions', 'started_at')} ${tier}
CROSS JOIN LATERAL (SELECT least(${lives}, t.next_at) AS at) AS later`,
  aged: { where: staysLive, values: [levelLater, 's.tier', 's.country', 's.newest_at', 's.changes_at', leavesLater] },
  cells: [
    {
      name: 'active_users',
      keys: {
        level: { type: 'smallint', from: 's.level' },
        tier: { type: text, from: 's.tier' },
        country: { type: text, from: 's.country' },
      },
      where: 's.level > 0',
    },
  ],
}

export const generating: Domain = {
  name: 'generating',
  views: ['users', 'generations'],
  entity: { view: 'users', id: 'user_id' },
  columns: { level: 'smallint', newest_at: 'timestamptz', changes_at: 'timestamptz' },
  dirtiedBy: { generations: created },
  contribution: (entities) => `
SELECT d.id, ${level}, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, ${leavesWindow('newest.at')}) AS next_at
FROM ${entities('u')} ${newest('generations', 'created_at')}
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
CROSS JOIN LATERAL (SELECT least(${lives}, g_next.at) AS at) AS later`,
  aged: { where: staysLive, values: [levelLater, 's.newest_at', 's.changes_at', leavesLater] },
  cells: [{ name: 'generating_users', keys: { level: { type: 'smallint', from: 's.level' } }, where: 's.level > 0' }],
}

const weeksSinceSignup = (instant: string): string =>
  `least(26, floor(extract(epoch FROM ${instant} - u.created_at) / 604800))::smallint`
/** Weeks that have begun since the state was computed: one, unless refreshes were far apart. */
const weeksLater = `(1 + floor(extract(epoch FROM :as_of - s.next_at) / 604800))`
const isCounted = `${notInternal} AND u.created_at <= :as_of`

export const lifetime: Domain = {
  name: 'lifetime',
  views: ['users', 'sessions'],
  entity: { view: 'users', id: 'user_id' },
  columns: { begun: 'smallint', survived: 'smallint' },
  // Only a session in a later week than that of the newest one tells anything.
  dirtiedBy: {
    sessions: `SELECT c.user_id FROM changed AS c
      LEFT JOIN ${lookUp('created_at', 'rollup_account WHERE id = c.user_id')} AS u ON true
      LEFT JOIN ${lookUp('survived', 'rollup_lifetime WHERE id = c.user_id')} AS s ON true
      WHERE u.created_at IS NULL OR s.survived IS NULL OR ${weeksSinceSignup('c.started_at')} > s.survived`,
  },
  aged: {
    where: 's.begun IS NOT NULL',
    values: [
      `least(26, s.begun + ${weeksLater})::smallint`,
      's.survived',
      `CASE WHEN s.begun + ${weeksLater} < 26 THEN s.next_at + ${weeksLater} * interval '168 hours' END`,
    ],
  },
  contribution: (entities) => `
SELECT d.id, CASE WHEN ${isCounted} THEN ${weeksSinceSignup(':as_of')} END AS begun,
  CASE WHEN ${isCounted} AND newest.at >= u.created_at THEN ${weeksSinceSignup('newest.at')} END AS survived,
  CASE WHEN u.created_at > :as_of THEN u.created_at
    WHEN ${isCounted} AND u.created_at + 26 * interval '168 hours' > :as_of
    THEN u.created_at + (${weeksSinceSignup(':as_of')} + 1) * interval '168 hours' END AS next_at
FROM ${entities('u')} ${newest('sessions', 'started_at')}`,
  cells: [
    {
      name: 'lifetime_begun',
      keys: { week: { type: 'smallint', from: 's.begun' } },
      where: 's.begun IS NOT NULL',
    },
    {
      name: 'lifetime_survived',
      keys: { week: { type: 'smallint', from: 's.survived' } },
      where: 's.survived IS NOT NULL',
    },
  ],
}

const localDay = (instant: string): string => `(${instant} AT TIME ZONE :timezone)::date`

/**
 * Whether there is a session on the Nth day after sign-up. The range is wide enough for any change of the clocks, so that
 * the index finds the few rows of which the date decides.
 */
const returnedOn = (days: number): string => `EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND ${localDay('started_at')} = cohort.day + ${days}
      AND started_at > (cohort.day + ${days})::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + ${days + 1})::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  )`

export const retention: Domain = {
  name: 'retention',
  views: ['users', 'sessions'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', day: 'date', d1: 'boolean', d7: 'boolean', d30: 'boolean' },
  dirtiedBy: {
    sessions: `SELECT c.user_id FROM changed AS c
      LEFT JOIN ${lookUp('created_at', 'rollup_account WHERE id = c.user_id')} AS u ON true
      WHERE u.created_at IS NULL OR ${localDay('c.started_at')} - ${localDay('u.created_at')} IN (1, 7, 30)`,
  },
  contribution: (entities) => `
SELECT d.id, ${isCounted} AS counted, cohort.day,
  ${returnedOn(1)} AS d1,
  ${returnedOn(7)} AS d7,
  ${returnedOn(30)} AS d30,
  ${ahead('u.created_at')} AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (SELECT ${localDay('u.created_at')} AS day) AS cohort`,
  cells: [
    {
      name: 'cohorts',
      keys: { day: { type: 'date', from: 's.day' } },
      amounts: { d1: 's.d1::int', d7: 's.d7::int', d30: 's.d30::int' },
      where: 's.counted',
    },
  ],
}

export const characterOwner: Domain = {
  name: 'character_owner',
  views: ['users', 'characters'],
  entity: { view: 'users', id: 'user_id' },
  columns: { characters: 'bigint' },
  contribution: (entities) => `
SELECT d.id, CASE WHEN ${liveUser} THEN c.n ELSE 0 END AS characters, least(${lives}, c.next_at) AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(${ahead('created_at')}, ${ahead('deleted_at')})) AS next_at
  FROM characters WHERE user_id = d.id
) AS c`,
  cells: [{ name: 'characters', keys: {}, amounts: { characters: 's.characters' }, where: 's.characters > 0' }],
}

export const balance: Domain = {
  name: 'balance',
  views: ['users', 'credit_ledger'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', credits: 'numeric' },
  contribution: (entities) => `
SELECT d.id, ${liveUser} AS counted, l.credits, least(${lives}) AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
    WHEN kind IN ('consumed', 'expired') THEN -credits END), 0) AS credits
  FROM credit_ledger WHERE user_id = d.id AND created_at <= :as_of
) AS l`,
  cells: [
    {
      name: 'balances',
      keys: {
        balance: { type: text, from: balanceBucket('s.credits') },
      },
      amounts: { credits: 's.credits' },
      where: 's.counted',
    },
  ],
}
