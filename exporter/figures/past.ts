/** The building blocks of a figure's past: see `Past` of the store. */

/**
 * The hour at which an instant is first seen: itself where it is one. What is before `:epoch` counts from there, what is
 * after `:to` is seen at `:end`, which is not written.
 */
export function hourOf(instant: string): string {
  return `date_bin('1 hour', least(greatest(${instant}, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch)`
}

/** The changes that spans [since, until) make: they come at one and go at the other. */
export function changesOfSpans(spans: string, labels: readonly string[], value = '1'): string {
  const names = labels.map((label) => `span."${label}", `).join('')
  return `SELECT ${names}edge.at, edge.sign * (${value}) AS value, edge.sign AS n
FROM (${spans} OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until`
}
