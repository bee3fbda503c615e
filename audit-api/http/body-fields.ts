import type { Validator } from 'typebox/compile'
import { badField, Problem } from './problem.ts'

/** Of a field that may hold anything. */
const depthMax = 16

/** The first thing that is not as the schema asks, by its name; the whole is `what`. */
export function firstError(errors: ReturnType<Validator['Errors']>, path: string, what: string): Problem {
  const unknown = errors.find((error) => error.keyword === 'additionalProperties')
  if (unknown?.keyword === 'additionalProperties') {
    const field = pointer(path, `${unknown.instancePath}/${unknown.params.additionalProperties[0] ?? ''}`)
    return badField(field, 'is not known; expected only the fields of the schema')
  }
  const error = errors[0]
  if (error === undefined) return new Problem(400, `the ${what} is not right`)
  if (error.keyword === 'required') {
    return badField(pointer(path, `${error.instancePath}/${error.params.requiredProperties[0] ?? ''}`), 'is missing')
  }
  const field = pointer(path, error.instancePath) || what
  if (error.keyword === 'enum') return badField(field, `must be one of ${error.params.allowedValues.join(', ')}`)
  return badField(field, error.message)
}

/** Whether `refuseUnstorable` would refuse nothing: quicker, since it names no field. */
export function isStorable(value: unknown, depth: number): boolean {
  if (depth > depthMax) return false
  if (typeof value === 'string') return isStorableText(value)
  if (typeof value === 'number') return isExact(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1))
  const object = value as Record<string, unknown>
  for (const key in object) {
    if (!isStorableText(key) || !isStorable(object[key], depth + 1)) return false
  }
  return true
}

const isStorableText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
const isExact = (value: number): boolean =>
  Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))

/**
 * What Postgres could not store as it was sent: NUL, halves of surrogate pairs, numbers that JavaScript has rounded. A
 * log that changes what it was told is none, so these are refused, not repaired.
 */
export function refuseUnstorable(value: unknown, path: string, depth: number): void {
  if (depth > depthMax) throw badField(path, `is nested deeper than ${depthMax} levels`)
  if (typeof value === 'string') refuseText(value, path)
  else if (typeof value === 'number' && !isExact(value)) {
    throw badField(path, 'is a number that cannot be kept exactly; expected it as text')
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseUnstorable(item, `${path}[${index}]`, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const field = join(path, cleaned(key))
      refuseText(key, field)
      refuseUnstorable(item, field, depth + 1)
    }
  }
}

function refuseText(text: string, path: string): void {
  if (text.includes('\0')) throw badField(path, 'contains a NUL character, which cannot be stored')
  if (!text.isWellFormed()) throw badField(path, 'contains half of a surrogate pair, which is no character')
}

/** `/actor/id` behind `events[3]` is `events[3].actor.id`. */
function pointer(path: string, instancePath: string): string {
  const keys = instancePath
    .split('/')
    .slice(1)
    .map((key) => cleaned(key.replaceAll('~1', '/').replaceAll('~0', '~')))
  return keys.reduce((field, key) => join(field, key), path)
}

export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** A key of the sender's making, short and printable, to be named in an answer. */
function cleaned(key: string): string {
  return key.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}

export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}
