const shape = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})$/

/**
 * An RFC 3339 time as UTC to the microsecond, `2026-03-01T12:00:00.000000Z`; finer digits are cut off, since Postgres
 * keeps no more. A JavaScript Date would keep only milliseconds, and two events could then change places.
 * @returns undefined for what is no such time, e.g. 30 February or one without its offset.
 */
export function toUtcMicroseconds(text: string): string | undefined {
  if (isPlainUtc(text)) return `${text.slice(0, 23)}000Z`
  const match = shape.exec(text)
  if (match === null) return undefined
  const [, day = '', clock = '', fraction = '', zone = ''] = match
  const epochMs = Date.parse(`${day}T${clock}${zone.toUpperCase()}`)
  if (Number.isNaN(epochMs)) return undefined
  const whole = new Date(epochMs).toISOString()
  // Date takes 31 February for 3 March; a day that comes back as another is no day.
  if (!whole.startsWith(day) && new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) return undefined
  return whole.length === 24 ? `${whole.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z` : undefined
}

const plain = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** A right time as `toISOString` writes it, which is how nearly every one comes; making it again to compare took five times as long. */
function isPlainUtc(text: string): boolean {
  if (!plain.test(text)) return false
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)]
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)]
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month) && hour < 24 && minute < 60 && second < 60
}

const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function daysOf(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return month === 2 && isLeap ? 29 : (daysInMonth[month - 1] ?? 0)
}

function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let index = from; index < to; index += 1) value = value * 10 + text.charCodeAt(index) - 0x30
  return value
}
