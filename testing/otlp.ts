import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

type Value = string | number | boolean | string[]

/** A span as it came in, ids in hexadecimal. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** Empty for the first of a trace. */
  parentSpanId: string
  name: string
  kind: string
  attributes: Record<string, Value>
  status: { code?: string; message?: string }
  events: { name: string; attributes: Record<string, Value> }[]
  resource: Record<string, Value>
  scope: string
}

interface Attribute {
  key: string
  value?: {
    stringValue?: string
    boolValue?: boolean
    intValue?: string
    arrayValue?: { values?: Attribute['value'][] }
  }
}

interface Decoded {
  resourceSpans: {
    resource?: { attributes?: Attribute[] }
    scopeSpans: {
      scope?: { name?: string }
      spans: {
        traceId: string
        spanId: string
        parentSpanId?: string
        name: string
        kind: string
        attributes?: Attribute[]
        status?: ReceivedSpan['status']
        events?: { name: string; attributes?: Attribute[] }[]
      }[]
    }[]
  }[]
}

interface MessageType {
  decode(bytes: Uint8Array): object
  verify(value: object): string | null
  fromObject(value: object): object
  toObject(message: object, options: Record<string, unknown>): Decoded
}

/** What opentelemetry-proto says, as OpenTelemetry's own package carries it. */
const request: MessageType = createRequire(import.meta.url)('otlp-schema/build/src/generated/root.js').opentelemetry
  .proto.collector.trace.v1.ExportTraceServiceRequest

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans: ReceivedSpan[]
  /** Of each request, in order. */
  requests: { path: string; contentType: string; headers: Record<string, unknown> }[]
  close(): void
}

/** A receiver of OTLP over HTTP that takes what is valid by the schema, in both encodings, and refuses all else with 400. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const requests: OtlpReceiver['requests'] = []
  const server: Server = createServer(async (incoming, answer) => {
    const body = await buffer(incoming)
    const contentType = String(incoming.headers['content-type'])
    requests.push({ path: incoming.url ?? '', contentType, headers: incoming.headers })
    try {
      const bytes = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      spans.push(...spansOf(decode(bytes, contentType)))
      answer.writeHead(200, { 'content-type': contentType })
      answer.end(contentType === 'application/json' ? '{}' : undefined)
    } catch (error) {
      answer.writeHead(400).end(String(error))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function decode(body: Buffer, contentType: string): Decoded {
  if (contentType === 'application/x-protobuf') return readable(request.decode(body))
  if (contentType !== 'application/json') throw new Error(`the content type is ${contentType}`)
  // OTLP's JSON has ids in hexadecimal where protobuf's has base64.
  const value: object = JSON.parse(body.toString('utf8'), (key, of) =>
    /^(traceId|spanId|parentSpanId)$/.test(key) ? Buffer.from(String(of), 'hex').toString('base64') : of,
  )
  const message = request.fromObject(value)
  const wrong = request.verify(message)
  if (wrong !== null) throw new Error(wrong)
  return readable(message)
}

const readable = (message: object): Decoded =>
  request.toObject(message, { longs: String, enums: String, bytes: String, arrays: true })

function spansOf({ resourceSpans }: Decoded): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId ?? ''),
        name: span.name,
        kind: span.kind,
        attributes: valuesOf(span.attributes),
        status: span.status ?? {},
        events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: valuesOf(attributes) })),
        resource: valuesOf(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  )
}

const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex')

const valuesOf = (attributes: Attribute[] = []): Record<string, Value> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]))

function readValue(value: Attribute['value'] = {}): Value {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map((one) => String(readValue(one)))
  return value.stringValue ?? value.boolValue ?? Number(value.intValue)
}
