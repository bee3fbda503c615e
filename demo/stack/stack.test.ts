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
import { expect, onTestFinished, test, vi } from 'vitest'
import { testDirectory } from '../../testing/directory.ts'
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

test('Prometheus fires a rule at Alertmanager, and again after a kill of it', async () => {
  const directory = testDirectory('monitoring')
  writeFileSync(join(directory, 'alertmanager.yml'), 'route: {receiver: none}\nreceivers: [{name: none}]\n')
  const alertmanager = await startAlertmanager({
    directory: join(directory, 'alertmanager'),
    configFile: join(directory, 'alertmanager.yml'),
  })
  onTestFinished(() => alertmanager.stop())
  writeFileSync(
    join(directory, 'rules.yml'),
    'groups: [{name: all, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]\n',
  )
  writeFileSync(
    join(directory, 'prometheus.yml'),
    `global: {evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['${new URL(alertmanager.url).host}']}]}]}
`,
  )
  const prometheus = await startPrometheus({
    directory: join(directory, 'prometheus'),
    configFile: join(directory, 'prometheus.yml'),
    // The first alert goes out before Prometheus knows where to: 5 s to find Alertmanager, then a minute to say it again.
    flags: ['--rules.alert.resend-delay=1s'],
  })
  onTestFinished(() => prometheus.stop())
  const names = async () => {
    const alerts = await (await fetch(`${alertmanager.url}/api/v2/alerts`)).text()
    return [...alerts.matchAll(/"alertname":"(\w+)"/g)].map((match) => match[1])
  }
  await vi.waitFor(async () => expect(await names()).toEqual(['Always']), { timeout: 20_000, interval: 100 })
  await alertmanager.signal('SIGKILL')
  await alertmanager.start()
  await vi.waitFor(async () => expect(await names()).toEqual(['Always']), { timeout: 20_000, interval: 100 })
})

test('a frozen S3 server gives no answer until it goes on', async () => {
  const s3 = await startS3({ directory: testDirectory('s3'), bucket: 'images' })
  onTestFinished(() => s3.stop())
  await s3.signal('SIGSTOP')
  await expect(fetch(s3.url, { signal: AbortSignal.timeout(300) })).rejects.toThrow()
  await s3.signal('SIGCONT')
  expect((await fetch(s3.url)).status).toBeLessThan(500)
})
