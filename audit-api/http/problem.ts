import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { messageOf } from '../../lib/user-error.ts'
import { describeError } from './describe-error.ts'

/** An answer of RFC 9457: what is wrong, with the field that is meant where there is one. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly field: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, detail: string, options: { field?: string; headers?: Record<string, string> } = {}) {
    super(detail)
    this.status = status
    this.field = options.field
    this.headers = options.headers ?? {}
  }
}

/** What Node has read of a body before anybody asks for it; shorter ones do not hinder the next request. */
const bufferedBytes = 65_536
export const problemContentType = 'application/problem+json; charset=utf-8'

/** A 400 that names the field: what was found and what was expected. */
export function badField(field: string, detail: string): Problem {
  return new Problem(400, `${field} ${detail}`, { field })
}

/** The members of an answer that is a problem; nothing of our insides is in it. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  return {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    request_id: requestId,
  }
}

/** Sends a problem. What is left of a long body is not read to its end for the sake of the connection. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { id, raw, headers } = reply.request
  const long = Number(headers['content-length'] ?? 0) > bufferedBytes || headers['transfer-encoding'] !== undefined
  if (long && !raw.complete) reply.header('connection', 'close')
  return reply
    .code(problem.status)
    .headers({ 'x-request-id': id, ...problem.headers })
    .type(problemContentType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problemBody(problem, id))
}

/** The error handler: what is ours is told, what is not is logged and told as a 500 or 503 without its words. */
export function handleError(error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = error instanceof Problem ? error : (problemOfFramework(error) ?? problemOfDatabase(error))
  if (problem !== undefined && problem.status < 500) return sendProblem(reply, problem)
  request.log.error({ ...describeError(error), route: request.routeOptions.url }, 'request failed')
  return sendProblem(reply, problem ?? new Problem(500, 'an unexpected error; the log of the service has more'))
}

const ofFramework: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new Problem(413, 'the body is too large; expected at most 1 MiB', { field: 'body' }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new Problem(415, 'Content-Type is not known; expected application/json', {
    field: 'Content-Type',
    headers: { accept: 'application/json' },
  }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: new Problem(400, 'Content-Length is not the length of the body', {
    field: 'Content-Length',
  }),
  FST_ERR_BAD_URL: new Problem(400, 'the path cannot be decoded; expected % before two hexadecimal digits only', {
    field: 'path',
  }),
  FST_ERR_MAX_PARAM_LENGTH: new Problem(414, 'a part of the path is too long; expected at most 100 characters', {
    field: 'path',
  }),
}

function problemOfFramework(error: FastifyError): Problem | undefined {
  const known = ofFramework[error.code]
  if (known !== undefined) return known
  const { statusCode, validation } = error
  if (validation !== undefined) return problemOfValidation(validation)
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return undefined
  return new Problem(statusCode, `the request cannot be taken: ${messageOf(error)}`)
}

/** The first thing that a route's schema says; `/items/3` is `items.3`. */
function problemOfValidation(found: NonNullable<FastifyError['validation']>): Problem {
  const first = found[0]
  const names = [first?.params?.additionalProperties, first?.params?.requiredProperties].flat()
  const path = [...(first?.instancePath ?? '').split('/').slice(1), ...names.slice(0, 1)]
  const field = path.filter((part) => typeof part === 'string').join('.')
  const shown = field.replace(/[^\x20-\x7e]/g, '?').slice(0, 100) || 'request'
  return badField(shown, first?.message ?? 'is not right')
}

/** What a database says when it is away, busy or told to stop: the client should come again, or ask for less. */
function problemOfDatabase(error: { code?: string; message: string }): Problem | undefined {
  const code = error.code ?? ''
  if (code === '57014' || code === '55P03') {
    return new Problem(
      503,
      'the database took too long and the query was stopped; expected a narrower filter, or another try',
      retryLater,
    )
  }
  if (code === '53100') return new Problem(503, 'the database has no space left; nothing was stored', retryLater)
  const away =
    /^(08|53|57P|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/.test(code) ||
    /connection terminated|timeout exceeded when trying to connect|query read timeout/i.test(error.message)
  return away ? new Problem(503, 'the database cannot be reached', retryLater) : undefined
}

const retryLater = { headers: { 'retry-after': '5' } }
