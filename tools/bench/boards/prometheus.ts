interface Answer<Data> {
  status: string
  error?: string
  data: Data
}

/** One answer of Prometheus's API. */
export async function ask<Data>(url: string, path: string, parameters: Record<string, string>): Promise<Data> {
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  const body = (await response.json()) as Answer<Data>
  if (body.status !== 'success')
    throw new Error(`Prometheus answers ${body.error} to ${path} ${parameters.query ?? ''}`)
  return body.data
}

export interface RangeResult {
  metric: Record<string, string>
  /** Seconds since 1970, and a number as text. */
  values: [number, string][]
}

/** @param range in seconds since 1970 */
export async function rangeQuery(
  url: string,
  query: string,
  range: { start: number; end: number; step: number },
): Promise<RangeResult[]> {
  const { start, end, step } = range
  const span = { start: String(start), end: String(end), step: String(step) }
  return (await ask<{ result: RangeResult[] }>(url, 'query_range', { query, ...span })).result
}
