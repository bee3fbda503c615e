import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { handleError, Problem, problemBody, problemContentType } from './problem.ts'
import { requestId } from './request-ids.ts'

/** Names of requests, and problems also where a request does not reach a route: no HTTP, too large a head, too slow. */
export const framework: Pick<FastifyServerOptions, 'genReqId' | 'frameworkErrors' | 'clientErrorHandler'> = {
  genReqId: requestId,
  frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    void handleError(error, request, reply)
  },
  clientErrorHandler: (error, socket) => answerAndCut(error.code, socket),
}

const problems: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem(431, 'the head of the request is too large; expected at most 16 KiB'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem(413, 'the chunk extensions are too large; expected none'),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(
    408,
    'the request came too slowly; expected its head in 10 s, all of it in 30 s',
  ),
}
const noHttp = new Problem(400, 'this is no HTTP request that can be read; expected HTTP/1.1')

/** Writes the answer by hand, since there is no request to answer to, and closes the connection. */
function answerAndCut(code: string, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) {
    const problem = problems[code] ?? noHttp
    const id = randomUUID()
    const body = JSON.stringify(problemBody(problem, id))
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      `content-type: ${problemContentType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${id}`,
      'connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroySoon()
}
