import { migrateAudit } from '../../../audit-api/migrations/migrate.ts'
import { createClient } from '../../../lib/postgres.ts'
import type { BenchOptions, BenchResult } from '../define.ts'
import { onServer } from '../on-server.ts'
import { emptyDatabase, type Server } from '../postgres.ts'
import { measureExport } from './export.ts'
import { type IngestResult, measureIngest } from './ingest.ts'
import { measureList, measureOthers } from './list.ts'
import { renderAudit } from './report.ts'
import type { AuditPlan, AuditResult } from './result.ts'
import { Service } from './service.ts'
import { createAuditWorld } from './world.ts'

const fullPlan: AuditPlan = {
  rows: 10_000_000,
  listRequests: 300,
  otherRequests: 20,
  exportRounds: 3,
  ingestBatches: 400,
  // A round's ratio is anything from 0.6 to 0.85 on a machine that others use too; the median of 9 still moved by a tenth.
  ingestRounds: 25,
}
const smallPlan: AuditPlan = { ...fullPlan, rows: 200_000, listRequests: 100, exportRounds: 5 }

/** What the audit API costs beside the database alone: taking events in, listing them, and writing all of them as a file. */
export async function benchAudit({ small, say }: BenchOptions): Promise<BenchResult> {
  const result = await onServer('audit', (server, directory) =>
    measure(server, directory, small ? smallPlan : fullPlan, say),
  )
  const { ingest, list, export: exported } = result
  return {
    report: renderAudit(result),
    figures: {
      'audit.ingestPerSecond': ingest.http.median,
      'audit.ingestRatio': ingest.ratio.median,
      'audit.listP99Ms': Math.max(...list.map(({ p99Ms }) => p99Ms)),
      'audit.exportRatio': exported.copy.median / exported.http.median,
      ...(exported.peakRssMb === undefined ? {} : { 'audit.exportRssMb': exported.peakRssMb }),
      'audit.exportFirstByteMs': exported.firstByteMs.max,
    },
  }
}

async function measure(
  server: Server,
  directory: string,
  plan: AuditPlan,
  say: (line: string) => void,
): Promise<AuditResult> {
  const admin = createClient({ connectionString: server.url, applicationName: 'bench' })
  await admin.connect()
  const databases: string[] = []
  const database = async (name: string): Promise<string> => {
    const url = await emptyDatabase(admin, server.url, name)
    databases.push(name)
    return url
  }
  try {
    const { rows } = await admin.query<{ server_version: string }>('SHOW server_version')
    const version = rows[0]?.server_version ?? ''
    const ingest = await ingestIn(await database('barometer_bench_ingest'), await database('barometer_bench_bare'))
    const world = await database('barometer_bench_audit')
    const started = performance.now()
    await createAuditWorld({ ownerUrl: world, rows: plan.rows, say: (line) => say(`  ${line}`) })
    const worldSeconds = (performance.now() - started) / 1_000
    say(`${plan.rows} events are made: ${worldSeconds.toFixed(0)} s`)
    return { plan, version, worldSeconds, ingest, ...(await readFrom(world)) }
  } finally {
    for (const name of databases) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  }

  async function ingestIn(url: string, bareUrl: string): Promise<IngestResult> {
    await migrateAudit(url)
    await migrateAudit(bareUrl)
    const service = await Service.start(url, directory)
    try {
      return await measureIngest({ service, bareUrl, batches: plan.ingestBatches, rounds: plan.ingestRounds, say })
    } finally {
      await service.stop()
    }
  }

  /** Each of the two has a service of its own: the memory of the export is not that of lists. */
  async function readFrom(url: string): Promise<Pick<AuditResult, 'list' | 'others' | 'export'>> {
    const lister = await Service.start(url, directory)
    try {
      const list = await measureList(lister, plan.listRequests)
      const others = await measureOthers(lister, plan.otherRequests)
      say(
        `the list: ${Math.max(...list.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms at the 99th percentile of the slowest filter`,
      )
      await lister.stop()
      const exporter = await Service.start(url, directory)
      const options = { service: exporter, databaseUrl: url, rows: plan.rows, rounds: plan.exportRounds, say }
      return { list, others, export: await measureExport(options).finally(() => exporter.stop()) }
    } finally {
      await lister.stop()
    }
  }
}
