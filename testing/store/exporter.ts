import { pino } from 'pino'
import { layout } from '../../exporter/figures/index.ts'
import { catchUp, type RefreshResult, refresh } from '../../exporter/refresh/refresh.ts'
import type { Bite } from '../../exporter/store/advance.ts'
import { buildStore } from '../../exporter/store/build.ts'
import { withoutLease } from '../../exporter/store/fence.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { readSettings, type SettingsWith } from '../../lib/settings.ts'
import { viewsSchema } from './platform.ts'

export const storeSchema = 'store'
const applicationName = 'exporter-under-test'

/** The exporter as far as it writes figures; made anew it remembers nothing but what the store holds. */
export class Exporter {
  readonly settings: SettingsWith<'DATABASE_URL'>
  private readonly admin: Pool
  private pool: Pool
  /** How many statements it has run since the last refresh began, and at which of them it dies. */
  private statements = 0
  private death: Death | undefined
  private isDead = false

  constructor(admin: Pool, url: string, timezone: string, source: string = viewsSchema) {
    this.admin = admin
    this.settings = readSettings(
      {
        DATABASE_URL: url,
        SOURCE_SCHEMA: source,
        STORE_SCHEMA: storeSchema,
        REPORTING_TIMEZONE: timezone,
        ACTIVITY_THRESHOLDS: '1,3,8',
      },
      ['DATABASE_URL'],
    )
    this.pool = this.newPool()
  }

  /** Builds what is missing of the store and refreshes, as the exporter does at each of its intervals. */
  async refreshAt(asOf: string, pauseAfter?: number): Promise<RefreshResult> {
    this.statements = 0
    const { pool, settings } = this
    const options = {
      pool,
      settings,
      layout,
      log: pino({ level: 'silent' }),
      statementTimeoutMs: 20_000,
      asOf,
      fence: withoutLease,
    }
    let chunks = 0
    const isStopped = () => pauseAfter !== undefined && chunks++ >= pauseAfter
    const built = await buildStore({ ...options, isStopped })
    return await refresh({
      ...{ ...options, replicaId: 'test', notBuilt: built.failures },
      monotonicSeconds: () => performance.now() / 1_000,
    })
  }

  /** Refreshes with so little appetite that most has to wait, and takes some bites more; the rest is left. */
  async nibbleAt(asOf: string, bite: Bite, bites: number): Promise<RefreshResult> {
    this.statements = 0
    const { pool, settings } = this
    const options = {
      ...{ pool, settings, layout, log: pino({ level: 'silent' }), statementTimeoutMs: 20_000 },
      ...{ asOf, bite, fence: withoutLease },
    }
    const built = await buildStore(options)
    const run = {
      ...{ ...options, replicaId: 'test', notBuilt: built.failures },
      monotonicSeconds: () => performance.now() / 1_000,
    }
    const result = await refresh(run)
    for (let left = bites, backlog = result.backlog; left > 0 && backlog.size > 0; left--) backlog = await catchUp(run)
    return result
  }

  /**
   * Refreshes in a process that dies at a statement (which may never come), and has another take over.
   * @param death the place of the statement is taken within as many as the last refresh had
   */
  async dieAt(asOf: string, death: Death): Promise<RefreshResult | Error> {
    this.death = { ...death, statement: death.statement % (this.statements + 1) }
    try {
      return await this.refreshAt(asOf)
    } catch (error) {
      return error as Error
    } finally {
      this.death = undefined
      await this.restart()
    }
  }

  async restart(): Promise<void> {
    await this.stop()
    this.isDead = false
    this.pool = this.newPool()
  }

  async stop(): Promise<void> {
    await this.pool.end()
  }

  private newPool(): Pool {
    const pool = createPool({ connectionString: this.settings.DATABASE_URL, applicationName, connectionsMax: 3 })
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>
      const watched = (...given: unknown[]) => this.watched(query, given)
      client.query = watched as typeof client.query
    })
    return pool
  }

  private async watched(query: (...given: unknown[]) => Promise<unknown>, given: unknown[]): Promise<unknown> {
    const place = this.statements++
    const dies = this.death !== undefined && place === this.death.statement
    const answer = given.at(-1)
    if (!dies && !this.isDead) return query(...given)
    if (dies) {
      // What it ends with may be the COMMIT, of which it then never hears.
      if (this.death?.after === true && typeof answer !== 'function') await query(...given)
      this.isDead = true
      await this.admin.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE application_name = $1 AND datname = current_database()`,
        [applicationName],
      )
    }
    const error = new Error('the process died')
    if (typeof answer === 'function') answer(error)
    else throw error
  }
}

export interface Death {
  statement: number
  /** Whether the statement is run before. */
  after: boolean
}
