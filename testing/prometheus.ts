import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '../demo/stack/debian-packages.ts'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'

const run = promisify(execFile)

/** Runs promtool, from PATH or the distribution. */
export async function promtool(...words: readonly string[]): Promise<string> {
  const { path, environment } = await findProgram('promtool')
  const { stdout } = await run(path, words, { env: { ...process.env, ...environment }, maxBuffer: 1 << 30 })
  return stdout
}

/** A Prometheus that scrapes nothing, over what `data` in its directory holds. */
export function startPrometheusOver(directory: string, flags: readonly string[] = []): Promise<RunningPrometheus> {
  const configFile = join(directory, 'prometheus.yml')
  writeFileSync(configFile, '{}')
  return startPrometheus({ directory, configFile, flags })
}
