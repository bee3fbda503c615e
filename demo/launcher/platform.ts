import getPort from 'get-port'
import { installPlatform, roleUrl } from '../../database/platform/install.ts'
import { createPool } from '../../lib/postgres.ts'
import { runCommand } from '../run-command.ts'
import { seed } from '../simulator/seed.ts'
import { type Postgres, startPostgres } from '../stack/postgres.ts'
import { answers, type Restartable } from '../stack/process.ts'
import { type RunningRedis, startRedis } from '../stack/redis.ts'
import { type RunningS3, startS3 } from '../stack/s3.ts'
import { type AuditApiAccess, prepareAuditApi } from './audit-api.ts'
import { startService } from './processes.ts'
import type { Progress } from './progress.ts'
import type { RunDirectory } from './run-directory.ts'
import { randomSecret, writeSecret } from './secrets.ts'
import type { Stack } from './stack.ts'

/** The platform that is watched: its stores, its services, and whom it pays for GPUs. */
export interface Platform {
  postgres: Postgres
  redis: RunningRedis
  s3: RunningS3
  ownerUrl: string
  exporterUrl: string
  auditUrl: string
  /** Where the platform reports its errors. */
  auditApi: AuditApiAccess
  apiUrl: string
  comfyuiUrl: string
  runpodUrl: string
  runpodKey: string
  /** Where `PUT /faults` reaches the API and the workers; of RunPod it is the address above. */
  apiControlUrl: string
  workersControlUrl: string
  services: Record<'api' | 'workers' | 'comfyui', Restartable>
}

/** Starts the stores side by side, lays out and fills the database, then the services that need them. */
export async function startPlatform(directory: RunDirectory, stack: Stack, progress: Progress): Promise<Platform> {
  const [database, redis, s3, gpus, auditApi] = await Promise.all([
    startDatabase(directory, stack, progress),
    progress.part('Redis', () => stack.add(startRedis({ directory: directory.folder('redis') }))),
    progress.part('S3', () => stack.add(startS3({ directory: directory.folder('s3'), bucket: 'platform-images' }))),
    startGpus(directory, stack),
    prepareAuditApi(directory),
  ])
  const { api, workers, ...addresses } = await startServices({
    directory,
    stack,
    ownerUrl: database.ownerUrl,
    redis,
    comfyuiUrl: gpus.comfyuiUrl,
    auditApi,
  })
  progress.step('the platform: API and workers, fake ComfyUI and RunPod')
  const { comfyui, ...gpuAddresses } = gpus
  return { ...database, redis, s3, auditApi, ...addresses, ...gpuAddresses, services: { api, workers, comfyui } }
}

async function startDatabase(directory: RunDirectory, stack: Stack, progress: Progress) {
  const postgres = await progress.part('Postgres', () =>
    stack.add(startPostgres({ directory: directory.folder('postgres'), settings: { synchronous_commit: 'off' } })),
  )
  const pool = createPool({ connectionString: postgres.url, applicationName: 'demo', connectionsMax: 1 })
  try {
    const { rowCount } = await pool.query(`SELECT FROM pg_database WHERE datname = 'platform'`)
    if (rowCount === 0) await pool.query('CREATE DATABASE platform')
  } finally {
    await pool.end()
  }
  const owner = new URL(postgres.url)
  owner.pathname = '/platform'
  const ownerUrl = owner.href
  const password = randomSecret()
  const { exporterUrl } = await installPlatform({ ownerUrl, exporterPassword: password })
  await migrateAudit(ownerUrl, directory)
  const auditPassword = randomSecret()
  await fill(ownerUrl, auditPassword, progress)
  return { postgres, ownerUrl, exporterUrl, auditUrl: roleUrl(ownerUrl, 'barometer_audit', auditPassword) }
}

/** The audit log is laid out as an operator would, by the command. */
async function migrateAudit(ownerUrl: string, directory: RunDirectory): Promise<void> {
  await runCommand(['migrate'], { AUDIT_DATABASE_URL: ownerUrl }, directory.folder('logs'))
}

async function fill(ownerUrl: string, auditPassword: string, progress: Progress): Promise<void> {
  const pool = createPool({ connectionString: ownerUrl, applicationName: 'demo', connectionsMax: 1 })
  try {
    await pool.query(`ALTER ROLE barometer_audit LOGIN PASSWORD '${auditPassword}'`)
    const { rows } = await pool.query<{ there: boolean }>('SELECT EXISTS (SELECT FROM platform.users) AS there')
    if (rows[0]?.there) progress.step('going on with the data of the kept run')
    else await progress.part('120 days of 20,000 users', () => seed(ownerUrl, { now: new Date() }))
  } finally {
    await pool.end()
  }
}

async function startGpus(directory: RunDirectory, stack: Stack) {
  const logs = directory.folder('logs')
  const [comfyuiPort, runpodPort] = [await getPort({ host: '127.0.0.1' }), await getPort({ host: '127.0.0.1' })]
  const runpodKey = randomSecret()
  const keyFile = writeSecret(directory.folder('secrets'), 'runpod-key', runpodKey)
  const comfyuiUrl = `http://127.0.0.1:${comfyuiPort}`
  const runpodUrl = `http://127.0.0.1:${runpodPort}`
  const [comfyui] = await Promise.all([
    stack.add(
      startService({
        ...{ name: 'ComfyUI', script: 'demo/fakes/comfyui.ts', logs },
        words: ['--port', String(comfyuiPort)],
        ready: () => answers(`${comfyuiUrl}/system_stats`),
      }),
    ),
    stack.add(
      startService({
        ...{ name: 'RunPod', script: 'demo/fakes/runpod.ts', logs },
        // By a file: everybody on the machine reads command lines.
        words: ['--port', String(runpodPort), '--key-file', keyFile],
        ready: async () => (await fetch(`${runpodUrl}/v1/pods`)).status < 500,
      }),
    ),
  ])
  return { comfyui, comfyuiUrl, runpodUrl, runpodKey }
}

interface ServiceOptions {
  directory: RunDirectory
  stack: Stack
  ownerUrl: string
  redis: RunningRedis
  comfyuiUrl: string
  auditApi: AuditApiAccess
}

async function startServices(options: ServiceOptions) {
  const { directory, stack, auditApi } = options
  const logs = directory.folder('logs')
  const environment = {
    DATABASE_URL: options.ownerUrl,
    REDIS_URL: options.redis.url,
    COMFYUI_URL: options.comfyuiUrl,
    AUDIT_API_URL: auditApi.url,
    AUDIT_API_TOKEN: auditApi.platformToken,
  }
  const port = await getPort({ host: '127.0.0.1' })
  const apiControlPort = await getPort({ host: '127.0.0.1' })
  const workersControlPort = await getPort({ host: '127.0.0.1' })
  const apiUrl = `http://127.0.0.1:${port}`
  const workersControlUrl = `http://127.0.0.1:${workersControlPort}`
  const starting = [
    startService({
      ...{ name: 'platform API', script: 'demo/platform/api.ts', logs, environment },
      words: ['--port', String(port), '--control-port', String(apiControlPort)],
      ready: () => answers(`${apiUrl}/healthz`),
    }),
    startService({
      ...{ name: 'workers', script: 'demo/platform/worker.ts', logs, environment },
      words: ['--port', String(workersControlPort)],
      ready: () => answers(`${workersControlUrl}/faults`),
    }),
  ] as const
  const [api, workers] = await Promise.all([stack.add(starting[0]), stack.add(starting[1])])
  return { api, workers, apiUrl, apiControlUrl: `http://127.0.0.1:${apiControlPort}`, workersControlUrl }
}
