import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
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
export async function startS3(options: {
  directory: string
  bucket: string
  port?: number
  /** PEM files, for HTTPS; who asks must trust the certificate. */
  tls?: { keyFile: string; certificateFile: string }
}): Promise<RunningS3> {
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const { tls } = options
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const launch = (): Promise<Program> =>
    startProgram({
      name: 'S3',
      command: process.execPath,
      arguments: [
        resolve(import.meta.dirname, '..', '..', 'node_modules', 's3rver', 'bin', 's3rver.js'),
        ...['--directory', join(directory, 'data'), '--address', '127.0.0.1', '--port', String(port)],
        ...['--configure-bucket', options.bucket, '--silent'],
        ...(tls === undefined ? [] : ['--key', tls.keyFile, '--cert', tls.certificateFile]),
      ],
      // s3rver is of an older Node's time; what it warns of is not ours.
      environment: { NODE_NO_WARNINGS: '1' },
      logFile: join(directory, 's3.log'),
      ready: async () =>
        tls === undefined ? (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status < 500 : connects(port),
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

async function connects(port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 })
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
