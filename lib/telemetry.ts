import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'

export interface Telemetry {
  stop(): Promise<void>
}

/**
 * Sends traces over OTLP/HTTP to `endpoint` (the collector's base address). Without one nothing is started and spans cost
 * next to nothing. A collector that is down loses traces, never requests.
 */
export function startTelemetry(options: { endpoint: string | undefined; serviceName: string }): Telemetry {
  if (options.endpoint === undefined) return { stop: async () => {} }
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': options.serviceName }),
    traceExporter: new OTLPTraceExporter({
      url: new URL('v1/traces', withSlash(options.endpoint)).href,
      timeoutMillis: 3_000,
    }),
    instrumentations: [new HttpInstrumentation(), new PgInstrumentation()],
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  // 2 s: a collector that does not answer must not hold up the end of the process.
  return {
    stop: () =>
      Promise.race([sdk.shutdown().catch(() => {}), new Promise<void>((done) => setTimeout(done, 2_000).unref())]),
  }
}

const withSlash = (address: string): string => (address.endsWith('/') ? address : `${address}/`)
