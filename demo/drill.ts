import { once } from 'node:events'
import { rmdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { messageOf, UserError } from '../lib/user-error.ts'
import { type DrillStack, startDrillStack } from './drills/drill-stack.ts'
import { type Fault, faults, shortFaults } from './drills/faults.ts'
import { type Measured, measure, type Outcome } from './drills/measure.ts'
import { asTable, findingsOf, writeFigures, writePageTable } from './drills/report.ts'
import { inTheWay, readSilenced, readStanding, type Standing } from './drills/watch.ts'
import { preparePrograms } from './launcher/barometer.ts'
import { createProgress, type Progress } from './launcher/progress.ts'

const help = `Usage: npm run drill -- [--list] [--only FAULT,…] [--short] [--json FILE] [--write-table] [--stacks N] [--directory PATH]

Starts a platform and Barometer over it with production's timings, makes each fault for real, and measures how long it
takes until fake Slack and fake PagerDuty have the page, and the end of it. Exits 1 where a page is late, comes twice,
or comes where none should. All of them take some three hours in one stack.
  --list        print the faults and what they page
  --only        these faults alone
  --short       three faults at once, which takes some minutes
  --json FILE   add the figures to this file, by their keys
  --write-table put what that file has into the table of docs/alerting.md
  --stacks N    so many stacks side by side, each with a part of the faults; 1 unless given, 4 at most
  --directory PATH  where their data goes; .barometer/drill unless given`

const stacksMax = 4
const page = resolve(import.meta.dirname, '..', 'docs', 'alerting.md')
/** An outage keeps what follows from it silent for six minutes. */
const quietTimeoutMs = 1_200_000
/** A fault whose measurement the machine slept through is made again so often. */
const againMax = 3

interface Flags {
  chosen: readonly Fault[]
  short: boolean
  json: string | undefined
  writeTable: boolean
  stacks: number
  directory: string
}

function readFlags(): Flags | undefined {
  let values: ReturnType<typeof parse>
  try {
    values = parse()
  } catch (error) {
    throw new UserError(`${messageOf(error)}; npm run drill -- --help lists what there is`)
  }
  if (values.help || values.list) {
    process.stdout.write(values.help ? `${help}\n` : listing())
    return undefined
  }
  const stacks = Number(values.stacks ?? 1)
  if (!Number.isInteger(stacks) || stacks < 1 || stacks > stacksMax)
    throw new UserError(`--stacks ${values.stacks}; expected a number from 1 to ${stacksMax}`)
  if (values['write-table'] && values.json === undefined) throw new UserError('--write-table: expected --json FILE too')
  if (values.short && values.only !== undefined) throw new UserError('--short and --only; expected one of them')
  const names = values.short ? shortFaults : (values.only?.split(',') ?? faults.map(({ key }) => key))
  const chosen = [...new Set(names)].map((name) => {
    const fault = faults.find(({ key }) => key === name)
    if (fault === undefined) throw new UserError(`--only ${name}: no such fault; expected some of those of --list`)
    return fault
  })
  return {
    chosen: faults.filter((fault) => chosen.includes(fault)),
    short: values.short ?? false,
    json: values.json,
    writeTable: values['write-table'] ?? false,
    stacks: Math.min(stacks, chosen.length),
    directory: resolve(values.directory ?? resolve(import.meta.dirname, '..', '.barometer', 'drill')),
  }
}

const parse = () =>
  parseArgs({
    options: {
      list: { type: 'boolean' },
      only: { type: 'string' },
      short: { type: 'boolean' },
      json: { type: 'string' },
      'write-table': { type: 'boolean' },
      stacks: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values

const listing = (): string =>
  faults
    .map(
      ({ key, kind, alert = 'nobody', title }) => `${key.padEnd(20)} ${kind.padEnd(5)} ${alert.padEnd(25)} ${title}\n`,
    )
    .join('')

/** One stack, which takes faults from the list until there are none left. */
async function drillIn(stack: DrillStack, left: Fault[], flags: Flags, progress: Progress): Promise<Outcome[]> {
  const silenced = readSilenced()
  const outcomes: Outcome[] = []
  const tries = new Map<Fault, number>()
  const say = (line: string) => progress.step(`${stack.name}: ${line}`)
  const { short } = flags
  let before: Measured | undefined
  const finish = async () => {
    for (const outcome of (await before?.finish()) ?? []) {
      const count = tries.get(outcome.fault) ?? 0
      if (outcome.stoodStillSeconds > 0 && count < againMax) {
        say(`${outcome.fault.title}: the machine stood still for ${outcome.stoodStillSeconds.toFixed(0)} s; again`)
        tries.set(outcome.fault, count + 1)
        left.push(outcome.fault)
        continue
      }
      const said = findingsOf(outcome).join('; ') || 'good'
      const { pageSeconds, resolveSeconds } = outcome
      const seconds = `page ${pageSeconds?.toFixed(1) ?? '-'} s, resolved ${resolveSeconds?.toFixed(1) ?? '-'} s`
      say(`${outcome.fault.key}: ${seconds}; held back ${outcome.heldBack.join(' ') || 'nothing'}; ${said}`)
      outcomes.push(outcome)
      // At once, so that a run that is ended keeps what it has measured.
      if (flags.json !== undefined) writeFigures(flags.json, [outcome])
    }
    before = undefined
  }
  for (;;) {
    const next = short ? left.splice(0) : [await nextOf(stack, left, silenced, say)].flatMap((fault) => fault ?? [])
    await finish()
    if (next.length === 0) {
      if (left.length === 0) return outcomes
      continue
    }
    before = await measure(next, { stack, say, short })
    if (short) await finish()
    if (short) return outcomes
  }
}

/** Stands in the way of every fault. */
const unreadable = (problem: unknown): Standing => ({ alert: messageOf(problem), state: 'not read' })

/** Waits until a fault that is left can be made, with nothing standing that would mix with it; at the end, with none. */
async function nextOf(
  stack: DrillStack,
  left: Fault[],
  silenced: ReadonlyMap<string, ReadonlySet<string>>,
  say: (line: string) => void,
): Promise<Fault | undefined> {
  const deadlineMs = Date.now() + quietTimeoutMs
  for (;;) {
    const standing = await readStanding(stack.barometer).catch((problem) => [unreadable(problem)])
    const ageSeconds = (Date.now() - stack.startedMs) / 1_000
    const fits = left.findIndex(
      ({ alert, warmUpSeconds = 0 }) => ageSeconds >= warmUpSeconds && inTheWay(standing, alert, silenced).length === 0,
    )
    if (fits >= 0) return left.splice(fits, 1)[0]
    if (left.length === 0 && standing.length === 0) return undefined
    if (Date.now() > deadlineMs) {
      const names = standing.map(({ alert, state, cause = '' }) => `${alert} ${cause} (${state})`)
      throw new UserError(`${stack.name} is never quiet: ${names.join(', ')}`, { exitCode: 1 })
    }
    if (left.length > 0 && standing.length > 0 && Date.now() % 60_000 < 2_000)
      say(`waits for ${[...new Set(standing.map(({ alert, cause = '' }) => `${alert} ${cause}`.trim()))].join(', ')}`)
    await sleep(2_000)
  }
}

async function run(flags: Flags, stacks: DrillStack[], progress: Progress): Promise<number> {
  await preparePrograms(progress)
  const left = [...flags.chosen]
  const starting: Promise<DrillStack>[] = []
  for (let number = 1; number <= flags.stacks; number += 1) {
    const stack = startDrillStack({ name: `stack ${number}`, path: `${flags.directory}/${number}`, progress })
    // One after the other: each fills a database, which takes a core.
    starting.push(stack)
    stacks.push(await stack)
  }
  progress.step('the platforms live; a minute for what they do to be seen')
  await sleep(flags.short ? 20_000 : 60_000)
  const outcomes = (await Promise.all(stacks.map((stack) => drillIn(stack, left, flags, progress)))).flat()
  const order = (outcome: Outcome) => faults.indexOf(outcome.fault)
  outcomes.sort((one, other) => order(one) - order(other))
  process.stdout.write(`${asTable(outcomes)}\n`)
  if (flags.json !== undefined && flags.writeTable) writePageTable(page, flags.json, new Date())
  const bad = outcomes.filter((outcome) => findingsOf(outcome).length > 0)
  process.stdout.write(
    bad.length === 0
      ? `${outcomes.length} faults, each as promised\n`
      : `${bad.length} of ${outcomes.length} faults are not as promised: ${bad.map(({ fault }) => fault.key).join(', ')}\n`,
  )
  return bad.length === 0 && outcomes.length === flags.chosen.length ? 0 : 1
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Something else is in it, or it was never made.
  }
}

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) return 0
  const progress = createProgress(() => performance.now())
  const stacks: DrillStack[] = []
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
  try {
    return await Promise.race([run(flags, stacks, progress), asked.then(() => 130)])
  } finally {
    progress.step('stopping')
    await Promise.allSettled(stacks.map((stack) => stack.stop()))
    removeEmpty(flags.directory)
    progress.step('stopped')
  }
}

try {
  process.exit(await main())
} catch (error) {
  process.stderr.write(`drill: ${messageOf(error)}\n`)
  process.exit(error instanceof UserError ? error.exitCode : 1)
}
