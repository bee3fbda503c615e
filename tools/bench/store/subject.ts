import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import type { Client } from 'pg'
import { collectors, layout } from '../../../exporter/figures/index.ts'
import { type RefreshResult, refresh } from '../../../exporter/refresh/refresh.ts'
import { withoutLease } from '../../../exporter/store/fence.ts'
import type { PopularItem } from '../../../exporter/store/figure.ts'
import { readKept } from '../../../exporter/store/labels.ts'
import { createLogger } from '../../../lib/log.ts'
import { createClient, createPool, type Pool } from '../../../lib/postgres.ts'
import { readSettings, type SettingsWith } from '../../../lib/settings.ts'
import { differencesFromPlainSql } from '../../../testing/store/compare.ts'
import { collectOnce } from './sql-exporter.ts'
import type { Observer, Timing } from './timing.ts'
import { playMinute, type World, worldEnds } from './world.ts'

const run = promisify(execFile)

/** Its days are not those of the server, as in most places. */
const timezone = 'Europe/Berlin'

/** A world with the exporter's store in it, and the connections that its measurements use. */
export class Subject {
  readonly world: World
  readonly database: string
  readonly settings: SettingsWith<'DATABASE_URL'>
  private readonly pool: Pool
  private readonly owner: Client
  private readonly observer: Observer
  private minute = 0
  private last: RefreshResult | undefined

  constructor(world: World, observer: Observer) {
    this.world = world
    this.observer = observer
    this.database = new URL(world.ownerUrl).pathname.slice(1)
    this.settings = readSettings(this.environment(), ['DATABASE_URL'])
    this.pool = createPool({
      connectionString: world.exporterUrl,
      applicationName: 'bench-exporter',
      connectionsMax: 3,
    })
    this.owner = createClient({ connectionString: world.ownerUrl, applicationName: 'bench-platform' })
  }

  private environment(): Record<string, string> {
    return { DATABASE_URL: this.world.exporterUrl, REPORTING_TIMEZONE: timezone }
  }

  async connect(): Promise<void> {
    await this.owner.connect()
    await this.owner.query(`SET TimeZone = 'UTC'`)
  }

  /** The instant of the last minute that was played. */
  get asOf(): string {
    return new Date(Date.parse(worldEnds) + this.minute * 60_000).toISOString()
  }

  /** The first build, in a process of its own. */
  async build(): Promise<{ seconds: number; peakRssMb: number }> {
    const script = join(import.meta.dirname, 'build-child.ts')
    const environment = { PATH: process.env.PATH, ...this.environment() }
    const { stdout } = await run(process.execPath, [script, this.asOf], { env: environment })
    return JSON.parse(stdout)
  }

  /** A minute's writes, and the refresh after them. */
  async refreshAfterMinute(): Promise<Timing> {
    this.minute += 1
    await this.owner.query('BEGIN')
    await playMinute(this.owner, this.asOf)
    await this.owner.query('COMMIT')
    const timing = await this.observer.time(this.database, async () => {
      this.last = await refresh({
        ...{ pool: this.pool, settings: this.settings, layout, replicaId: 'bench', asOf: this.asOf },
        ...{ log: createLogger({ name: 'bench', level: 'warn' }), statementTimeoutMs: 600_000, fence: withoutLease },
        monotonicSeconds: () => performance.now() / 1_000,
      })
    })
    const failures = [...(this.last?.failures ?? [])]
    if (failures.length > 0) throw new Error(`collectors failed in the refresh: ${failures.join('; ')}`)
    return timing
  }

  /**
   * The same figures at the same instant by plain SQL: every collector's definition, in one transaction.
   * @throws where one series of the last refresh is not what plain SQL says
   */
  async plain(): Promise<Timing & { series: number }> {
    const snapshot = this.last?.snapshot
    if (snapshot === undefined) throw new Error('there was no refresh to compare with')
    const states = collectors.map((collector) => {
      const state = snapshot.collectors.get(collector.name)
      if (state?.success !== true) throw new Error(`the refresh has no figures of the collector ${collector.name}`)
      return [collector, state] as const
    })
    const { STORE_SCHEMA: store, SOURCE_SCHEMA: source } = this.settings
    let differences: string[] = []
    const timing = await this.observer.time(this.database, async () => {
      const compared = { store, source, asOf: snapshot.asOf, settings: this.settings, states }
      differences = await differencesFromPlainSql(this.pool, compared)
    })
    if (differences.length > 0) {
      const shown = differences.slice(0, 10).join('\n')
      throw new Error(`${differences.length} series are not what plain SQL says:\n${shown}`)
    }
    const series = states.flatMap(([, state]) => state.families.flatMap((family) => family.samples)).length
    return { ...timing, series }
  }

  /** The same figures by a general SQL exporter, collected once. */
  async sqlExporter(path: string, directory: string): Promise<Timing & { series: number }> {
    const { STORE_SCHEMA: store, SOURCE_SCHEMA: sourceSchema, ACTIVITY_THRESHOLDS: thresholds } = this.settings
    const { rows: popularItems } = await this.pool.query<PopularItem>(
      `SELECT category, time_window AS "window", item FROM ${store}.popular_item
       WHERE day = ($1::timestamptz AT TIME ZONE $2)::date`,
      [this.asOf, timezone],
    )
    const kept = await readKept(this.pool, store)
    const inputs = { asOf: this.asOf, timezone, thresholds, kept, popularItems }
    let collected = { wallMs: 0, series: 0 }
    const timing = await this.observer.time(this.database, async () => {
      const databaseUrl = this.world.exporterUrl
      collected = await collectOnce({ path, directory, databaseUrl, sourceSchema, inputs, timeoutMs: 3_600_000 })
    })
    return { ...timing, ...collected }
  }

  async end(): Promise<void> {
    await this.pool.end()
    await this.owner.end()
  }
}
