import { balanceBuckets, characterBuckets, type NumberBucket } from '../../catalogue/buckets.ts'
import { usualCurrencyDecimals } from '../../catalogue/currencies.ts'
import { type KeptSet, type Label, type LabelsOf, valuesOf } from '../../catalogue/define.ts'
import type { mrrMovement, subscriptionChanges } from '../../catalogue/revenue.ts'
import type { users } from '../../catalogue/users.ts'
import {
  type CalendarUnit,
  type RollingWindow,
  rollingWindowHours,
  sqlInterval,
  unitOfWindow,
  type Window,
} from '../../catalogue/windows.ts'
import { ahead } from '../store/domain.ts'

type Activity = LabelsOf<typeof users>['activity']
type Change = LabelsOf<typeof subscriptionChanges>['change']
type Movement = LabelsOf<typeof mrrMovement>['movement']

/**
 * The rules that several definitions share, each as a piece of SQL, so that none stands twice. `u` is the alias of `users`
 * throughout; a row that belongs to a user is joined by `LEFT JOIN users u USING (user_id)`.
 *
 * What the contract does not foresee: a type or a quality of its own is the label `other`, so that totals stay whole; a
 * status or a kind of its own counts nowhere, since nobody knows what it means (but a subscription that runs is one,
 * whatever its status).
 */

/**
 * Internal users are counted nowhere. A row whose user is not in `users` counts: it happened, like a deleted user's.
 * The flag is taken as it is now, also of a user whose created_at lies ahead: staff stay staff.
 */
export const notInternal = 'NOT coalesce(u.is_internal, false)'

/** Who is: registered by as_of, not deleted by then, not internal. */
export const liveUser =
  'NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)'

/** A user who counts, registered by as_of. */
export const isCounted = `${notInternal} AND u.created_at <= :as_of`

/** The instants that are still ahead at which a user begins or ends to live. */
export const lives = [ahead('u.created_at'), ahead('u.deleted_at')].join(', ')

/** A key of sums that is text. */
export const text = (from: string): { type: string; from: string } => ({ type: 'text', from })

/** The country of a user as states keep it. */
export const country = `coalesce(u.country::text, '') AS country`

/** The values of a label of our own enumeration, as a list in SQL. */
export const oneOfSql = (label: Label): string =>
  valuesOf(label)
    .map((value) => `'${value}'`)
    .join(', ')

/** A label from the source: its kept values, `unknown` for NULL and the empty string, `other` for the rest. */
export function fold(expression: string, set: KeptSet): string {
  const always = set === 'tier' ? ` WHEN (${expression})::text = 'free' THEN 'free'` : ''
  return `CASE WHEN coalesce((${expression})::text, '') IN ('', 'unknown') THEN 'unknown'${always}
    WHEN (${expression})::text = ANY (:kept_${set}) THEN (${expression})::text ELSE 'other' END`
}

/** A label that the contract enumerates: whatever else the source holds is `other`, so that no total loses it. */
export function foldOneOf(expression: string, values: readonly string[]): string {
  const list = values.map((value) => `'${value}'`).join(', ')
  return `CASE WHEN (${expression})::text IN (${list}) THEN (${expression})::text ELSE 'other' END`
}

/**
 * The first instant of the local day, week or month. Where clocks go back from 01:00 to 00:00 (Azores, Havana) a midnight comes
 * twice, and date_trunc takes the second: an hour after 23:00 of the day before is the first.
 */
function beginningOf(unit: CalendarUnit): string {
  return `least(
    date_trunc('${unit}', :as_of, :timezone),
    (date_trunc('${unit}', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour')`
}

const isRolling = (window: Window): window is RollingWindow => window in rollingWindowHours

/**
 * A relation `w(window, since, after)` of windows and, by `inWindow`, whether an instant lies in one. Calendar windows
 * begin with the local day, week (Monday) or month and include their first instant; rolling ones are exactly so many
 * hours back and exclude it.
 */
export function windows(names: readonly Window[]): string {
  const rows = names.map((name) => {
    if (name === 'ever') return `('ever', NULL::timestamptz, NULL::timestamptz)`
    if (isRolling(name)) return `('${name}', NULL::timestamptz, :as_of - ${sqlInterval(name)})`
    return `('${name}', ${beginningOf(unitOfWindow[name])}, NULL::timestamptz)`
  })
  return `(VALUES ${rows.join(', ')}) AS w("window", since, after)`
}

