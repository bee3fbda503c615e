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

/** As `toISOString` writes it, which is how nearly every time comes. */
function isPlainUtc(text: string): boolean {
  if (text.length !== 24 || text[10] !== 'T' || text[23] !== 'Z') return false
  const epochMs = Date.parse(text)
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString() === text
}
