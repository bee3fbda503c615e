import { performance } from 'node:perf_hooks'
import { layout } from '../../../exporter/figures/index.ts'
// All that the exporter loads: its size is measured here.
import { migrateStore } from '../../../exporter/main.ts'
import { refresh } from '../../../exporter/refresh/refresh.ts'
import { buildStore } from '../../../exporter/store/build.ts'
import { withoutLease } from '../../../exporter/store/fence.ts'
import { createLogger } from '../../../lib/log.ts'
import { createPool } from '../../../lib/postgres.ts'
import { readSettings } from '../../../lib/settings.ts'

/**
 * A process of its own that builds the store from nothing and refreshes once, as the exporter does when it first starts.
 * Argument: the instant. Writes one line of JSON: {seconds, peakRssMb}.
 */
const [asOf = ''] = process.argv.slice(2)
const settings = readSettings(process.env, ['DATABASE_URL'])
const log = createLogger({ name: 'bench-build', level: 'warn' })
const pool = createPool({ connectionString: settings.DATABASE_URL, applicationName: 'bench-build', connectionsMax: 3 })
const options = { pool, settings, log, layout, asOf, statementTimeoutMs: 600_000, fence: withoutLease }
await migrateStore(settings)
const started = performance.now()
const built = await buildStore(options)
const seconds = (performance.now() - started) / 1_000
if (!built.complete) throw new Error(`the store is not complete: ${[...built.failures].join('; ')}`)
const { failures } = await refresh({
  ...{ ...options, replicaId: 'bench', notBuilt: built.failures },
  monotonicSeconds: () => performance.now() / 1_000,
})
if (failures.size > 0) throw new Error(`collectors failed: ${[...failures].join('; ')}`)
await pool.end()
// The kernel's high-water mark of resident memory, in kilobytes.
const peakRssMb = process.resourceUsage().maxRSS / 1_024
process.stdout.write(`${JSON.stringify({ seconds, peakRssMb })}\n`)
