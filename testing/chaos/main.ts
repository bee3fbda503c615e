import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { takeRunDirectory } from '../../demo/launcher/run-directory.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { type ChaosResult, held, runChaos } from './run.ts'
import { runSoak } from './soak.ts'

const help = `Usage: npm run chaos [-- --seed N --faults 60 --only TEXT --json]
       npm run soak [-- --minutes 30 --json]

Runs the whole stack under load on 127.0.0.1. chaos injects faults one after the other and checks after each that every
figure is exact, no acknowledged audit event is lost and nothing leaks; soak injects none and watches the memory.
  --seed N       the order and the lengths of the faults; by chance unless given, and printed
  --faults N     how many; 60 unless given
  --only TEXT    only faults whose names hold this text
  --minutes N    how long the soak lasts; 30 unless given
  --directory PATH  where its data goes; .barometer/chaos unless given
  --json         the result as JSON on standard output
Exit 0 where all held, 1 where something did not.`

function wholeNumber(name: string, text: string | undefined, usual: number, most: number): number {
  if (text === undefined) return usual
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value
  throw new UserError(`--${name} is ${JSON.stringify(text)}; expected a whole number from 1 to ${most}`)
}

function readFlags() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = {
    soak: flag,
    seed: text,
    faults: text,
    only: text,
    minutes: text,
    directory: text,
    json: flag,
    help: flag,
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UserError(`${messageOf(error)}; expected what --help says`)
  }
}

function summary(result: ChaosResult): string {
  const done = result.results.filter(({ skipped }) => skipped === undefined)
  const failed = done.filter(({ problems }) => problems.length > 0)
  const recoveries = done.map(({ recoverySeconds }) => recoverySeconds).sort((one, other) => one - other)
  const footprints = result.footprints.map(
    ({ name, before, after }) =>
      `${name} RSS ${before.rssMegabytes} to ${after.rssMegabytes} MB, heap ${before.heapMegabytes} to ${after.heapMegabytes} MB, ${before.descriptors} to ${after.descriptors} descriptors`,
  )
  return [
    `seed ${result.seed}: ${done.length} faults, ${result.results.length - done.length} skipped, ${failed.length} failed, in ${result.seconds} s`,
    `whole again after the repair: median ${recoveries[Math.floor(recoveries.length / 2)]?.toFixed(1) ?? '-'} s, longest ${recoveries.at(-1)?.toFixed(1) ?? '-'} s`,
    ...[...footprints, ...result.problems],
    ...(held(result) ? [] : [`to repeat: npm run chaos -- --seed ${result.seed} --faults ${result.results.length}`]),
  ].join('\n')
}

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags.help) {
    process.stdout.write(`${help}\n`)
    return 0
  }
  const say = (line: string) => void (flags.json ? process.stderr : process.stdout).write(`${line}\n`)
  const usual = join(import.meta.dirname, '..', '..', '.barometer', flags.soak ? 'soak' : 'chaos')
  const minutes = wholeNumber('minutes', flags.minutes, 30, 1_440)
  const faultCount = wholeNumber('faults', flags.faults, 60, 10_000)
  const seed = wholeNumber('seed', flags.seed, 1 + Math.floor(Math.random() * 999_999), 2 ** 32 - 1)
  const directory = takeRunDirectory({ keep: false, path: resolve(flags.directory ?? usual) })
  try {
    const platform = { directory, users: 1_000, days: 40, say }
    if (flags.soak) {
      const result = await runSoak({ ...platform, minutes })
      if (flags.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
      return result.problems.length === 0 ? 0 : 1
    }
    const only = flags.only === undefined ? {} : { only: flags.only }
    say(`seed ${seed}`)
    const result = await runChaos({ ...platform, seed, faultCount, seconds: [3, 8], ...only })
    if (flags.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    say(summary(result))
    return held(result) ? 0 : 1
  } finally {
    directory.release({ keep: process.env.CHAOS_KEEP === '1' })
  }
}

try {
  process.exit(await main())
} catch (error) {
  process.stderr.write(`chaos: ${messageOf(error)}\n`)
  process.exit(error instanceof UserError ? error.exitCode : 1)
}
