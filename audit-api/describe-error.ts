import { messageOf } from '../lib/user-error.ts'

/** What the log may say of an error: where it came from, and nothing of the rows and values it is about. */
export interface ErrorDescription {
  error: string
  code?: string
  constraint?: string
  table?: string
  column?: string
  stack?: string
}

/**
 * Postgres quotes the row that failed in the detail of an error and the value in its message, which name people; so of
 * its errors only the names of our own things are kept, and of others the message and the stack.
 */
export function describeError(thrown: unknown): ErrorDescription {
  if (!(thrown instanceof Error)) return { error: 'something was thrown that is no error' }
  const from: Error & Partial<Record<'severity' | 'code' | 'constraint' | 'table' | 'column', unknown>> = thrown
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const names = Object.fromEntries(
    (['code', 'constraint', 'table', 'column'] as const)
      .filter((name) => typeof from[name] === 'string')
      .map((name) => [name, String(from[name])]),
  )
  const ofPostgres = typeof from.severity === 'string'
  const message = messageOf(thrown)
  return {
    error: ofPostgres ? `Postgres: ${message.replace(/"[^"]*"/g, '"…"').replace(/(: |= ?|\().*$/, '$1…')}` : message,
    ...names,
    ...(frames.length === 0 ? {} : { stack: frames.join('\n') }),
  }
}
