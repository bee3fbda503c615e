/** A share as it is written in a sentence. */
export const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** The seconds of a duration with one unit, such as 5m. */
export function secondsOf(duration: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? []
  if (unit === undefined) throw new Error(`${duration}; expected a number and s, m, h or d`)
  return Number(count) * unitSeconds[unit as keyof typeof unitSeconds]
}
