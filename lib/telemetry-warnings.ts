import { type DiagLogger, DiagLogLevel } from '@opentelemetry/api'
import type { Logger } from './log.ts'

export interface TelemetryWarnings {
  /** A batch of so many spans is lost. Said when it begins, and not again until one has arrived. */
  failed(reason: string, spans: number): void
  arrived(): void
  /** What the SDK itself has to say, each thing once. */
  diagnostics: DiagLogger
  level: DiagLogLevel
}

/** Ten kinds of message; an SDK that has more to say is not to fill the log. */
const kindsMax = 10

export function createWarnings(log: Pick<Logger, 'warn' | 'info'>): TelemetryWarnings {
  let failing = false
  let lost = 0
  const said = new Set<string>()
  // The message alone: what follows it may be an answer of the other side, or a span.
  const once = (first: string, second: unknown): void => {
    // A part of the SDK puts its own name first.
    const message = !first.includes(' ') && typeof second === 'string' ? `${first}: ${second}` : first
    const kind = message.replaceAll(/\d+/g, '0')
    if (said.has(kind) || said.size >= kindsMax) return
    said.add(kind)
    log.warn({ reason: message.slice(0, 300) }, 'OpenTelemetry has something to say')
  }
  const nothing = (): void => {}
  return {
    failed: (reason, spans) => {
      lost += spans
      if (!failing) log.warn({ reason }, 'traces do not arrive; they are lost, and nothing else is')
      failing = true
    },
    arrived: () => {
      if (failing) log.info({ spans_lost: lost }, 'traces arrive again')
      failing = false
      lost = 0
    },
    diagnostics: {
      error: (message, more) => once(message, more),
      warn: (message, more) => once(message, more),
      info: nothing,
      debug: nothing,
      verbose: nothing,
    },
    level: DiagLogLevel.WARN,
  }
}
