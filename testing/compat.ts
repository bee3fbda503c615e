import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { messageOf, UserError } from '../lib/user-error.ts'
import { distributionGeneration, type Generation, newerGeneration } from './compat/generations.ts'
import { oldestPostgres } from './compat/postgres.ts'

/**
 * `npm run test:compat [-- --only distribution|newer|postgres] [tests]`: what alerts, boards and pages stand on, with both
 * generations of Prometheus and Alertmanager that are supported, and what reads and writes a database, with the oldest
 * Postgres. One line for each at the end; exit 1 where a test fails. Programs that can be had in no way are skipped, and
 * their line says so.
 */
const root = resolve(import.meta.dirname, '..')
const generations = { distribution: distributionGeneration, newer: newerGeneration, postgres: oldestPostgres }
const say = (line: string): void => void process.stderr.write(`${line}\n`)

const program = new Command('test:compat')
  .description('Runs the tests with each generation of Prometheus and Alertmanager, and with the oldest Postgres.')
  .option('--only <generation>', 'distribution, newer or postgres')
  .argument('[tests...]', 'files of tests, instead of all that need one of the programs')
  .parse()

try {
  const { only } = program.opts<{ only?: string }>()
  if (only !== undefined && !Object.hasOwn(generations, only))
    throw new UserError(`--only is ${only}; expected distribution, newer or postgres`)
  const ends: string[] = []
  for (const [name, find] of Object.entries(generations)) {
    if (only === undefined || only === name) ends.push(await judge(name, await find(say)))
  }
  for (const line of ends) console.log(line)
} catch (error) {
  console.error(`test:compat: ${messageOf(error)}`)
  process.exitCode = error instanceof UserError ? error.exitCode : 1
}

/** Runs the tests with one generation, and says how it went. */
async function judge(name: string, generation: Generation | { missing: string }): Promise<string> {
  if ('missing' in generation) return `skipped: the ${name} generation: ${generation.missing}`
  const { programs, tests } = generation
  say(`\n=== ${programs}`)
  const began = performance.now()
  const passed = await runTests(program.args.length > 0 ? program.args : tests, generation)
  if (!passed) process.exitCode = 1
  return `${passed ? 'passed' : 'FAILED'}: ${programs} in ${Math.round((performance.now() - began) / 1_000)} s`
}

async function runTests(files: readonly string[], { environment }: Generation): Promise<boolean> {
  const vitest = resolve(root, 'node_modules', 'vitest', 'vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', ...files], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  })
  const [exitCode] = await once(child, 'exit')
  return exitCode === 0
}
