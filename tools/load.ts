import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { auditServiceRole, migrateAudit } from '../audit-api/migrations/migrate.ts'
import { addToken } from '../audit-api/tokens/tokens.ts'
import { installPlatform } from '../database/platform/install.ts'
import { startRedis } from '../demo/stack/redis.ts'
import { createClient, createPool } from '../lib/postgres.ts'
import { onServer } from './bench/on-server.ts'
import { emptyDatabase } from './bench/postgres.ts'
import { createScrapedPlatform } from './bench/scrape/platform.ts'
import { callsBetween, createStatementCounter, totalOf } from './bench/scrape/statements.ts'
import { atMost, isWithin, type Seen, shown } from './load/bound.ts'
import { insertUsersOfManyLabels, labelsOfAuditApi, labelsOfSource } from './load/labels.ts'
import { manyPods } from './load/pods.ts'
import { startService } from './load/process.ts'
import { manyQueueEvents } from './load/queue-events.ts'
import { stormOfScrapes } from './load/scrapes.ts'
import { slowReaders } from './load/slow-readers.ts'

interface Scenario {
  name: string
  summary: string
  run: () => Promise<Seen[]>
}

/** 15,000 series: near the most that an exporter shows. */
const seriesCount = 15_000
const labelValues = 100_000

const scenarios: readonly Scenario[] = [
  { name: 'scrapes', summary: '500 scrapers of /metrics at the same instant, 20 times', run: scrapes },
  { name: 'slow-readers', summary: '100 connections that read a byte a second', run: slow },
  { name: 'labels', summary: `a source that offers ${labelValues} values of a label`, run: sourceLabels },
  { name: 'audit-labels', summary: `errors of ${labelValues} services and types`, run: auditLabels },
  { name: 'queue', summary: '2,000 queue events a second for 60 s', run: queue },
  { name: 'pods', summary: '200 ComfyUI pods, of which 20 hang', run: pods },
]

new Command('load')
  .description(
    'Puts the services under load on this machine, and holds what is seen against its bounds. Exit 1 where one is broken.',
  )
  .argument('[scenario...]', `of ${scenarios.map(({ name }) => name).join(', ')}; all unless given`)
  .addHelpText('after', ['', ...scenarios.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`)].join('\n'))
  .action(async (names: string[], _, command: Command) => {
    const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name))
    if (unknown !== undefined) {
      command.error(`load: there is no ${unknown}; expected one of ${scenarios.map(({ name }) => name).join(', ')}`)
    }
    for (const scenario of scenarios) if (names.length === 0 || names.includes(scenario.name)) await show(scenario)
  })
  .parseAsync()

async function show({ name, summary, run }: Scenario): Promise<void> {
  console.log(`\n${name}: ${summary}`)
  const begun = performance.now()
  const seen = await run()
  for (const one of seen) console.log(`  ${shown(one)}`)
  console.log(`  in ${Math.round((performance.now() - begun) / 1_000)} s`)
  if (!seen.every(isWithin)) process.exitCode = 1
}

/** An exporter over a snapshot of many series, and how many statements it made meanwhile. */
async function onExporter(work: (exporter: { page: string; pid: number }) => Promise<Seen[]>): Promise<Seen[]> {
  return await onServer('load', async (server, directory) => {
    const platform = await createScrapedPlatform(server.url)
    try {
      await platform.refresh(seriesCount)
      const counter = await createStatementCounter(platform.client)
      const exporter = await startService('exporter', {
        directory,
        environment: { DATABASE_URL: platform.exporterUrl },
      })
      try {
        const begun = performance.now()
        const before = (await counter?.read()) ?? new Map()
        const seen = await work({ page: `${exporter.url}/metrics`, pid: exporter.pid })
        const calls = totalOf(callsBetween(before, (await counter?.read()) ?? new Map()))
        // What an exporter asks by itself each 5 s: the lead, the snapshot, the probe.
        const own = ((performance.now() - begun) / 5_000 + 2) * 8
        return [...seen, atMost('statements meanwhile, its own included', calls, 'statements', Math.ceil(own))]
      } finally {
        await exporter.stop()
      }
    } finally {
      await platform.drop()
    }
  })
}

function scrapes(): Promise<Seen[]> {
  return onExporter(({ page, pid }) => stormOfScrapes({ page, pid, scrapers: 500, rounds: 20 }))
}

function slow(): Promise<Seen[]> {
  return onExporter(({ page, pid }) => slowReaders({ page, pid, readers: 100, seconds: 20, endedWithinSeconds: 75 }))
}

function sourceLabels(): Promise<Seen[]> {
  return onDatabase(async (ownerUrl, directory) => {
    const { exporterUrl } = await installPlatform({ ownerUrl, exporterPassword: 'load' })
    const owner = createPool({ connectionString: ownerUrl, applicationName: 'load', connectionsMax: 1 })
    await insertUsersOfManyLabels(owner, labelValues)
    await owner.end()
    const begun = performance.now()
    const exporter = await startService('exporter', { directory, environment: { DATABASE_URL: exporterUrl } })
    try {
      const seconds = (performance.now() - begun) / 1_000
      const page = await (await fetch(`${exporter.url}/metrics`)).text()
      return [...labelsOfSource(page, labelValues), atMost('first figures after the start', seconds, 's', 120)]
    } finally {
      await exporter.stop()
    }
  })
}

function auditLabels(): Promise<Seen[]> {
  return onDatabase(async (ownerUrl, directory) => {
    await migrateAudit(ownerUrl)
    const asService = new URL(ownerUrl)
    asService.searchParams.set('options', `-c role=${auditServiceRole}`)
    const AUDIT_TOKENS_FILE = join(directory, 'tokens.json')
    const { token } = addToken(AUDIT_TOKENS_FILE, { name: 'load', scopes: ['ingest'] })
    const environment = { AUDIT_DATABASE_URL: asService.href, AUDIT_TOKENS_FILE }
    const api = await startService('audit-api', { directory, environment })
    try {
      return await labelsOfAuditApi({ ...api, token, values: labelValues })
    } finally {
      await api.stop()
    }
  })
}

async function onDatabase(work: (ownerUrl: string, directory: string) => Promise<Seen[]>): Promise<Seen[]> {
  return await onServer('load', async (server, directory) => {
    const admin = createClient({ connectionString: server.url, applicationName: 'load' })
    await admin.connect()
    try {
      return await work(await emptyDatabase(admin, server.url, 'barometer_load'), directory)
    } finally {
      await admin.query('DROP DATABASE barometer_load WITH (FORCE)')
      await admin.end()
    }
  })
}

async function inDirectory(work: (directory: string) => Promise<Seen[]>): Promise<Seen[]> {
  const root = resolve(import.meta.dirname, '..', '.barometer', 'load')
  mkdirSync(root, { recursive: true })
  const directory = mkdtempSync(join(root, 'run-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function queue(): Promise<Seen[]> {
  return inDirectory(async (directory) => {
    const redis = await startRedis({ directory })
    try {
      return await manyQueueEvents({ redisUrl: redis.url, eventsPerSecond: 2_000, seconds: 60 })
    } finally {
      await redis.stop()
    }
  })
}

function pods(): Promise<Seen[]> {
  return inDirectory((directory) => manyPods({ directory, pods: 200, hung: 20, ticks: 5 }))
}
