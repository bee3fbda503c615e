import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { Redis } from 'ioredis'
import { findProgram } from './debian-packages.ts'
import { type Program, type Restartable, startProgram, startRestartable } from './process.ts'

export interface RunningRedis extends Restartable {
  url: string
  port: number
}

/** Starts a Redis that keeps its data in `directory` (append-only file), so that a kill loses no job. */
export async function startRedis(options: { directory: string; port?: number }): Promise<RunningRedis> {
  const { path, ...place } = await findProgram('redis')
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const launch = (): Promise<Program> =>
    startProgram({
      name: 'Redis',
      command: path,
      arguments: [
        '--bind',
        '127.0.0.1',
        '--port',
        String(port),
        '--dir',
        directory,
        '--appendonly',
        'yes',
        '--maxmemory-policy',
        'noeviction',
      ],
      ...place,
      logFile: join(directory, 'redis.log'),
      ready: () => pings(port),
    })
  return { url: `redis://127.0.0.1:${port}`, port, ...(await startRestartable(launch)) }
}

async function pings(port: number): Promise<boolean> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1_000,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return (await redis.ping()) === 'PONG'
  } finally {
    redis.disconnect()
  }
}
