import type { KeptSet } from '../../catalogue/define.ts'
import { rollingWindowHours } from '../../catalogue/windows.ts'

/**
 * The rules that several definitions share, each as a piece of SQL, so that none stands twice. `u` is the alias of `users`
 * throughout; a row that belongs to a user is joined by `LEFT JOIN users u USING (user_id)`.
 */

/**
 * Internal users are counted nowhere. A row whose user is not in `users` counts: it happened, like a deleted user's.
 * The flag is taken as it is now, also of a user whose created_at lies ahead: staff stay staff.
 */
export const notInternal = 'NOT coalesce(u.is_internal, false)'

/** Who is: registered by as_of, not deleted by then, not internal. */
export const liveUser =
  'NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)'

/** A label from the source: its kept values, `unknown` for NULL and the empty string, `other` for the rest. */
export function fold(expression: string, set: KeptSet): string {
  const always = set === 'tier' ? ` WHEN (${expression})::text = 'free' THEN 'free'` : ''
  return `CASE WHEN coalesce((${expression})::text, '') IN ('', 'unknown') THEN 'unknown'${always}
    WHEN (${expression})::text = ANY (:kept_${set}) THEN (${expression})::text ELSE 'other' END`
}

/** A label that the contract enumerates: whatever else the source holds is `other`, so that no total loses it. */
export function oneOf(expression: string, values: readonly string[]): string {
  const list = values.map((value) => `'${value}'`).join(', ')
  return `CASE WHEN (${expression})::text IN (${list}) THEN (${expression})::text ELSE 'other' END`
}

type Window = 'today' | 'week' | 'month' | keyof typeof rollingWindowHours | 'ever'

/**
 * A relation `w(window, since, after)` of windows and, by `inWindow`, whether an instant lies in one. Calendar windows
 * begin with the local day, week (Monday) or month and include their first instant; rolling ones are exactly so many
 * hours back and exclude it.
 */
export function windows(...names: readonly Window[]): string {
  const rows = names.map((name) => {
    if (name === 'ever') return `('ever', NULL::timestamptz, NULL::timestamptz)`
    if (name in rollingWindowHours) {
      const hours = rollingWindowHours[name as keyof typeof rollingWindowHours]
      return `('${name}', NULL::timestamptz, :as_of - interval '${hours} hours')`
    }
    const unit = name === 'today' ? 'day' : name
    return `('${name}', date_trunc('${unit}', :as_of, :timezone), NULL::timestamptz)`
  })
  return `(VALUES ${rows.join(', ')}) AS w("window", since, after)`
}

export function inWindow(instant: string): string {
  return `${instant} <= :as_of AND (w.since IS NULL OR ${instant} >= w.since) AND (w.after IS NULL OR ${instant} > w.after)`
}

/** Monthly value of a subscription in minor units, not rounded: month / n, year / 12n, week × 52 / 12n. */
export const monthlyMinor = `CASE s.interval
    WHEN 'month' THEN s.amount_minor::numeric / s.interval_count
    WHEN 'year' THEN s.amount_minor::numeric / (12 * s.interval_count)
    WHEN 'week' THEN s.amount_minor::numeric * 52 / (12 * s.interval_count)
  END`

/** Minor units in one major unit of a currency, by ISO 4217. */
export function minorPerMajor(currency: string): string {
  return `power(10::numeric, coalesce((:currency_decimals ->> (${currency})::text)::int, 2))`
}

/** Begun and not ended at an instant. */
export function runningAt(instant: string): string {
  return `s.started_at <= ${instant} AND (s.ended_at IS NULL OR s.ended_at > ${instant})`
}

/** Which of several subscriptions is a user's: the dearest by monthly value in major units, ties by tier name. */
export const dearestFirst = `${monthlyMinor} / ${minorPerMajor('s.currency')} DESC, s.tier::text COLLATE "C"`

/** A common table expression `tier_of(user_id, tier)`: users with a live subscription; everybody else is `free`. */
export const tierOf = `tier_of AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, ${fold('s.tier', 'tier')} AS tier
  FROM subscriptions s
  WHERE ${runningAt(':as_of')} AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY s.user_id, ${dearestFirst}
)`
