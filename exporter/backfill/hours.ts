import { UserError } from '../../lib/user-error.ts'

/** The full hours (UTC) of which samples are made: the first, and how many. */
export interface Hours {
  firstMs: number
  count: number
}

export const hourMs = 3_600_000
/** 11 years: what one series needs in memory while it is written grows with it. */
const hoursMax = 100_000

/**
 * The full hours of [from, to) that have come. A date is its midnight in UTC.
 * @throws {UserError} for what is neither a date nor an instant, and where no full hour lies between the two
 */
export function hoursBetween(from: string, to: string | undefined, nowMs: number): Hours {
  const fromMs = instantMs('--from', from)
  const toMs = to === undefined ? nowMs : instantMs('--to', to)
  const firstMs = Math.ceil(fromMs / hourMs) * hourMs
  // Of the hour that begins now all that belongs to it has happened; what comes later is not known yet.
  const endMs = Math.min(toMs, nowMs + 1)
  const count = Math.ceil((endMs - firstMs) / hourMs)
  if (count < 1) {
    const shown = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`
    throw new UserError(
      `--from, --to: no full hour that has come lies in ${shown}; expected --from before --to and now`,
    )
  }
  if (count > hoursMax) throw new UserError(`--from, --to: ${count} hours; expected at most ${hoursMax}`)
  return { firstMs, count }
}

const date = /^\d{4}-\d\d-\d\d$/
const instant = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$/

function instantMs(flag: string, text: string): number {
  const isDate = date.test(text)
  const ms = isDate || instant.test(text) ? Date.parse(isDate ? `${text}T00:00:00Z` : text) : Number.NaN
  // Date.parse takes the 31st of February for the 3rd of March.
  const isOneOfTheCalendar = !isDate || (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text))
  if (Number.isNaN(ms) || !isOneOfTheCalendar) {
    throw new UserError(
      `${flag}: ${text}; expected a date such as 2026-07-01 or an instant such as 2026-07-01T06:00:00Z`,
    )
  }
  return ms
}
