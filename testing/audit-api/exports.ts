import http from 'node:http'
import type { AuditTestbed } from './testbed.ts'

export interface Download {
  status: number | undefined
  headers: http.IncomingHttpHeaders
  body: Buffer
  trailers: NodeJS.Dict<string>
}

/** Where the exports are, and with which token. */
export interface Exports {
  address: string
  token: string
}

/** The answer's head; its body is not read yet. Node's own client, since fetch hides trailers. */
export async function begin({ address, token }: Exports, query: string): Promise<http.IncomingMessage> {
  return await new Promise((resolve, reject) => {
    http
      .get(
        `${address}/v1/audit/events.csv?${query}`,
        { headers: { authorization: `Bearer ${token}` }, agent: false },
        resolve,
      )
      .on('error', reject)
  })
}

/** Rejects where the answer is cut. */
export async function download(
  exports: Exports,
  query: string,
  onChunk?: (bytes: number, answer: http.IncomingMessage) => void,
): Promise<Download> {
  const answer = await begin(exports, query)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    chunks.push(chunk)
    bytes += chunk.length
    onChunk?.(bytes, answer)
  }
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks), trailers: answer.trailers }
}

/** 100,000 events in three months, so that a file is larger than all buffers on its way. */
export async function addCrowd(bed: AuditTestbed): Promise<void> {
  await bed.owner.query(
    `SELECT barometer_audit.ensure_month(timestamptz '2025-10-01Z' + n * interval '1 month') FROM generate_series(0, 2) AS n`,
  )
  await bed.owner.query(`INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action,
      target_type, target_id, outcome, metadata)
    SELECT gen_random_uuid(), timestamptz '2025-10-01Z' + n * interval '1 minute', 'system', 'crowd', 'Crowd',
      'crowd.come', 'place', n::text, 'success', jsonb_build_object('filler', repeat('x', 200))
    FROM generate_series(1, 100000) AS n`)
}
