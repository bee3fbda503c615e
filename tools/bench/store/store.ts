import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createClient } from '../../../lib/postgres.ts'
import type { BenchOptions, BenchResult } from '../define.ts'
import { benchDirectory, onServer } from '../on-server.ts'
import { emptyDatabase, type Server } from '../postgres.ts'
import { summarise } from '../statistics.ts'
import { renderStore } from './report.ts'
import type { Measured, Plan, Ratios, StoreResult } from './result.ts'
import { serverFacts } from './server-facts.ts'
import { findSqlExporter } from './sql-exporter.ts'
import { Subject } from './subject.ts'
import { Observer, slowest, type Timing } from './timing.ts'
import { createWorld, type WorldSize } from './world.ts'

const fullPlan: Plan = {
  big: { days: 120, share: 1 },
  tenth: { days: 12, share: 1 },
  warmUpRounds: 2,
  rounds: 9,
  plainRounds: [1, 4, 7],
}
const smallPlan: Plan = {
  ...fullPlan,
  big: { days: 120, share: 1 / 50 },
  tenth: { days: 12, share: 1 / 50 },
  plainRounds: [0, 2, 4, 6, 8],
}

/** What a refresh costs, beside the same figures by plain SQL, and beside itself where the history is a tenth as long. */
export async function benchStore(options: BenchOptions): Promise<BenchResult> {
  const plan = options.small ? smallPlan : fullPlan
  return await onServer('store', async (server, directory) => {
    const result = await measure(server, plan, directory, options.say)
    const ratios = ratiosOf(result)
    return {
      report: renderStore(result, ratios),
      figures: {
        'store.dbTimeRatio': ratios.plain,
        'store.growthRatio': ratios.growth,
        'store.firstBuildSeconds': result.firstBuild.seconds,
        'store.exporterRssMb': result.firstBuild.peakRssMb,
      },
    }
  })
}

function ratiosOf({ refresh, tenthRefresh, plain }: StoreResult): Ratios {
  return {
    plain: refresh.database.median / plain.database.median,
    plainWall: refresh.wall.median / plain.wall.median,
    growth: refresh.database.median / tenthRefresh.database.median,
    growthWall: refresh.wall.median / tenthRefresh.wall.median,
  }
}

type Say = (line: string) => void

async function measure(server: Server, plan: Plan, directory: string, say: Say): Promise<StoreResult> {
  const admin = createClient({ connectionString: server.url, applicationName: 'bench' })
  await admin.connect()
  const subjects: Subject[] = []
  try {
    const observer = await Observer.on(server, admin)
    const subject = async (name: string, size: WorldSize): Promise<{ subject: Subject; seconds: number }> => {
      const started = performance.now()
      const world = await createWorld({
        ownerUrl: await emptyDatabase(admin, server.url, name),
        exporterPassword,
        size,
        say: (line) => say(`  ${line}`),
      })
      await observer.watchRole()
      const made = new Subject(world, observer)
      await made.connect()
      subjects.push(made)
      const seconds = (performance.now() - started) / 1_000
      say(`the world of ${size.days} days is made: ${seconds.toFixed(0)} s`)
      return { subject: made, seconds }
    }
    const { subject: tenth } = await subject('barometer_bench_tenth', plan.tenth)
    const { subject: big, seconds: worldSeconds } = await subject('barometer_bench', plan.big)
    const facts = await serverFacts(admin)
    const measured = await measureSubjects({ big, tenth, plan, directory, say })
    return { plan, facts, timeSource: observer.source, counts: big.world.counts, worldSeconds, ...measured }
  } finally {
    for (const subject of subjects) await subject.end()
    for (const subject of subjects) await admin.query(`DROP DATABASE ${subject.database} WITH (FORCE)`)
    await admin.end()
  }
}

/** A role belongs to the whole server, and so does its password. */
const exporterPassword = randomBytes(18).toString('hex')

interface Subjects {
  big: Subject
  tenth: Subject
  plan: Plan
  directory: string
  say: Say
}

type MeasuredSubjects = Omit<StoreResult, 'plan' | 'facts' | 'timeSource' | 'counts' | 'worldSeconds'>

async function measureSubjects({ big, tenth, plan, directory, say }: Subjects): Promise<MeasuredSubjects> {
  const firstBuild = await big.build()
  say(`first build: ${firstBuild.seconds.toFixed(1)} s, ${firstBuild.peakRssMb.toFixed(0)} MB resident at most`)
  await tenth.build()
  const refreshes: Timing[] = []
  const tenthRefreshes: Timing[] = []
  const plains: Timing[] = []
  let series = 0
  for (let warmUp = 0; warmUp < plan.warmUpRounds; warmUp++)
    for (const subject of [big, tenth]) await subject.refreshAfterMinute()
  for (let round = 0; round < plan.rounds; round++) {
    // In turn, and each first as often as the other.
    for (const subject of round % 2 === 0 ? [big, tenth] : [tenth, big]) {
      const timing = await subject.refreshAfterMinute()
      if (subject === big) refreshes.push(timing)
      else tenthRefreshes.push(timing)
    }
    say(`round ${round + 1}: ${milliseconds(refreshes.at(-1))}, in the tenth ${milliseconds(tenthRefreshes.at(-1))}`)
    if (!plan.plainRounds.includes(round)) continue
    const plain = await big.plain()
    series = plain.series
    plains.push(plain)
    say(`round ${round + 1}: plain SQL ${milliseconds(plain)}; all ${series} series are equal`)
  }
  await tenth.plain()
  const found = await findSqlExporter(join(benchDirectory, 'sql-exporter'))
  const sqlExporter = 'reason' in found ? found : await big.sqlExporter(found.path, directory)
  say('reason' in sqlExporter ? sqlExporter.reason : `a general SQL exporter: ${milliseconds(sqlExporter)}`)
  return {
    ...{ firstBuild, series, sqlExporter },
    comparisons: plains.length + 1,
    refresh: measuredOf(refreshes),
    tenthRefresh: measuredOf(tenthRefreshes),
    plain: measuredOf(plains),
    slowest: slowest(
      refreshes.map(({ statements }) => statements),
      3,
    ),
    refreshes: refreshes.length,
  }
}

const milliseconds = (timing: Timing | undefined): string =>
  timing === undefined
    ? ''
    : `${(timing.databaseMs ?? timing.wallMs).toFixed(1)} ms (waited ${timing.wallMs.toFixed(1)} ms)`

const measuredOf = (timings: readonly Timing[]): Measured => ({
  wall: summarise(timings.map(({ wallMs }) => wallMs)),
  database: summarise(timings.map(({ databaseMs, wallMs }) => databaseMs ?? wallMs)),
  statements: summarise(timings.map(({ statements }) => statements.reduce((sum, { totalMs }) => sum + totalMs, 0))),
})
