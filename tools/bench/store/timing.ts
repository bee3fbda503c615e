import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Client } from 'pg'
import { exporterRole } from '../../../database/platform/install.ts'
import type { Server } from '../postgres.ts'

export interface StatementTime {
  query: string
  calls: number
  totalMs: number
}

/** What one piece of work took. */
export interface Timing {
  /** As whoever waits for it sees it, on loopback. */
  wallMs: number
  /** What the server took for it; undefined where it cannot be known. */
  databaseMs: number | undefined
  /** Planning and execution by statement; none without pg_stat_statements. */
  statements: readonly StatementTime[]
}

/** A line of the server's log: whose message, in which database (the prefix that ../postgres.ts sets), and how long the server took for it. */
const durationLine = /^(\S+) LOG: {2}duration: ([\d.]+) ms$/

/**
 * Measures what the exporter's role does in a database, where nobody else has that role.
 *
 * The server logs the duration of each message of the protocol: parsing, planning, execution, commit. Other sources know less:
 * pg_stat_statements has no parsing and no commit, and active_time of pg_stat_database (up to Postgres 18 at least) begins
 * anew with each message, so that it has no planning of a statement with parameters.
 */
export class Observer {
  private readonly client: Client
  private readonly logFile: string | undefined
  private readonly hasStatements: boolean

  private constructor(client: Client, logFile: string | undefined, hasStatements: boolean) {
    this.client = client
    this.logFile = logFile
    this.hasStatements = hasStatements
  }

  /** @param client of a superuser, in a database beside those that are measured */
  static async on(server: Server, client: Client): Promise<Observer> {
    const { rows } = await client.query<{ preloaded: string }>(
      `SELECT current_setting('shared_preload_libraries') AS preloaded`,
    )
    const hasStatements = rows[0]?.preloaded.includes('pg_stat_statements') === true
    if (hasStatements) await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
    return new Observer(client, server.logFile, hasStatements)
  }

  /** What database time is here, as the end of a sentence. */
  get source(): string {
    if (this.logFile !== undefined)
      return 'what the server logs as the durations of the messages of the connections that are measured: parsing, planning, execution and commit'
    if (this.hasStatements)
      return 'what pg_stat_statements has for the statements that are measured: planning and execution'
    return 'the time that is waited: this server tells no other'
  }

  /** To be called once the role is there, before its connections. */
  async watchRole(): Promise<void> {
    if (this.logFile !== undefined) await this.client.query(`ALTER ROLE ${exporterRole} SET log_duration = on`)
  }

  async time(database: string, work: () => Promise<unknown>): Promise<Timing> {
    await this.forgetStatements(database)
    const logged = this.logFile === undefined ? 0 : statSync(this.logFile).size
    const started = performance.now()
    await work()
    const wallMs = performance.now() - started
    const statements = await this.statementsOf(database)
    const ofStatements = this.hasStatements ? total(statements.map(({ totalMs }) => totalMs)) : undefined
    const databaseMs =
      this.logFile === undefined ? ofStatements : durationsIn(this.logFile, logged, `${exporterRole}@${database}`)
    return { wallMs, databaseMs, statements }
  }

  private async forgetStatements(database: string): Promise<void> {
    if (!this.hasStatements) return
    await this.client.query('SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = $1', [
      database,
    ])
  }

  private async statementsOf(database: string): Promise<StatementTime[]> {
    if (!this.hasStatements) return []
    const { rows } = await this.client.query<{ query: string; calls: string; ms: number }>(
      `SELECT query, calls, total_exec_time + total_plan_time AS ms
       FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid
       WHERE d.datname = $1 AND r.rolname = $2`,
      [database, exporterRole],
    )
    return rows.map(({ query, calls, ms }) => ({ query, calls: Number(calls), totalMs: ms }))
  }
}

/** The durations that were logged of one role in one database since the file had a size. */
function durationsIn(file: string, from: number, who: string): number {
  const bytes = Buffer.alloc(statSync(file).size - from)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, bytes, 0, bytes.length, from)
  closeSync(descriptor)
  const found = bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, whose, ms] = durationLine.exec(line) ?? []
      return whose === who ? [Number(ms)] : []
    })
  if (found.length === 0) throw new Error(`the server logged no durations of ${who}`)
  return total(found)
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** The slowest of several rounds' statements, one line a statement however often it was run. */
export function slowest(rounds: readonly (readonly StatementTime[])[], count: number): StatementTime[] {
  const all = new Map<string, StatementTime>()
  for (const { query, calls, totalMs } of rounds.flat()) {
    const before = all.get(query) ?? { query, calls: 0, totalMs: 0 }
    all.set(query, { query, calls: before.calls + calls, totalMs: before.totalMs + totalMs })
  }
  return [...all.values()].sort((one, other) => other.totalMs - one.totalMs).slice(0, count)
}
