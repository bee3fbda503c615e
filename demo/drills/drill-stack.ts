import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import getPort from 'get-port'
import { type Barometer, exporterEnvironment, startBarometer } from '../launcher/barometer.ts'
import { type Platform, startPlatform } from '../launcher/platform.ts'
import { startService } from '../launcher/processes.ts'
import type { Progress } from '../launcher/progress.ts'
import { type RunDirectory, takeRunDirectory } from '../launcher/run-directory.ts'
import { createStack, type Stack } from '../launcher/stack.ts'
import { answers, type Restartable } from '../stack/process.ts'

/** A platform that lives, and Barometer over it with the timings of production: what the demo starts, without Grafana. */
export interface DrillStack {
  name: string
  /** Milliseconds since 1970 at which all of it ran. */
  startedMs: number
  platform: Platform
  barometer: Barometer
  simulator: Restartable
  /** A second exporter, which Prometheus scrapes too from then on. */
  addReplica(): Promise<Restartable & { url: string }>
  /** Prometheus scrapes the first alone again. */
  removeReplica(replica: Restartable): Promise<void>
  stop(): Promise<void>
}

export interface DrillStackOptions {
  name: string
  path: string
  progress: Progress
}

/** @param options.path where its data goes; removed at the end */
export async function startDrillStack(options: DrillStackOptions): Promise<DrillStack> {
  const directory = takeRunDirectory({ keep: false, path: options.path })
  const stack = createStack()
  const stop = async () => {
    await stack.stop()
    directory.release({ keep: false })
  }
  try {
    return { ...(await start({ ...options, directory, stack })), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(options: DrillStackOptions & { directory: RunDirectory; stack: Stack }) {
  const { name, progress, directory, stack } = options
  const platform = await startPlatform(directory, stack, progress)
  const logs = directory.folder('logs')
  const simulator = await stack.add(
    startService({
      ...{ name: 'simulator', script: 'demo/simulator/main.ts', logs },
      environment: { DATABASE_URL: platform.ownerUrl, API_URL: platform.apiUrl },
      ready: async () => true,
    }),
  )
  const barometer = await startBarometer({ directory, stack, progress, platform })
  const targetsFile = join(directory.path, 'prometheus', 'targets', 'barometer-exporter.json')
  const scrape = (...urls: string[]) => {
    if (!existsSync(targetsFile)) throw new Error(`${targetsFile} is not there`)
    writeFileSync(targetsFile, JSON.stringify([{ targets: urls.map((url) => new URL(url).host) }]))
  }
  return {
    ...{ name, startedMs: Date.now(), platform, barometer, simulator },
    addReplica: async () => {
      const url = `http://127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
      const replica = await stack.add(
        startService({
          ...{ name: 'second exporter', script: 'cli/main.ts', words: ['exporter'], logs },
          environment: { ...exporterEnvironment(platform), EXPORTER_LISTEN: new URL(url).host },
          ready: () => answers(`${url}/readyz`),
          readyTimeoutMs: 60_000,
        }),
      )
      scrape(barometer.exporterUrl, url)
      return { ...replica, url }
    },
    removeReplica: async (replica: Restartable) => {
      scrape(barometer.exporterUrl)
      await replica.stop()
    },
  }
}
