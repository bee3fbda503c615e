/** What to write in the view for a column of a wrong type, by the type found and the one expected. */
const casts: readonly { found: RegExp; expected: RegExp; write: string }[] = [
  {
    found: /^timestamp without time zone$/,
    expected: /^timestamptz/,
    write: "… AT TIME ZONE 'UTC', where it is UTC as Prisma, Rails and most others write it",
  },
  { found: /^date$/, expected: /^timestamptz/, write: "…::timestamp AT TIME ZONE 'UTC'" },
  {
    found: /^(?:integer|bigint)$/,
    expected: /^timestamptz/,
    write: 'to_timestamp(…) for seconds since 1970, to_timestamp(… / 1000.0) for milliseconds',
  },
  { found: /^(?:integer|smallint)$/, expected: /^bigint, uuid or text/, write: '…::bigint' },
  { found: /./, expected: /^bigint, uuid or text/, write: '…::text' },
  {
    found: /^(?:numeric|real|double precision|money)$/,
    expected: /^bigint/,
    write: 'round(… * 100)::bigint where it is major units of a currency with two decimals',
  },
  { found: /^(?!json|timestamp|bytea|date)/, expected: /^(?:text|char)/, write: '…::text' },
  { found: /^(?:integer|smallint)$/, expected: /^boolean/, write: '… <> 0' },
]

/** A problem of the contract, with what to write in the view where the type alone is wrong. */
export function withCast(problem: string): string {
  const [, found = '', expected = ''] = /: column \w+ is (?!missing)(.+); expected (.+)$/.exec(problem) ?? []
  const cast = casts.find((each) => each.found.test(found) && each.expected.test(expected))
  return found === '' || cast === undefined ? problem : `${problem}: write ${cast.write}`
}
