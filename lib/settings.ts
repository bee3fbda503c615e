import { readFileSync } from 'node:fs'
import { distance } from 'fastest-levenshtein'
import { messageOf, UserError } from './user-error.ts'
import {
  activityThresholds,
  durationMs,
  identifier,
  keyValues,
  listenAddress,
  namedIds,
  namedUrls,
  names,
  objectPrefix,
  oneOf,
  share,
  text,
  timeZone,
  url,
  type Variable,
  wholeNumber,
} from './variables.ts'

const second = 1_000
const minute = 60 * second
const day = 24 * 60 * minute

/** Every variable of Barometer, once. `.env.example` and the error messages are made from it. */
export const variables = {
  DATABASE_URL: url(
    {
      help: 'The database that has the views; the store is kept there too. The only one that is required.',
      secret: true,
      example: 'postgres://barometer_exporter:…@db.example:5432/platform',
    },
    ['postgres', 'postgresql'],
  ),
  SOURCE_SCHEMA: identifier({ help: 'The schema of the source views.', default: 'barometer_source' }),
  STORE_SCHEMA: identifier({ help: "The exporter's own schema, made when it is not there.", default: 'barometer' }),
  REPORTING_TIMEZONE: timeZone({ help: 'In which a day, a week and a month begin and end.', default: 'UTC' }),
  REFRESH_INTERVAL: durationMs(
    { help: 'How often the business figures are computed.', default: '60s' },
    { minMs: second, maxMs: day },
  ),
  STATEMENT_TIMEOUT: durationMs(
    { help: 'How long one statement of a refresh or a build may take.', default: '60s' },
    { minMs: second, maxMs: 60 * minute },
  ),
  LOCK_TIMEOUT: durationMs(
    {
      help: "How long a statement waits for a lock on the platform's tables before it gives way. Keep it below the server's deadlock_timeout, so that a deadlock never ends a statement of the platform.",
      default: '200ms',
    },
    { minMs: 10, maxMs: minute },
  ),
  BUILD_LANES: wholeNumber(
    { help: 'How many connections build history at the same time.', default: '2' },
    { min: 1, max: 4 },
  ),
  BUILD_SHARE: wholeNumber(
    {
      help: 'The percentage of the time that each of them works: 50 waits after each chunk for as long as the chunk took.',
      default: '100',
    },
    { min: 1, max: 100 },
  ),
  STALE_AFTER: durationMs(
    { help: 'How long the last good figures of a failing collector are still served.', default: '15m' },
    { minMs: second, maxMs: 7 * day },
  ),
  ACTIVITY_THRESHOLDS: activityThresholds({
    help: 'Generations in 30 days from which a user is casual, regular, power.',
    default: '1,10,50',
  }),
  REDIS_URL: url(
    {
      help: "The platform's Redis. Without it Redis and the queues are not watched.",
      secret: true,
      example: 'redis://redis.example:6379',
    },
    ['redis', 'rediss'],
  ),
  QUEUES: names({ help: 'The BullMQ queues to watch.', example: 'generation,thumbnail' }),
  S3_ENDPOINT: url(
    {
      help: 'An S3-compatible endpoint (R2 or another); leave it out for AWS.',
      secret: false,
      example: 'https://s3.example',
    },
    ['http', 'https'],
  ),
  S3_BUCKET: text({
    help: "The bucket for the canary and for the audit log's anchors and past months. Without it S3 is not watched.",
    secret: false,
    example: 'platform-images',
  }),
  S3_REGION: text({ help: "The bucket's region.", secret: false, default: 'us-east-1' }),
  S3_ACCESS_KEY_ID: text({ help: 'The access key.', secret: true }),
  S3_SECRET_ACCESS_KEY: text({ help: 'The secret of the access key.', secret: true }),
  API_PROBE_URLS: namedUrls({
    help: "Health addresses of the platform's API.",
    example: 'main=https://api.example/healthz',
  }),
  RUNPOD_API_KEY: text({ help: 'The key for RunPod. Without it RunPod is not watched.', secret: true }),
  RUNPOD_ENDPOINT_IDS: namedIds({ help: 'The serverless endpoints to watch.', example: 'main=abc123' }),
  RUNPOD_SERVERLESS_URL: url({ help: 'The serverless API.', secret: false, default: 'https://api.runpod.ai/v2' }, [
    'http',
    'https',
  ]),
  RUNPOD_API_URL: url(
    { help: 'The REST API, which lists pods.', secret: false, default: 'https://rest.runpod.io/v1' },
    ['http', 'https'],
  ),
  COMFYUI_URLS: namedUrls({ help: 'The ComfyUI pods to watch.', example: 'gpu-1=http://10.0.0.7:8188' }),
  EXPORTER_LISTEN: listenAddress({ help: 'Where the exporter serves.', default: '127.0.0.1:9464' }),
  AUDIT_DATABASE_URL: url(
    {
      help: "The audit API's database.",
      secret: true,
      example: 'postgres://barometer_audit:…@db.example:5432/platform',
    },
    ['postgres', 'postgresql'],
  ),
  AUDIT_LISTEN: listenAddress({ help: 'Where the audit API serves.', default: '127.0.0.1:9465' }),
  AUDIT_TOKENS_FILE: text({
    help: 'The file of the bearer tokens, as hashes.',
    secret: false,
    example: '/etc/barometer/tokens.json',
  }),
  AUDIT_S3_PREFIX: objectPrefix({
    help: "What the names of the audit log's objects begin with; another one for each log in the bucket.",
    default: 'barometer-audit',
  }),
  AUDIT_RETENTION_MONTHS: wholeNumber(
    {
      help: 'How many whole months of the audit log are kept before one is written to S3 and taken out. Off unless set.',
      example: '24',
    },
    { min: 1, max: 1_200 },
  ),
  PROMETHEUS_URL: url(
    { help: 'Prometheus, for overview, check and the health routes.', secret: false, example: 'http://127.0.0.1:9090' },
    ['http', 'https'],
  ),
  ALERTMANAGER_URL: url({ help: 'Alertmanager, for check.', secret: false, example: 'http://127.0.0.1:9093' }, [
    'http',
    'https',
  ]),
  ADMIN_APP_URL: url(
    {
      help: "The platform's admin app, which the dashboards link to.",
      secret: false,
      example: 'https://admin.example',
    },
    ['http', 'https'],
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: url(
    { help: 'Where traces go (OTLP over HTTP). Off unless set.', secret: false, example: 'http://127.0.0.1:4318' },
    ['http', 'https'],
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url(
    {
      help: 'The same with its whole path, where it is another for traces.',
      secret: false,
      example: 'http://127.0.0.1:4318/v1/traces',
    },
    ['http', 'https'],
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf({ help: 'How traces are written.', default: 'http/protobuf' }, [
    'http/protobuf',
    'http/json',
  ]),
  OTEL_EXPORTER_OTLP_HEADERS: keyValues({
    help: 'Headers that traces are sent with, for a receiver that wants a key.',
    secret: true,
  }),
  OTEL_EXPORTER_OTLP_TIMEOUT: wholeNumber(
    { help: 'Milliseconds that sending a batch of traces may take.', default: '10000' },
    { min: 1, max: 60_000 },
  ),
  OTEL_SERVICE_NAME: text({
    help: 'What the service is called in traces, if not barometer-exporter and the like.',
    secret: false,
  }),
  OTEL_RESOURCE_ATTRIBUTES: keyValues({
    help: 'What else is said of the service in traces.',
    secret: false,
    example: 'deployment.environment.name=production',
  }),
  OTEL_TRACES_EXPORTER: oneOf({ help: 'none: no traces, though an endpoint is set.', default: 'otlp' }, [
    'otlp',
    'none',
  ]),
  OTEL_TRACES_SAMPLER: oneOf({ help: 'Which traces are sent.', default: 'parentbased_always_on' }, [
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ]),
  OTEL_TRACES_SAMPLER_ARG: share({ help: 'The share of traces that a sampler by ratio sends.', example: '0.1' }),
  OTEL_SDK_DISABLED: oneOf({ help: 'true: OpenTelemetry is off, whatever else is set.', default: 'false' }, [
    'true',
    'false',
  ]),
  LOG_LEVEL: oneOf({ help: 'How much is logged.', default: 'info' }, [
    'fatal',
    'error',
    'warn',
    'info',
    'debug',
    'trace',
    'silent',
  ]),
} as const satisfies Record<string, Variable<unknown>>

export type VariableName = keyof typeof variables

type ValueOf<Name extends VariableName> = (typeof variables)[Name] extends Variable<infer Value> ? Value : never
type Defaulted = {
  [Name in VariableName]: (typeof variables)[Name] extends { default: string } ? Name : never
}[VariableName]

/** The values by name; what has no default is undefined where it is not set. */
export type Settings = { [Name in VariableName]: ValueOf<Name> | (Name extends Defaulted ? never : undefined) }

/** Settings in which the named variables are there for sure. */
export type SettingsWith<Name extends VariableName> = Settings & { [Key in Name]: ValueOf<Key> }

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads all variables from an environment. An empty value is one that is not set.
 * @throws {UserError} for a bad value, a missing required one, an unreadable secret file, and a name one or two letters
 * away from a known one: the first such thing found, on one line.
 */
export function readSettings<const Required extends VariableName = never>(
  environment: Environment,
  required: readonly Required[] = [],
): SettingsWith<Required> {
  refuseMisspelt(environment)
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(variables) as VariableName[]) {
    values[name] = readVariable(name, environment)
    if (values[name] === undefined && (required as readonly string[]).includes(name)) {
      const or = variables[name].secret ? ` (or ${name}_FILE)` : ''
      throw new UserError(`${name}${or} is not set; expected ${variables[name].expected}`)
    }
  }
  refuseHalves(values)
  return values as SettingsWith<Required>
}

function readVariable(name: VariableName, environment: Environment): unknown {
  const { secret, parse, expected, default: fallback }: Variable<unknown> = variables[name]
  const fileName = secret ? environment[`${name}_FILE`] || undefined : undefined
  const direct = environment[name] || undefined
  if (fileName !== undefined && direct !== undefined) {
    throw new UserError(`${name} and ${name}_FILE are both set; expected one of the two`)
  }
  const found = fileName === undefined ? (direct ?? fallback) : readSecret(`${name}_FILE`, fileName)
  if (found === undefined) return undefined
  const value = parse(found)
  if (value === undefined) {
    const shown = secret ? 'a value that is not shown' : JSON.stringify(withoutCredentials(found))
    throw new UserError(`${name} is ${shown}; expected ${expected}`)
  }
  return value
}

/** An address may carry a user and a password, or a key behind the question mark, also where it is no secret as a whole. */
function withoutCredentials(value: string): string {
  return value.replaceAll(/\/\/[^/\s,]*@/g, '//(hidden)@').replaceAll(/\?[^\s,]+/g, '?(hidden)')
}

function readSecret(name: string, path: string): string {
  let content: string
  try {
    content = readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new UserError(
      `${name} names ${path}, which cannot be read (${messageOf(error)}); expected a file that holds the secret`,
    )
  }
  if (content === '')
    throw new UserError(`${name} names ${path}, which is empty; expected a file that holds the secret`)
  return content
}

function refuseMisspelt(environment: Environment): void {
  const known = (Object.keys(variables) as VariableName[]).flatMap((name) =>
    variables[name].secret ? [name, `${name}_FILE`] : [name],
  )
  for (const name of Object.keys(environment)) {
    if (known.includes(name) || !/^[A-Z0-9_]{6,}$/.test(name)) continue
    const allowed = name.length >= 10 ? 2 : 1
    const close = known.find(
      (candidate) => environment[candidate] === undefined && distance(candidate, name) <= allowed,
    )
    if (close !== undefined) {
      throw new UserError(`${name} is set, but there is no such variable; expected ${close}, or none of that name`)
    }
  }
}

/** Pairs that mean nothing alone: the whole pair or neither. */
function refuseHalves(values: Record<string, unknown>): void {
  const pairs: [VariableName, VariableName][] = [
    ['QUEUES', 'REDIS_URL'],
    ['RUNPOD_ENDPOINT_IDS', 'RUNPOD_API_KEY'],
    ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'],
    ['S3_SECRET_ACCESS_KEY', 'S3_ACCESS_KEY_ID'],
    ['S3_ENDPOINT', 'S3_BUCKET'],
    ['AUDIT_RETENTION_MONTHS', 'S3_BUCKET'],
  ]
  for (const [name, needed] of pairs) {
    if (values[name] !== undefined && values[needed] === undefined) {
      throw new UserError(`${name} is set, but ${needed} is not; expected ${variables[needed].expected}`)
    }
  }
}
