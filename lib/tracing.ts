import { type Attributes, type Span, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { messageOf } from './user-error.ts'

/** Until telemetry is started its spans record nothing and cost next to nothing. */
const tracer = trace.getTracer('barometer')

/**
 * Does the work in a span, the child of the one that is under way. What the work throws is recorded in it, and thrown on.
 * @param attributes by OpenTelemetry's semantic conventions, else beginning with `barometer.`; never what is secret or of
 * a person
 */
export async function traced<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  return await tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      markFailed(span, error)
      throw error
    } finally {
      span.end()
    }
  })
}

/** Says in the span that it failed, and why. For what is not thrown on. */
export function markFailed(span: Span, error: unknown): void {
  if (!span.isRecording()) return
  const type = errorType(error)
  const message = shownMessage(error)
  span.setAttribute('error.type', type)
  span.recordException({ name: type, message })
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}

/** SQLSTATE or the code of the system where there is one: `57014`, `ECONNREFUSED`. */
function errorType(error: unknown): string {
  for (const one of causes(error)) if ('code' in one && typeof one.code === 'string') return one.code
  return error instanceof Error ? error.name : 'Error'
}

const sqlState = /^[0-9A-Z]{5}$/

/** Postgres quotes the values that it did not like: whose they are is not known here, so they are left out. */
function shownMessage(error: unknown): string {
  const message = messageOf(error)
  const ofPostgres = causes(error).some((one) => 'code' in one && sqlState.test(String(one.code)))
  return ofPostgres ? withoutQuoted(message) : message
}

export const withoutQuoted = (message: string): string => message.replace(/"[^"]*"/g, '"…"')

function causes(error: unknown): Error[] {
  const found: Error[] = []
  for (let one = error; one instanceof Error && found.length < 5; one = one.cause) found.push(one)
  return found
}

/** The labels of an exemplar: the span that is under way, where it is sent anywhere; else none. */
export function exemplarLabels(span = trace.getActiveSpan()): Record<string, string> {
  const context = span?.spanContext()
  if (context === undefined || (context.traceFlags & TraceFlags.SAMPLED) === 0) return {}
  return { trace_id: context.traceId, span_id: context.spanId }
}
