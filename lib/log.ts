import { isSpanContextValid, trace } from '@opentelemetry/api'
import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/**
 * A JSON logger on standard error (standard output belongs to what a command prints). Lines written while a trace is
 * under way carry its `trace_id` and `span_id`. Keys that could hold a secret are replaced.
 */
export function createLogger(options: { name: string; level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      name: options.name,
      level: options.level,
      redact: {
        paths: ['*.password', '*.authorization', '*.token', '*.secret', 'req.headers', '*.env'],
        censor: '(hidden)',
      },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => {
        const context = trace.getActiveSpan()?.spanContext()
        return context !== undefined && isSpanContextValid(context)
          ? { trace_id: context.traceId, span_id: context.spanId }
          : {}
      },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
}
