import type { Attributes, Span } from '@opentelemetry/api'
import { withoutQuoted } from './tracing.ts'

/** 2,000 characters say which statement it is; some of the store's are 20,000 long. */
const textMax = 2_000

interface Statement {
  connection: { database?: string }
  query: { text: string; values?: unknown[] }
}

/**
 * Names a statement's span by OpenTelemetry's semantic conventions for databases, and gives its text: with `$1` for what
 * was given beside it, and without what is quoted in it where nothing was.
 */
export function nameStatement(span: Span, { connection, query }: Statement): void {
  const { operation, text } = describeStatement(query.text, query.values !== undefined)
  span.updateName([operation, connection.database].filter((part) => part !== undefined).join(' '))
  span.setAttributes({ 'db.operation.name': operation, 'db.query.text': text })
}

/** As Postgres quotes values: `E'…'` with escapes by backslash, `'…'` without, `$tag$…$tag$`; the last may have no end. */
const quoted = /\bE'(?:[^'\\]|''|\\.)*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/gi

/** @returns the first word in capitals, and the text as it may be seen */
export function describeStatement(text: string, isParameterised: boolean): { operation: string; text: string } {
  const plain = text.replace(/^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '')
  const operation = (/^[A-Za-z]+/.exec(plain)?.[0] ?? 'statement').toUpperCase()
  const shown = isParameterised ? plain : plain.replaceAll(quoted, '?')
  return { operation, text: shown.length > textMax ? `${shown.slice(0, textMax)}…` : shown }
}

/** What is looked at of a span that has ended. */
interface EndedSpan {
  attributes: Attributes
  status: { code: number; message?: string }
  events: readonly { attributes?: Attributes }[]
}

/** A statement that failed, with its SQLSTATE, and without the values that Postgres quotes in its message. */
export function asSent<Of extends EndedSpan>(span: Of): Of {
  const { attributes, status, events } = span
  if (attributes['db.system.name'] === undefined || status.message === undefined) return span
  const said = String(events.at(-1)?.attributes?.['exception.message'] ?? '')
  const code = /\(code: (\w+)\)/.exec(said)?.[1]
  return Object.create(span, {
    status: { value: { ...status, message: withoutQuoted(status.message) } },
    attributes: { value: { ...attributes, ...(code === undefined ? {} : { 'error.type': code }) } },
  })
}
