#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { registerAuditApi } from './audit-api.ts'
import { registerAuditErase } from './audit-erase.ts'
import { registerAuditTokens } from './audit-tokens.ts'
import { registerAuditVerify } from './audit-verify.ts'
import { registerBackfill } from './backfill.ts'
import { registerCheck } from './check.ts'
import type { Context, Register } from './context.ts'
import { registerDemo } from './demo.ts'
import { registerDrill } from './drill.ts'
import { registerExplain } from './explain.ts'
import { registerExporter } from './exporter.ts'
import { failureOf } from './failure.ts'
import { registerInit } from './init.ts'
import { registerMetrics } from './metrics.ts'
import { registerMigrate } from './migrate.ts'
import { registerOverview } from './overview.ts'
import { registerReconcile } from './reconcile.ts'

const commands: readonly Register[] = [
  registerExporter,
  registerAuditApi,
  registerAuditTokens,
  registerAuditVerify,
  registerAuditErase,
  registerInit,
  registerCheck,
  registerExplain,
  registerMigrate,
  registerMetrics,
  registerBackfill,
  registerReconcile,
  registerOverview,
  registerDemo,
  registerDrill,
]

function createProgram(context: Context): Command {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const program = new Command('barometer')
    .description('One place to see an AI image platform: exact metrics, probes, dashboards, alerts and an audit log.')
    .version(manifest.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print what there is')

    .exitOverride()
    // Errors are printed once, below, on one line.
    .configureOutput({ outputError: () => {}, writeOut: context.print })
    .addHelpText(
      'after',
      [
        '',
        'Configuration is environment variables; barometer <command> --help lists those a command reads.',
        'Every secret can also come from a file named by <NAME>_FILE.',
        'Exit codes: 0 all good, 1 something is broken, 2 bad configuration.',
      ].join('\n'),
    )
  for (const register of commands) register(program, context)
  return program
}

/** 1 s: a terminal's Ctrl-C reaches us and whoever started us, who passes it on, so two in a moment are one. */
const sameSignalMs = 1_000

function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    const ask = (): void => {
      const nowMs = performance.now()
      if (askedMs !== undefined && nowMs - askedMs > sameSignalMs) process.exit(1)
      askedMs ??= nowMs
      resolve()
    }
    process.on('SIGTERM', ask)
    process.on('SIGINT', ask)
  })
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output (head, grep -q) has enough of it: that is no error.
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const context: Context = {
  environment: process.env,
  print: (text) => process.stdout.write(text),
  printed: () => new Promise((resolve) => process.stdout.write('', () => resolve())),
  warn: (line) => process.stderr.write(`${line}\n`),
  now: () => new Date(),
  untilAskedToStop,
  setExitCode: (code) => {
    process.exitCode = code
  },
}

try {
  await createProgram(context).parseAsync(process.argv)
} catch (error) {
  const { exitCode, line, stack } = failureOf(error, process.env)
  if (line !== undefined) context.warn(`barometer: ${line}`)
  if (stack !== undefined) context.warn(stack)
  process.exitCode = exitCode
}
// What is still on its way to a slow reader would be lost.
await context.printed()
// A connection left open by a command that failed must not keep the process.
process.exit()
