import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { Telemetry, TelemetryOptions } from './telemetry.ts'

export function startSdk({ endpoint, serviceName }: TelemetryOptions): Telemetry {
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    traceExporter: new OTLPTraceExporter({
      url: new URL('v1/traces', withSlash(endpoint)).href,
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
