import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { testDirectory } from '../../testing/database.ts'
import { startAlertmanager } from './alertmanager.ts'
import { startPrometheus } from './prometheus.ts'
import { startRedis } from './redis.ts'
import { startS3 } from './s3.ts'

test('Redis keeps what it was given over a kill', async () => {
  const redis = await startRedis({ directory: testDirectory('redis') })
  onTestFinished(() => redis.stop())
  const client = new Redis(redis.url)
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  await client.config('SET', 'appendfsync', 'always')
  await client.set('kept', 'yes')
  await redis.signal('SIGKILL')
  await redis.start()
  expect(await client.get('kept')).toBe('yes')
})

test('the S3 server takes an object from the current SDK, gives it back and deletes it', async () => {
  const s3 = await startS3({ directory: testDirectory('s3'), bucket: 'images' })
  onTestFinished(() => s3.stop())
  const client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials: s3 })
  await client.send(new HeadBucketCommand({ Bucket: 'images' }))
  await client.send(new PutObjectCommand({ Bucket: 'images', Key: 'a/b', Body: 'content' }))
  const answer = await client.send(new GetObjectCommand({ Bucket: 'images', Key: 'a/b' }))
  expect(await answer.Body?.transformToString()).toBe('content')
  await client.send(new DeleteObjectCommand({ Bucket: 'images', Key: 'a/b' }))
  await expect(client.send(new GetObjectCommand({ Bucket: 'images', Key: 'a/b' }))).rejects.toThrow()
})

test('Prometheus and Alertmanager start with a configuration of ours', async () => {
  const directory = testDirectory('monitoring')
  writeFileSync(join(directory, 'prometheus.yml'), 'global: {scrape_interval: 1s}\n')
  writeFileSync(join(directory, 'alertmanager.yml'), 'route: {receiver: none}\nreceivers: [{name: none}]\n')
  const prometheus = await startPrometheus({ directory, configFile: join(directory, 'prometheus.yml') })
  onTestFinished(() => prometheus.stop())
  const alertmanager = await startAlertmanager({ directory, configFile: join(directory, 'alertmanager.yml') })
  onTestFinished(() => alertmanager.stop())
  expect((await fetch(`${prometheus.url}/api/v1/status/buildinfo`)).status).toBe(200)
  expect((await fetch(`${alertmanager.url}/api/v2/status`)).status).toBe(200)
})
