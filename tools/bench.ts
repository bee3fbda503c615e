import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { benches } from './bench/benches.ts'
import type { Bench, BenchResult } from './bench/define.ts'

const page = resolve(import.meta.dirname, '..', 'docs', 'benchmarks.md')

interface Flags {
  small?: boolean
  write?: boolean
  json?: string
}

const program = new Command('bench').description('Measures what docs/benchmarks.md states, on this machine.')
for (const bench of benches) {
  program
    .command(bench.name)
    .description(bench.summary)
    .option('--small', 'smaller or shorter, for a look: some minutes; the page is not written')
    .option('--write', 'write the page also where --small is given')
    .option('--json <file>', 'add the figures to this file, by their keys')
    .action((flags: Flags) => runBench(bench, flags))
}
await program.parseAsync(process.argv)

async function runBench(bench: Bench, flags: Flags): Promise<void> {
  const small = flags.small === true
  const run = await bench.load()
  const result = await run({ small, say: (line) => process.stderr.write(`${line}\n`) })
  const section = [`## ${bench.title}`, '', conditions(small), '', result.report, ''].join('\n')
  process.stdout.write(`\n${section}\n`)
  for (const [key, value] of Object.entries(result.figures)) process.stdout.write(`${key} ${value.toPrecision(4)}\n`)
  if (flags.json !== undefined) addFigures(flags.json, result.figures)
  if (!small || flags.write === true) writeSection(bench.name, section)
}

function conditions(small: boolean): string {
  const memoryGb = Math.round(totalmem() / 1_073_741_824)
  const size = small ? ' A small run, for a look.' : ''
  return `Measured on ${new Date().toISOString().slice(0, 10)} at commit ${commit()}: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${memoryGb} GB of memory, Node ${process.versions.node}.${size}`
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }).trim()
  } catch {
    return 'unknown'
  }
}

/** Keys that other benchmarks wrote stay. */
function addFigures(file: string, figures: BenchResult['figures']): void {
  const before: Record<string, number> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  writeFileSync(file, `${JSON.stringify({ ...before, ...figures }, null, 2)}\n`)
}

/** Each benchmark has its own section between two comments; what others wrote stays. */
function writeSection(name: string, section: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const before = existsSync(page)
    ? readFileSync(page, 'utf8')
    : '# Benchmarks\n\nWritten by `npm run bench -- <name>`.\n'
  const [from, to] = [before.indexOf(begin), before.indexOf(end)]
  const written = `${begin}\n${section}${end}`
  const after =
    from < 0 || to < from ? `${before}\n${written}\n` : before.slice(0, from) + written + before.slice(to + end.length)
  writeFileSync(page, after)
}
