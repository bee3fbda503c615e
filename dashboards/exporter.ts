import { board } from './board.ts'
import { chain, exportsOverTime, ingest, looks, requestsOfApi } from './exporter/audit-api.ts'
import { collectorDuration, collectors, seriesByCollector } from './exporter/collectors.ts'
import { replicas, snapshotAge, snapshotAgeOverTime, versions } from './exporter/refresh.ts'
import { scrapeDuration, scrapeSamples, targetsUp } from './exporter/scrapes.ts'

/** Barometer about itself: whether its own figures can be believed. */
export const exporter = {
  name: 'exporter',
  build: () =>
    board({
      name: 'exporter',
      title: 'Barometer itself',
      description: 'Whether the figures are fresh and whole: refreshes, collectors, scrapes, and the audit API.',
      from: 'now-24h',
      sections: [
        { title: 'Now', panels: [snapshotAge(), targetsUp(), replicas(), versions()] },
        {
          title: 'Refreshes and collectors',
          panels: [snapshotAgeOverTime(), collectorDuration(), collectors(), seriesByCollector()],
        },
        { title: 'Scrapes', panels: [scrapeDuration(), scrapeSamples()] },
        { title: 'Audit API', panels: [ingest(), chain(), exportsOverTime(), requestsOfApi(), looks()] },
      ],
    }),
} as const
