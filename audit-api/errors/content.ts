import { randomUUID } from 'node:crypto'
import { Compile } from 'typebox/compile'
import { firstError, join, refuseUnstorable, shown } from '../http/body-fields.ts'
import { badField } from '../http/problem.ts'
import { toUtcMicroseconds } from '../http/time.ts'
import { ErrorSchema, errorLimits, type ReportedError } from './error-schema.ts'
import { fingerprintOf } from './fingerprint.ts'
import { maskSecrets } from './masking/masking.ts'

/** An error as it is stored: masked, in UTC, with its fingerprint. */
export type ErrorRow = ReportedError & { id: string; fingerprint: string }

const reported = Compile(ErrorSchema)
const dayMs = 86_400_000
/** 1 h: what a clock that was never set right is ahead of ours, and no more, since the list begins with the newest. */
const aheadMs = 3_600_000

/**
 * The errors of a body, one or an array, checked, masked and fingerprinted.
 * @throws {Problem} 400 that names the first field that is not right (`errors[3].message`) and what was expected.
 */
export function readErrors(body: unknown, now: Date): ErrorRow[] {
  const many = Array.isArray(body)
  const found: unknown[] = many ? body : [body]
  if (found.length === 0) throw badField('errors', 'is empty; expected at least one error')
  if (found.length > errorLimits.errorsMax) {
    throw badField('errors', `has ${found.length} items; expected at most ${errorLimits.errorsMax}`)
  }
  const checked = found.map((item, index) => readError(item, many ? `errors[${index}]` : '', now))
  return checked.map(toRow)
}

function readError(item: unknown, path: string, now: Date): ReportedError {
  if (!reported.Check(item)) throw firstError(reported.Errors(item), path, 'error')
  refuseUnstorable(item, path, 0)
  const field = join(path, 'occurred_at')
  const occurredAt = toUtcMicroseconds(item.occurred_at)
  if (occurredAt === undefined) {
    throw badField(
      field,
      `is ${shown(item.occurred_at)}; expected an RFC 3339 time with its offset, as 2026-03-01T12:00:00Z`,
    )
  }
  const earliest = new Date(now.getTime() - errorLimits.daysBack * dayMs).toISOString()
  const latest = new Date(now.getTime() + aheadMs).toISOString()
  // All are UTC in one form to the millisecond, so they compare as text.
  const time = `${occurredAt.slice(0, 23)}Z`
  if (time < earliest || time > latest) {
    throw badField(
      field,
      `is ${shown(item.occurred_at)}; expected a time of the last ${errorLimits.daysBack} days, and no more than an hour ahead`,
    )
  }
  return { ...item, occurred_at: occurredAt }
}

function toRow(error: ReportedError): ErrorRow {
  const masked = {
    service: maskedTo(error.service, errorLimits.service),
    type: maskedTo(error.type, errorLimits.type),
    message: maskedTo(error.message, errorLimits.message),
    ...(error.route === undefined ? {} : { route: maskedTo(error.route, errorLimits.route) }),
    ...(error.trace_id === undefined ? {} : { trace_id: maskedTo(error.trace_id, errorLimits.traceId) }),
    ...(error.stack === undefined ? {} : { stack: maskedTo(error.stack, errorLimits.stack) }),
  }
  return { ...error, ...masked, id: (error.id ?? randomUUID()).toLowerCase(), fingerprint: fingerprintOf(masked) }
}

/** A mask may be longer than what it masks; the end goes then. Not within a character of two halves, which would be refused. */
function maskedTo(text: string, lengthMax: number): string {
  return maskSecrets(text).slice(0, lengthMax).toWellFormed()
}
