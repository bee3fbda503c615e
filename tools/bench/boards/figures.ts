import { performance } from 'node:perf_hooks'
import { layout } from '../../../exporter/figures/index.ts'
import { refresh } from '../../../exporter/refresh/refresh.ts'
import { familiesOf } from '../../../exporter/serve/families.ts'
import { buildStore } from '../../../exporter/store/build.ts'
import { withoutLease } from '../../../exporter/store/fence.ts'
import type { Family } from '../../../exporter/store/figure.ts'
import { migrateStore } from '../../../exporter/store/migrate.ts'
import { createLogger } from '../../../lib/log.ts'
import { createClient, createPool } from '../../../lib/postgres.ts'
import { readSettings } from '../../../lib/settings.ts'
import { emptyDatabase } from '../postgres.ts'
import { createWorld, worldEnds } from '../store/world.ts'

const database = 'barometer_bench_boards'

/** 20,000 users over 120 days, as many as the demo has: what is counted by segments has nearly every segment. */
const size = { days: 120, share: 1 / 50 }

/**
 * What an exporter shows of the reference platform at the end of its world.
 * @param superuserUrl of the server's database `postgres`
 */
export async function figuresOfPlatform(superuserUrl: string): Promise<readonly Family[]> {
  const admin = createClient({ connectionString: superuserUrl, applicationName: 'bench' })
  await admin.connect()
  const ownerUrl = await emptyDatabase(admin, superuserUrl, database)
  try {
    await createWorld({ ownerUrl, size })
    return await refreshOnce(ownerUrl)
  } finally {
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
    await admin.end()
  }
}

async function refreshOnce(databaseUrl: string): Promise<readonly Family[]> {
  const settings = readSettings({ DATABASE_URL: databaseUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const pool = createPool({ connectionString: databaseUrl, applicationName: 'bench-exporter', connectionsMax: 3 })
  try {
    const log = createLogger({ name: 'bench', level: 'warn' })
    const run = { pool, settings, log, layout, asOf: worldEnds, statementTimeoutMs: 600_000, fence: withoutLease }
    const { failures: notBuilt } = await buildStore(run)
    const { snapshot, failures } = await refresh({
      ...{ ...run, notBuilt, replicaId: 'bench' },
      monotonicSeconds: () => performance.now() / 1_000,
    })
    if (failures.size > 0) throw new Error(`collectors failed: ${[...failures].join('; ')}`)
    return familiesOf(snapshot, { nowMs: Date.parse(worldEnds), staleAfterMs: settings.STALE_AFTER, cutOff: false })
  } finally {
    await pool.end()
  }
}
