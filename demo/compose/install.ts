import { readFileSync } from 'node:fs'
import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { installPlatform } from '../../database/platform/install.ts'
import { createPool } from '../../lib/postgres.ts'
import { runCommand } from '../run-command.ts'
import { seed } from '../simulator/seed.ts'
import { addressOf } from './addresses.ts'

/**
 * Lays out and fills the platform's database in docker-compose.yml, once, and makes the platform's bucket and those that
 * are named as words; run again it changes nothing.
 */
const secret = (name: string): string => readFileSync(`/run/secrets/${name}`, 'utf8').trim()

const ownerUrl = addressOf('postgres', secret('postgres_password'))
await installPlatform({ ownerUrl, exporterPassword: secret('exporter_password') })
await runCommand(['migrate'], { AUDIT_DATABASE_URL: ownerUrl }, '/tmp')
const pool = createPool({ connectionString: ownerUrl, applicationName: 'install', connectionsMax: 1 })
await pool.query(`ALTER ROLE barometer_audit LOGIN PASSWORD '${secret('audit_password').replaceAll("'", "''")}'`)
const { rows } = await pool.query<{ there: boolean }>('SELECT EXISTS (SELECT FROM platform.users) AS there')
await pool.end()
if (!rows[0]?.there) await seed(ownerUrl, { now: new Date() })
const s3 = new S3Client({
  endpoint: 'http://s3:8333',
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: { accessKeyId: 'barometer', secretAccessKey: secret('s3_secret') },
})
for (const name of ['platform-images', ...process.argv.slice(2)]) {
  const bucket = { Bucket: name }
  await s3.send(new HeadBucketCommand(bucket)).catch(() => s3.send(new CreateBucketCommand(bucket)))
}
console.log('the platform is laid out')
