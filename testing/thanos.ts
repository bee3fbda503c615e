import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { type CollectionTag, parse } from 'yaml'
import { answers, type Program, startProgram } from '../demo/stack/process.ts'
import { testDirectory } from './directory.ts'

interface Compose {
  services: Record<string, { command?: string[] }>
  'x-prometheus-command': string[]
}

const override: CollectionTag = { tag: '!override', collection: 'seq', default: false, resolve: (list) => list }

/** docker-compose.scale.yml, whose commands are run here as they are but for names, paths and ports. */
const compose: Compose = parse(readFileSync(resolve(import.meta.dirname, '..', 'docker-compose.scale.yml'), 'utf8'), {
  merge: true,
  customTags: [override],
})

/** How the profile has Prometheus keep its blocks. */
export const blockFlags = compose['x-prometheus-command'].filter((flag) =>
  /^--storage\.tsdb\..*(?:duration|time)=/.test(flag),
)

export interface RunningThanos {
  /** host:port, for queries and for the other parts. */
  http: string
  grpc: string
  stop(): Promise<void>
}

/** The words of one part of Thanos in the profile, with what is different outside of containers. */
export function commandOf(service: string, replacements: Readonly<Record<string, string>>): string[] {
  const command = compose.services[service]?.command
  if (command === undefined) throw new Error(`docker-compose.scale.yml has no command of ${service}`)
  return command.map((word) =>
    Object.entries(replacements).reduce((text, [from, to]) => text.replaceAll(from, to), word),
  )
}

/** Starts one part of Thanos as the profile does. */
export async function startThanos(
  path: string,
  service: string,
  replacements: Readonly<Record<string, string>>,
): Promise<RunningThanos> {
  const [http, grpc] = await Promise.all([1, 2].map(async () => `127.0.0.1:${await getPort({ host: '127.0.0.1' })}`))
  const words = commandOf(service, replacements)
  const own = [`--http-address=${http}`, '--http-grace-period=1s']
  if (words[0] !== 'query-frontend') own.push(`--grpc-address=${grpc}`, '--grpc-grace-period=1s')
  const program: Program = await startProgram({
    name: service,
    command: path,
    arguments: [...words, ...own],
    logFile: join(testDirectory(service), `${service}.log`),
    ready: () => answers(`http://${http}/-/ready`),
    readyTimeoutMs: 60_000,
  })
  return { http: http ?? '', grpc: grpc ?? '', stop: () => program.stop() }
}
