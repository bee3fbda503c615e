import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { createClient } from '../../../lib/postgres.ts'
import { createAuditWorld } from '../audit/world.ts'
import type { BenchOptions, BenchResult } from '../define.ts'
import { onServer } from '../on-server.ts'
import { emptyDatabase, type Server } from '../postgres.ts'
import { summarise } from '../statistics.ts'
import { serverFacts } from '../store/server-facts.ts'
import { Subject } from '../store/subject.ts'
import { Observer, type Timing } from '../store/timing.ts'
import { createWorld, minuteOf } from '../store/world.ts'
import { renderScale } from './report.ts'
import type { Measured, MeasuredAudit, ScaleResult } from './result.ts'
import { sizesIn } from './sizes.ts'

/** Each ten times the one before: shares of the world of 1 M users, and as many events of an audit log. */
const fullShares = [0.01, 0.1, 1] as const
const smallShares = [0.001, 0.01, 0.1] as const
const days = 120
const auditRows = 10_000_000
const warmUpRounds = 2
const rounds = 7

/** How the cost of a refresh, the size of the store and that of the audit log grow with the platform. */
export async function benchScale({ small, say }: BenchOptions): Promise<BenchResult> {
  const shares = small ? smallShares : fullShares
  return await onServer('scale', async (server) => {
    const admin = createClient({ connectionString: server.url, applicationName: 'bench' })
    await admin.connect()
    try {
      const observer = await Observer.on(server, admin)
      const sizes: Measured[] = []
      const audits: MeasuredAudit[] = []
      for (const share of shares) {
        sizes.push(await measureSize({ server, admin, observer, share, say }))
        audits.push(await measureAudit({ server, admin, events: Math.round(auditRows * share), say }))
      }
      const result = { sizes, audits, facts: await serverFacts(admin), timeSource: observer.source }
      return { report: renderScale(result), figures: figuresOf(result) }
    } finally {
      await admin.end()
    }
  })
}

interface Place {
  server: Server
  admin: Client
  say: (line: string) => void
}

async function measureSize(options: Place & { observer: Observer; share: number }): Promise<Measured> {
  const { server, admin, observer, share, say } = options
  const ownerUrl = await emptyDatabase(admin, server.url, 'barometer_bench')
  const world = await createWorld({
    ownerUrl,
    exporterPassword,
    size: { days, share },
    say: (line) => say(`  ${line}`),
  })
  await observer.watchRole()
  const subject = new Subject(world, observer)
  await subject.connect()
  try {
    const firstBuild = await subject.build()
    say(`${world.counts.users} users: first build ${firstBuild.seconds.toFixed(1)} s`)
    for (let round = 0; round < warmUpRounds; round++) await subject.refreshAfterMinute()
    const timings: Timing[] = []
    for (let round = 0; round < rounds; round++) timings.push(await subject.refreshAfterMinute())
    const storeTables = await sizesIn(ownerUrl, subject.settings.STORE_SCHEMA)
    const platformTables = await sizesIn(ownerUrl, 'platform')
    const measured: Measured = {
      ...{ counts: world.counts, firstBuild, storeTables },
      minuteRows: total(Object.values(minuteOf(world.size))),
      database: summarise(timings.map(({ databaseMs, wallMs }) => databaseMs ?? wallMs)),
      wall: summarise(timings.map(({ wallMs }) => wallMs)),
      platformBytes: total(platformTables.map(({ bytes }) => bytes)),
      storeBytes: total(storeTables.map(({ bytes }) => bytes)),
    }
    say(`${world.counts.users} users: a refresh ${measured.database.median.toFixed(0)} ms`)
    return measured
  } finally {
    await subject.end()
    await admin.query('DROP DATABASE barometer_bench WITH (FORCE)')
  }
}

async function measureAudit({ server, admin, events, say }: Place & { events: number }): Promise<MeasuredAudit> {
  const ownerUrl = await emptyDatabase(admin, server.url, 'barometer_bench_audit')
  try {
    await createAuditWorld({ ownerUrl, rows: events })
    const tables = await sizesIn(ownerUrl, 'barometer_audit')
    say(`${events} events are in the audit log`)
    return {
      events,
      bytes: total(tables.map(({ bytes }) => bytes)),
      indexBytes: total(tables.map(({ indexBytes }) => indexBytes)),
    }
  } finally {
    await admin.query('DROP DATABASE barometer_bench_audit WITH (FORCE)')
  }
}

/** A role belongs to the whole server, and so does its password. */
const exporterPassword = randomBytes(18).toString('hex')

function figuresOf({ sizes, audits }: ScaleResult): Record<string, number> {
  const [first, last, audit] = [sizes[0], sizes.at(-1), audits.at(-1)]
  if (first === undefined || last === undefined || audit === undefined) throw new Error('nothing was measured')
  return {
    'scale.refreshRatio': last.database.median / first.database.median,
    'scale.storeBytesPerUser': last.storeBytes / (last.counts.users ?? 1),
    'scale.auditBytesPerEvent': audit.bytes / audit.events,
  }
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
