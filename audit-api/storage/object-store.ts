import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3'
import { createS3Client } from '../../lib/s3.ts'
import type { Settings } from '../../lib/settings.ts'

/** Where the log keeps what is to outlive its database: one bucket, below one prefix. */
export interface ObjectStore {
  client: S3Client
  bucket: string
  /** Ends with a slash. */
  prefix: string
}

/** The store of the settings; undefined where S3 is not configured. */
export function openObjectStore(settings: Settings): ObjectStore | undefined {
  if (settings.S3_BUCKET === undefined) return undefined
  return {
    client: createS3Client(settings, { attemptsMax: 3 }),
    bucket: settings.S3_BUCKET,
    prefix: `${settings.AUDIT_S3_PREFIX}/`,
  }
}

/** 30 s for what is small: a server that hangs must not hold the work up for ever. */
const smallTimeoutMs = 30_000

export async function putText(store: ObjectStore, key: string, text: string): Promise<void> {
  const command = new PutObjectCommand({ Bucket: store.bucket, Key: key, Body: text, ContentType: 'application/json' })
  await store.client.send(command, { abortSignal: AbortSignal.timeout(smallTimeoutMs) })
}

export async function getText(store: ObjectStore, key: string): Promise<string> {
  const command = new GetObjectCommand({ Bucket: store.bucket, Key: key })
  const { Body: body } = await store.client.send(command, { abortSignal: AbortSignal.timeout(smallTimeoutMs) })
  return (await body?.transformToString()) ?? ''
}

/** The last `count` keys below a prefix, in their order. */
export async function lastKeys(store: ObjectStore, prefix: string, count: number): Promise<string[]> {
  let keys: string[] = []
  for await (const page of paginateListObjectsV2({ client: store.client }, { Bucket: store.bucket, Prefix: prefix })) {
    const found = (page.Contents ?? []).flatMap(({ Key: key }) => (key === undefined ? [] : [key]))
    keys = [...keys, ...found].slice(-count)
  }
  return keys
}
