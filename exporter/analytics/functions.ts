import { content } from './content.ts'
import { revenue } from './revenue.ts'
import { users } from './users.ts'

/**
 * A function of the store's schema by which the audit API reads a figure over a range, or by bucket of it. All take
 * `(period text, since timestamptz, until timestamptz, filters jsonb)`; `bucket` is the first local day of the day, week or
 * month, NULL where the period is `all`. `filters` has lists of label values by name, as the metrics show them.
 */
export interface AnalyticsFunction {
  /** The function is `analytics_<name>`. */
  name: string
  /** Names and types of what it gives. */
  returns: Readonly<Record<string, string>>
  /** The parts of the store that must be whole, feeds for what is read from the views. */
  parts: readonly string[]
  /** One statement; `:as_of`, `:period`, `:since`, `:until`, `:filters` and a figure's other names stand for values. */
  sql: string
}

export const analyticsFunctions: readonly AnalyticsFunction[] = [...users, ...content, ...revenue]
