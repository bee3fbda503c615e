/** Fifty Prometheus servers on one exporter. */
export const scrapers = 50

/** What the scrapers do; `scrapers.ts` does it in a process of its own. */
export type Load =
  /** All ask at the same instant, again and again; where there are several targets these are asked in turn. */
  | { kind: 'together'; targets: readonly string[]; everyMs: number; times: number }
  /** Each asks at an instant of its own, as Prometheus spreads its scrapes. */
  | { kind: 'apart'; targets: readonly string[]; everyMs: number; times: number }
  /** Each asks again as soon as it has its answer: fifty requests are under way at any time. */
  | { kind: 'loop'; targets: readonly string[]; seconds: number }

export interface LoadResult {
  /** Milliseconds from the request to the last byte of its answer, of each scrape; by target. */
  latenciesMs: readonly (readonly number[])[]
  /** How long each target was asked; in turn, the whole. */
  seconds: number
}

/** What Prometheus 3 sends. */
export const scrapeHeaders = {
  accept:
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  'accept-encoding': 'gzip',
  'user-agent': 'Prometheus/3.5.0',
  'x-prometheus-scrape-timeout-seconds': '10',
} as const