export function inWindow(instant: string): string {
  return `${instant} <= :as_of AND (w.since IS NULL OR ${instant} >= w.since) AND (w.after IS NULL OR ${instant} > w.after)`
}

/**
 * What a subscription costs a year and how many months that is for, in minor units: month × 12 / 12n, year / 12n,
 * week × 52 / 12n. An interval that is none of these, or 0 of them, has no monthly value: such a subscription adds nothing.
 */
const yearlyMinor = `s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END`
const months = '(12 * nullif(s.interval_count, 0))'

/** Monthly value of a subscription in minor units, not rounded. */
export const monthlyMinor = `${yearlyMinor} / ${months}`

/** The label currency: every ISO code stays. */
export function currencyOf(alias: string): string {
  return `coalesce(nullif(${alias}.currency::text, ''), 'unknown')`
}

/** Minor units in one major unit of a currency, by ISO 4217. */
export function minorPerMajor(currency: string): string {
  return `power(10::numeric, coalesce((:currency_decimals ->> ${currency})::int, ${usualCurrencyDecimals}))`
}

/** Begun and not ended at an instant. */
export function runningAt(instant: string): string {
  return `s.started_at <= ${instant} AND (s.ended_at IS NULL OR s.ended_at > ${instant})`
}

/**
 * Which of several subscriptions is a user's: the dearest by monthly value in major units, ties by tier name. `div` keeps 18
 * decimals whatever the size; `/` keeps more or fewer, so a third of 1,000 JPY and of 1,000 USD would be no tie.
 */
export const dearestFirst = `div(${yearlyMinor} * 1e18, ${months} * ${minorPerMajor(currencyOf('s'))}) DESC NULLS LAST,
    s.tier::text COLLATE "C"`

/** The statuses of a subscription that runs with which it is live: it gives its user a tier. */
export const givesTier = `s.status IN ('active', 'past_due', 'trialing')`

/** A common table expression `tier_of(user_id, tier)`: users with a live subscription; everybody else is `free`. */
export const tierOf = `tier_of AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, ${fold('s.tier', 'tier')} AS tier
  FROM subscriptions s
  WHERE ${runningAt(':as_of')} AND ${givesTier}
  ORDER BY s.user_id, ${dearestFirst}
)`

/** The tier `t.tier` of each dirty user, and `t.next_at`, the next instant at which it may be another. */
export const currentTier = `CROSS JOIN LATERAL (
  SELECT (array_agg(s.tier::text ORDER BY ${dearestFirst}) FILTER (WHERE ${runningAt(':as_of')} AND ${givesTier}))[1] AS tier,
    min(least(${ahead('s.started_at')}, ${ahead('s.ended_at')})) AS next_at
  FROM subscriptions s WHERE s.user_id = d.id
) AS t`

/** The name of the bucket that a whole number lies in. */
const bucketOf = (number: string, buckets: readonly NumberBucket[]): string =>
  `CASE ${buckets
    .flatMap(({ name, upTo }) => (upTo === undefined ? [] : [`WHEN ${number} <= ${upTo} THEN '${name}'`]))
    .join(' ')} ELSE '${buckets.at(-1)?.name}' END`

/** The bucket of a number of characters; NULL is none. */
export const charactersBucket = (n: string): string => bucketOf(`coalesce(${n}, 0)`, characterBuckets)

/** The bucket of a balance of credits. */
export const balanceBucket = (credits: string): string => bucketOf(credits, balanceBuckets)

/** Who generates at all, the most active first: each name is that of its threshold, too. */
const activities = ['power', 'regular', 'casual'] as const satisfies readonly Activity[]
const dormant: Activity = 'dormant'

/** What a user is by the number of generations of 30 days; NULL is none. */
export const activityOf = (n: string): string =>
  `CASE ${activities.map((name) => `WHEN ${n} >= :${name} THEN '${name}'`).join(' ')} ELSE '${dormant}' END`

const movements: Readonly<Record<Change, Movement>> = {
  new: 'new',
  upgrade: 'expansion',
  downgrade: 'contraction',
  cancel: 'churn',
  reactivate: 'reactivation',
}

/** The movement of MRR that a kind of event is. */
export const movementOf = (kind: string): string =>
  `CASE ${kind} ${Object.entries(movements)
    .map(([change, movement]) => `WHEN '${change}' THEN '${movement}'`)
    .join(' ')} END`

/** By how much such an event moved it, as a positive number: what falls is shown by its movement. */
export const movedBy = (kind: string, minor: string): string =>
  `CASE WHEN ${kind} IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (${minor})`
