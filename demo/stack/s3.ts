import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { type Program, startProgram } from './process.ts'

export interface RunningS3 {
  url: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  stop(): Promise<void>
  start(): Promise<void>
  signal(signal: NodeJS.Signals): Promise<void>
}

/** Starts an S3-compatible server as a process of its own, with one bucket that is there from the start. */
export async function startS3(options: { directory: string; bucket: string; port?: number }): Promise<RunningS3> {
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const url = `http://127.0.0.1:${port}`
  const launch = (): Promise<Program> =>
    startProgram({
      name: 'S3',
      command: process.execPath,
      arguments: [
        resolve(import.meta.dirname, '..', '..', 'node_modules', 's3rver', 'bin', 's3rver.js'),
        ...['--directory', join(directory, 'data'), '--address', '127.0.0.1', '--port', String(port)],
        ...['--configure-bucket', options.bucket, '--silent'],
      ],
      // s3rver is of an older Node's time; what it warns of is not ours.
      environment: { NODE_NO_WARNINGS: '1' },
      logFile: join(directory, 's3.log'),
      ready: async () => (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status < 500,
    })
  let program = await launch()
  return {
    url,
    bucket: options.bucket,
    // The one pair that s3rver knows.
    accessKeyId: 'S3RVER',
    secretAccessKey: 'S3RVER',
    stop: () => program.stop(),
    start: async () => {
      await program.stop()
      program = await launch()
    },
    signal: (signal) => program.signal(signal),
  }
}
