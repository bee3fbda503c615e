import { randomUUID } from 'node:crypto'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { createS3Client } from '../../lib/s3.ts'
import type { Settings } from '../../lib/settings.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { type Probe, ProbeError } from './probe.ts'

/** 12 ticks of 5 s are the 60 s between two canaries. */
const canaryEveryTicks = 12

/**
 * HEAD of the bucket at every tick, and every minute a canary that is written, read back, compared and deleted. After a
 * canary that failed the next tick tries it again: a bucket that can be seen but not written is down.
 */
export function s3Probe(settings: Settings, bucket: string, replicaId: string): Probe {
  // A probe reports what happened; to try again is the next tick's.
  const client = createS3Client(settings, { attemptsMax: 1 })
  const key = `barometer-canary/${replicaId.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 100)}`
  let ticksToCanary = 0
  return {
    of: { dependency: 's3', target: targetOf(settings) },
    everyTicks: 1,
    run: async (signal) => {
      await named('HEAD of the bucket', () =>
        client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal }),
      )
      if (ticksToCanary === 0) {
        await canary(client, { Bucket: bucket, Key: key }, signal)
        ticksToCanary = canaryEveryTicks
      }
      ticksToCanary -= 1
      return []
    },
    stop: async () => client.destroy(),
  }
}

/** Without an endpoint it is AWS, whose host name follows from the region. */
function targetOf(settings: Settings): string {
  return hostAndPort(settings.S3_ENDPOINT ?? `https://s3.${settings.S3_REGION}.amazonaws.com`)
}

async function canary(client: S3Client, object: { Bucket: string; Key: string }, signal: AbortSignal): Promise<void> {
  const abortSignal = signal
  const written = randomUUID()
  await named('writing the canary', () =>
    client.send(new PutObjectCommand({ ...object, Body: written, ContentType: 'text/plain' }), { abortSignal }),
  )
  const read = await named('reading the canary', async () => {
    const answer = await client.send(new GetObjectCommand(object), { abortSignal })
    return firstBytes(answer.Body?.transformToWebStream(), written.length + 1)
  })
  await named('deleting the canary', () => client.send(new DeleteObjectCommand(object), { abortSignal }))
  if (read !== written) throw new ProbeError('the canary that was read back is not the one that was written')
}

/** As much as the comparison needs: the body may be anything of any length. */
async function firstBytes(body: ReadableStream<Uint8Array> | undefined, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= bytesMax) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, bytesMax)
}

async function named<Result>(step: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    // The message comes from the server; the name and the status are enough to know what to do.
    if (error instanceof S3ServiceException) {
      const name = /^[A-Za-z0-9]{1,60}$/.test(error.name) ? error.name : 'an error'
      throw new ProbeError(`${step} failed: ${name} (status ${error.$metadata.httpStatusCode ?? 'unknown'})`)
    }
    throw error
  }
}
