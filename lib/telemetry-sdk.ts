import { readFileSync } from 'node:fs'
import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { createRequire } from 'node:module'
import { diag } from '@opentelemetry/api'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { envDetector, hostDetector, resourceFromAttributes, serviceInstanceIdDetector } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { Logger } from './log.ts'
import type { Settings } from './settings.ts'
import { asSent, nameStatement } from './statement-spans.ts'
import { createWarnings } from './telemetry-warnings.ts'
import { messageOf, UserError } from './user-error.ts'
import { WatchedExporter } from './watched-exporter.ts'

/** Two batches under way: with a receiver that never ends its answer, no more is held than these and the queue. */
const concurrencyLimit = 2
/** 2 s: a receiver that does not answer must not hold up the end of the process. */
const stopTimeoutMs = 2_000

export interface Telemetry {
  stop(): Promise<void>
}

export interface TelemetryOptions {
  settings: Settings
  /** Unless OTEL_SERVICE_NAME says another. */
  serviceName: string
  version: string
  log: Logger
}

/** What the settings do not name (queue, limits, compression, propagators) the SDK reads from its own OTEL_* variables. */
export async function startSdk({ settings, serviceName, version, log }: TelemetryOptions): Promise<Telemetry> {
  const warnings = createWarnings(log)
  const timeoutMillis = settings.OTEL_EXPORTER_OTLP_TIMEOUT
  const agents = agentsOf(process.env)
  const { OTLPTraceExporter } =
    settings.OTEL_EXPORTER_OTLP_PROTOCOL === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  const exporter = new WatchedExporter({
    exporter: new OTLPTraceExporter({
      url: addressOf(settings),
      headers: { ...settings.OTEL_EXPORTER_OTLP_HEADERS },
      ...{ timeoutMillis, concurrencyLimit, httpAgentOptions: agents.of },
    }),
    asSent,
    // The exporter's own time-out is for silence alone; an answer of a byte a second has no end.
    deadlineMs: timeoutMillis + 1_000,
    cut: agents.cut,
    warnings,
  })
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    // Not the process: its command line and its owner are nobody's business.
    resourceDetectors: [serviceInstanceIdDetector, hostDetector, envDetector],
    traceExporter: exporter,
    instrumentations: [
      // Statements of a poll each second belong to nothing and would be most of what is sent.
      new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true, requestHook: nameStatement }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
  })
  diag.setLogger(warnings.diagnostics, { logLevel: warnings.level, suppressOverrideMessage: true })
  sdk.start()
  // So that it does not matter who imported pg before: the instrumentation changes what it sees required.
  createRequire(import.meta.url)('pg')
  return {
    stop: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((done) => {
        timer = setTimeout(done, stopTimeoutMs)
      })
      await Promise.race([sdk.shutdown().catch(() => {}), late])
      clearTimeout(timer)
      agents.cut()
    },
  }
}

function addressOf(settings: TelemetryOptions['settings']): string {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole } = settings
  if (whole !== undefined) return whole
  const url = new URL(base ?? '')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return url.href
}

/** Connections to the receiver, which can be cut. */
function agentsOf(environment: Readonly<Record<string, string | undefined>>) {
  const options: AgentOptions & { ca?: Buffer; cert?: Buffer; key?: Buffer } = { keepAlive: true }
  for (const [option, name] of [
    ['ca', 'CERTIFICATE'],
    ['cert', 'CLIENT_CERTIFICATE'],
    ['key', 'CLIENT_KEY'],
  ] as const) {
    const variables = [`OTEL_EXPORTER_OTLP_TRACES_${name}`, `OTEL_EXPORTER_OTLP_${name}`]
    const variable = variables.find((one) => environment[one])
    if (variable !== undefined) options[option] = readPem(variable, environment[variable] ?? '')
  }
  const agents: HttpAgent[] = []
  return {
    of: (protocol: string): HttpAgent => {
      const agent = protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
      agents.push(agent)
      return agent
    },
    cut: () => {
      for (const agent of agents) agent.destroy()
    },
  }
}

function readPem(variable: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UserError(`${variable} names ${path}, which cannot be read (${messageOf(error)}); expected a PEM file`)
  }
}
