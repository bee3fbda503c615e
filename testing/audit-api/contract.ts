import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/**
 * Holds real answers against what `/openapi.json` says of their route. A validator of its own, so that the
 * library which made the document is not its only witness.
 */
export interface Contract {
  document: ApiDocument
  operations: readonly Operation[]
  /** What is wrong with an answer, or undefined. */
  check(answer: Answer): string | undefined
}

export interface Schema {
  readonly [keyword: string]: unknown
}
interface Media {
  schema?: Schema
}
export interface OperationDocument {
  summary?: string
  tags?: readonly string[]
  security?: readonly unknown[]
  parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema; example?: unknown }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, { description?: string; content?: Record<string, Media> }>
}
export interface ApiDocument {
  openapi: string
  security?: readonly unknown[]
  paths: Record<string, Record<string, OperationDocument>>
}
export interface Operation {
  method: string
  path: string
  /** Behind a token. */
  secured: boolean
  description: OperationDocument
}
export interface Answer {
  method: string
  url: string
  status: number
  contentType: string | undefined
  body: string
}

export const problemType = 'application/problem+json'

export function readContract(document: ApiDocument): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  addFormats.default(ajv)
  const compiled = new Map<Schema, ValidateFunction>()
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, description]) => ({
      method: method.toUpperCase(),
      path,
      secured: (description.security ?? document.security ?? []).length > 0,
      description,
    })),
  )

  function check(answer: Answer): string | undefined {
    const path = answer.url.split('?')[0] ?? ''
    const operation = operations.find((known) => known.method === answer.method && pattern(known.path).test(path))
    const what = `${answer.method} ${operation?.path ?? path} answers ${answer.status}`
    const type = answer.contentType?.split(';')[0]
    if (operation === undefined) {
      const problem = answer.status < 400 || type === problemType || answer.method === 'HEAD'
      return problem ? undefined : `${what} as ${type}; expected ${problemType}`
    }
    const response = operation.description.responses[answer.status]
    if (response === undefined) return `${what}, which /openapi.json does not document`
    const media = response.content?.[type ?? '']
    if (media === undefined) return `${what} as ${type}; /openapi.json has ${Object.keys(response.content ?? {})}`
    if (media.schema === undefined) return `${what}, which /openapi.json gives no schema`
    // A line each is no one value.
    if (!/[/+]json$/.test(type ?? '')) return undefined
    const validate = compiled.get(media.schema) ?? ajv.compile(media.schema)
    compiled.set(media.schema, validate)
    if (validate(JSON.parse(answer.body))) return undefined
    return `${what}, not as documented: ${ajv.errorsText(validate.errors)}: ${answer.body.slice(0, 300)}`
  }
  return { document, operations, check }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`)
}

/** The smallest value that a schema takes, by its examples where it has some. */
export function exampleOf(schema: Schema, name = ''): unknown {
  // What happened is wanted of these days, whatever day it was when the example was written.
  if (name === 'occurred_at') return new Date(Date.now() - 60_000).toISOString()
  const given =
    [schema.examples].flat()[0] ?? schema.example ?? schema.default ?? schema.const ?? [schema.enum].flat()[0]
  if (given !== undefined) return given
  const choices = [schema.anyOf, schema.oneOf].flat().filter(isSchema)
  if (choices[0] !== undefined) return exampleOf(choices[0], name)
  if (schema.type === 'object') {
    const properties: Schema = isSchema(schema.properties) ? schema.properties : {}
    const required = [schema.required].flat().filter((key) => typeof key === 'string')
    return Object.fromEntries(required.map((key) => [key, exampleOf(schemaAt(properties, key), key)]))
  }
  if (schema.type === 'array') return isSchema(schema.items) ? [exampleOf(schema.items)] : []
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1
  if (schema.type === 'boolean') return true
  return schema.format === 'uuid' ? crypto.randomUUID() : 'x'
}

function schemaAt(properties: Schema, key: string): Schema {
  const found = properties[key]
  return isSchema(found) ? found : {}
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}
