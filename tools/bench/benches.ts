import type { Bench } from './define.ts'

export const benches: readonly Bench[] = [
  {
    name: 'store',
    title: 'What a refresh costs',
    summary:
      'a refresh beside plain SQL and beside a shorter history, and the first build; on a Postgres of its own, or on the one whose superuser BENCH_DATABASE_URL names',
    load: async () => (await import('./store/store.ts')).benchStore,
  },
  {
    name: 'scrape',
    title: 'What a scrape costs',
    summary:
      'fifty scrapers on one exporter with 2,000 and with 15,000 series, beside a bare server that sends the same; on a Postgres of its own, or on the one whose superuser BENCH_DATABASE_URL names',
    load: async () => (await import('./scrape/scrape.ts')).benchScrape,
  },
  {
    name: 'audit',
    title: 'What the audit API costs',
    summary:
      'ingest beside a bare INSERT, pages of 10 million events at any depth, and the export of all of them beside psql; on a Postgres of its own, or on the one whose superuser BENCH_DATABASE_URL names',
    load: async () => (await import('./audit/audit.ts')).benchAudit,
  },
  {
    name: 'boards',
    title: 'What a board costs',
    summary:
      'all that each board asks of a Prometheus with 30 days of scrapes, recording rules included; on Postgres as the others, for the figures',
    load: async () => (await import('./boards/boards.ts')).benchBoards,
  },
  {
    name: 'scale',
    title: 'How the cost grows',
    summary:
      'a refresh, the first build, the store and the audit log in three sizes of the platform, each ten times the one before; on Postgres as the others',
    load: async () => (await import('./scale/scale.ts')).benchScale,
  },
]
