import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'

/** A Prometheus that scrapes nothing, over what `data` in its directory holds. */
export function startPrometheusOver(directory: string, flags: readonly string[] = []): Promise<RunningPrometheus> {
  const configFile = join(directory, 'prometheus.yml')
  writeFileSync(configFile, '{}')
  return startPrometheus({ directory, configFile, flags })
}
