export interface Telemetry {
  stop(): Promise<void>
}

export interface TelemetryOptions {
  /** The collector's base address. */
  endpoint: string
  serviceName: string
}

/**
 * Sends traces over OTLP/HTTP to `endpoint`. Without one nothing is started, spans cost next to nothing, and the SDK, which
 * is a fifth of an idle service's memory, is not loaded. A collector that is down loses traces, never requests.
 * Await it before `http` and `pg` are imported.
 */
export async function startTelemetry(options: {
  endpoint: string | undefined
  serviceName: string
}): Promise<Telemetry> {
  const { endpoint, serviceName } = options
  if (endpoint === undefined) return { stop: async () => {} }
  const { startSdk } = await import('./telemetry-sdk.ts')
  return startSdk({ endpoint, serviceName })
}
