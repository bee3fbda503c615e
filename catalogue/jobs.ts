import type { Exposition } from './define.ts'

/** The jobs under which Prometheus scrapes us and the platform, and how often, in seconds, as provisioning/prometheus has it. */
export const scrapeSeconds = {
  'barometer-exporter': 30,
  'barometer-probes': 5,
  'barometer-audit-api': 5,
  'platform-api': 15,
} as const
export type Job = keyof typeof scrapeSeconds

export const jobs = Object.keys(scrapeSeconds) as readonly Job[]
export const platformJob = 'platform-api' satisfies Job
/** The jobs of our own services. */
export const ownJobs: readonly Job[] = jobs.filter((job) => job !== platformJob)

/** Where each exposition is scraped. */
export const jobOfExposition = {
  figures: 'barometer-exporter',
  self: 'barometer-exporter',
  probes: 'barometer-probes',
  'audit-api': 'barometer-audit-api',
  'platform-api': platformJob,
} as const satisfies Record<Exposition, Job>
