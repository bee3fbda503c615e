import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { messageOf } from '../lib/user-error.ts'

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

/** A 400 that names the field: what was found and what was expected. */
export function badField(field: string, detail: string): Problem {
  return new Problem(400, `${field} ${detail}`, { field })
}

/** Sends a problem; nothing of our insides is in it. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('application/problem+json; charset=utf-8')
    .serializer((body: unknown) => JSON.stringify(body))
    .send({
      type: 'about:blank',
      title: STATUS_CODES[problem.status] ?? 'Error',
      status: problem.status,
      detail: problem.message,
      ...(problem.field === undefined ? {} : { field: problem.field }),
    })
}

/** The error handler: what is ours is told, what is not is logged and told as a 500 or 503 without its words. */
export function handleError(error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = error instanceof Problem ? error : (problemOfFramework(error) ?? problemOfDatabase(error))
  if (problem !== undefined) {
    if (problem.status >= 500)
      request.log.error({ error: messageOf(error), route: request.routeOptions.url }, 'request failed')
    return sendProblem(reply, problem)
  }
  request.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
  return sendProblem(reply, new Problem(500, 'an unexpected error; the log of the service has more'))
}

function problemOfFramework(error: FastifyError): Problem | undefined {
  const { statusCode } = error
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return undefined
  if (statusCode === 413) return new Problem(413, 'the body is too large; expected at most 1 MiB')
  if (statusCode === 415) return new Problem(415, 'the content type is not known; expected application/json')
  if (statusCode === 429) return new Problem(429, error.message)
  return new Problem(statusCode, `the request cannot be read: ${messageOf(error)}`)
}

/** What a database says when it is away, busy or told to stop: the client should come again, or ask for less. */
function problemOfDatabase(error: { code?: string; message: string }): Problem | undefined {
  const code = error.code ?? ''
  if (code === '57014') {
    return new Problem(
      503,
      'the database took too long and the query was stopped; expected a narrower filter, or another try',
      retryLater,
    )
  }
  const away =
    /^(08|53|57P|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)/.test(code) ||
    /connection terminated|timeout exceeded when trying to connect/i.test(error.message)
  return away ? new Problem(503, 'the database cannot be reached', retryLater) : undefined
}

const retryLater = { headers: { 'retry-after': '5' } }
