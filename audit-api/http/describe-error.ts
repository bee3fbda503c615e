import { messageOf } from '../../lib/user-error.ts'

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
 * its errors only the code and the names of our own things are kept; the words only of class 42 (no such table, no right),
 * which are about our statements and not about values. Of other errors it is the message and the stack.
 */
export function describeError(thrown: unknown): ErrorDescription {
  if (!(thrown instanceof Error)) return { error: 'something was thrown that is no error' }
  const from: Error & Partial<Record<'severity' | 'code' | 'constraint' | 'table' | 'column', unknown>> = thrown
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const names: Omit<ErrorDescription, 'error'> = Object.fromEntries(
    (['code', 'constraint', 'table', 'column'] as const)
      .filter((name) => typeof from[name] === 'string')
      .map((name) => [name, String(from[name])]),
  )
  const ofRows = typeof from.severity === 'string' && names.code?.startsWith('42') !== true
  return {
    error: ofRows ? `an error of Postgres, ${names.code}` : messageOf(thrown),
    ...names,
    ...(frames.length === 0 ? {} : { stack: frames.join('\n') }),
  }
}
