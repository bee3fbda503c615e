import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ObserveDataWithExemplar } from 'prom-client'
import { exemplarLabels, markFailed } from './tracing.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']
const tracer = trace.getTracer('barometer')

/** What is told of each request. */
export interface RequestSeconds {
  observe(request: ObserveDataWithExemplar<string>): void
}

/**
 * Times every request by the OpenTelemetry convention, in seconds, under the pattern of its route: a path or a method of
 * the client's making is never a label. Each request is a span too, which goes on with the trace that the client names in
 * `traceparent`; what was asked for, by whom and from where may name people, and is not in it. To be called before other
 * hooks are added, so that what these log carries the trace.
 * @param requestSeconds a Histogram with `enableExemplars`, or what takes the same; one without takes its arguments otherwise
 */
export function observeRequests(server: Pick<FastifyInstance, 'addHook'>, requestSeconds: RequestSeconds): void {
  const underway = new WeakMap<FastifyRequest, Context>()
  const within = (request: FastifyRequest, next: () => void): void =>
    context.with(underway.get(request) ?? context.active(), next)
  server.addHook('onRequest', (request, _reply, done) => {
    underway.set(request, startSpan(request))
    within(request, done)
  })
  // The body comes by events of the socket, which know nothing of the request.
  server.addHook('preValidation', (request, _reply, done) => within(request, done))
  server.addHook('onError', (request, _reply, error, done) => {
    const span = spanOf(underway.get(request))
    // What the client did wrong is no failure of ours.
    if (span !== undefined && !isOfClient(error)) markFailed(span, error)
    done()
  })
  server.addHook('onRequestAbort', (request, done) => {
    spanOf(underway.get(request))?.setAttribute('error.type', 'aborted')
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    const span = spanOf(underway.get(request))
    requestSeconds.observe({
      labels: {
        http_request_method: methodOf(request),
        http_route: request.routeOptions.url ?? 'none',
        http_response_status_code: reply.statusCode,
      },
      value: reply.elapsedTime / 1_000,
      exemplarLabels: exemplarLabels(span),
    })
    within(request, done)
    if (span !== undefined) endSpan(span, request, reply)
  })
}

const methodOf = ({ method }: FastifyRequest): string => (methods.includes(method) ? method : '_OTHER')

const spanOf = (of: Context | undefined): Span | undefined => (of === undefined ? undefined : trace.getSpan(of))

function isOfClient(error: Error): boolean {
  const status = 'statusCode' in error ? error.statusCode : 'status' in error ? error.status : undefined
  return typeof status === 'number' && status < 500
}

function startSpan(request: FastifyRequest): Context {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers)
  const method = methodOf(request)
  const route = request.routeOptions.url
  const span = tracer.startSpan(
    // A name that the client makes up would be another one each time.
    route === undefined ? (method === '_OTHER' ? 'HTTP' : method) : `${method} ${route}`,
    {
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': method,
        'url.scheme': request.protocol,
        'network.protocol.version': request.raw.httpVersion,
        ...(route === undefined ? {} : { 'http.route': route }),
        // The path itself only where it can be no other than the route.
        ...(route === undefined || /[:*]/.test(route) ? {} : { 'url.path': route }),
      },
    },
    parent,
  )
  return trace.setSpan(parent, span)
}

function endSpan(span: Span, request: FastifyRequest, reply: FastifyReply): void {
  if (span.isRecording()) {
    span.setAttribute('http.response.status_code', reply.statusCode)
    if (reply.hasHeader('x-request-id')) span.setAttribute('http.response.header.x-request-id', [request.id])
    if (reply.statusCode >= 500) {
      span.setAttribute('error.type', String(reply.statusCode))
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
  }
  span.end()
}
