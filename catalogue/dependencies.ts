/**
 * Everything outside that is probed, once. From this list derive: the values of the label `dependency`, what `check` lists
 * as off, the overall status and its tiles, the alerts that page, and the silences of `ExporterDown`. A new entry does not
 * compile until it has its probe (exporter/probes/index.ts), the words of its alert (alerts/dependencies.ts), its row in
 * the inhibition table (alerts/inhibitions.ts) and its name in the audit API (audit-api/analytics/reports/system.ts).
 */
interface Dependency {
  /** The value of the label `dependency`. */
  name: string
  /** The setting without which it is not probed. */
  setting: string
  /** How it is probed, for the definition of the metric. */
  probed: string
  /** The alert that pages when it is gone. */
  alert: string
  /** What the dashboards say of it where the platform cannot work without it. A GPU provider shows in the tile GPU. */
  tile: { title: string; inSentence: string; means: string } | 'gpu'
}

export const dependencies = [
  {
    name: 'postgres',
    setting: 'DATABASE_URL',
    probed: 'postgres SELECT 1',
    alert: 'DatabaseDown',
    tile: { title: 'Postgres', inSentence: 'Postgres', means: 'A SELECT 1 succeeds.' },
  },
  {
    name: 'redis',
    setting: 'REDIS_URL',
    probed: 'redis PING',
    alert: 'RedisDown',
    tile: { title: 'Redis', inSentence: 'Redis', means: 'A PING succeeds.' },
  },
  {
    name: 's3',
    setting: 'S3_BUCKET',
    probed: 's3 HEAD of the bucket and a canary written, read back and deleted',
    alert: 'StorageDown',
    tile: { title: 'S3', inSentence: 'S3', means: 'The bucket answers, a canary is written and read back.' },
  },
  {
    name: 'api',
    setting: 'API_PROBE_URLS',
    probed: 'api an answer below 500',
    alert: 'ApiDown',
    tile: { title: 'API', inSentence: 'the API', means: 'Its health address answers below 500.' },
  },
  { name: 'comfyui', setting: 'COMFYUI_URLS', probed: 'each ComfyUI pod', alert: 'NoGpuWorkers', tile: 'gpu' },
  { name: 'runpod', setting: 'RUNPOD_API_KEY', probed: 'each RunPod endpoint', alert: 'NoGpuWorkers', tile: 'gpu' },
] as const satisfies readonly Dependency[]

type Any = (typeof dependencies)[number]
type Vital = Exclude<Any, { tile: 'gpu' }>

export type DependencyName = Any['name']
/** A dependency that the platform cannot work without. */
export type VitalName = Vital['name']
export type DependencyAlert = Any['alert']

/** The platform cannot work without these; without a GPU provider it is degraded. */
export const vitalDependencies: readonly Vital[] = dependencies.filter((each): each is Vital => each.tile !== 'gpu')

/** The alerts that page when a dependency is gone, each once. */
export const dependencyAlertNames: readonly DependencyAlert[] = [...new Set(dependencies.map(({ alert }) => alert))]
