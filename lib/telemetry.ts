import type { Telemetry, TelemetryOptions } from './telemetry-sdk.ts'

/**
 * Sends traces over OTLP/HTTP to where OTEL_EXPORTER_OTLP_ENDPOINT says. Without one nothing is started, spans cost next to
 * nothing, and the SDK, which is a fifth of an idle service's memory, is not loaded. A receiver that is down, slow or not one
 * loses traces, never requests, and is said in the log once.
 * @throws {UserError} for a certificate or a key that cannot be read
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, ...settings } = options.settings
  const nowhere = OTEL_EXPORTER_OTLP_ENDPOINT === undefined && OTEL_EXPORTER_OTLP_TRACES_ENDPOINT === undefined
  const off = settings.OTEL_SDK_DISABLED === 'true' || settings.OTEL_TRACES_EXPORTER === 'none'
  if (nowhere || off) return { stop: async () => {} }
  const { startSdk } = await import('./telemetry-sdk.ts')
  return await startSdk(options)
}
