import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { messageOf } from '../../lib/user-error.ts'
import { actionAt, liveliness } from './actions.ts'

/**
 * The platform's life from now on. Environment: DATABASE_URL (as the platform's owner), API_URL, and ACTIONS_PER_SECOND
 * (8 unless set). What is down is tried again; each change of state is a line.
 */
const { DATABASE_URL = '', API_URL = '', ACTIONS_PER_SECOND = '8' } = process.env
const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  max: 3,
  connectionTimeoutMillis: 2_000,
  query_timeout: 5_000,
})
pool.on('error', () => {})
const world = { pool, apiUrl: API_URL, random: Math.random }
process.once('SIGTERM', () => process.exit(0))

let failing = false
console.log('the simulator lives')
for (;;) {
  try {
    await actionAt(world.random())(world)
    if (failing) console.log('life goes on')
    failing = false
  } catch (error) {
    if (!failing) console.log(`life is held up: ${messageOf(error)}`)
    failing = true
  }
  const pace = Number(ACTIONS_PER_SECOND) * liveliness(new Date().getUTCHours())
  // Exponential gaps, as of things that have nothing to do with each other.
  await sleep(Math.min(5_000, (-Math.log(1 - world.random()) / pace) * 1_000))
}
