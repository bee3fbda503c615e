import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeAlertmanagerFiles } from '../launcher/monitoring.ts'
import { randomSecret } from '../launcher/secrets.ts'
import { runCommand } from '../run-command.ts'
import { addressOf } from './addresses.ts'

/**
 * Makes what docker-compose.yml and docker-compose.scale.yml read from `secrets/`: random passwords, the addresses that
 * hold them, a token of the audit API, and Alertmanager's configuration with the fake receivers. Run once on the host; what
 * is there stays.
 */
const directory = resolve(import.meta.dirname, '..', '..', 'secrets')
if (existsSync(directory)) {
  console.log('secrets/ is there already; remove it to begin anew')
  process.exit(0)
}
mkdirSync(directory, { recursive: true, mode: 0o700 })
// Containers run as other users than the one who starts them, so the files are readable by all; the folder is not entered
// by others on the host.
const write = (name: string, content: string) => writeFileSync(join(directory, name), content, { mode: 0o644 })

const [exporterPassword, auditPassword, s3Secret] = [randomSecret(), randomSecret(), randomSecret()]
write('postgres_password', randomSecret())
write('exporter_password', exporterPassword)
write('audit_password', auditPassword)
write('exporter_url', addressOf('barometer_exporter', exporterPassword))
write('audit_url', addressOf('barometer_audit', auditPassword))
write('s3_secret', s3Secret)
write(
  's3_config',
  JSON.stringify({
    identities: [
      {
        name: 'barometer',
        credentials: [{ accessKey: 'barometer', secretKey: s3Secret }],
        actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
      },
    ],
  }),
)
const bucket = { bucket: 'thanos', endpoint: 's3:8333', access_key: 'barometer', secret_key: s3Secret, insecure: true }
// Without MD5 the client sends its sums behind the object, which not every server takes for what they are.
write('thanos_s3', JSON.stringify({ type: 'S3', config: { ...bucket, send_content_md5: true } }))
write('slack_url', 'http://slack:8080/services/demo')
write('pagerduty_key', randomSecret())
write('dead_mans_switch_url', 'http://dead-mans-switch:8080/beat')
write('runpod_key', randomSecret())
write('grafana_password', randomSecret())
const addToken = async (words: readonly string[]) =>
  (
    await runCommand(
      ['audit', 'tokens', 'add', ...words],
      { AUDIT_TOKENS_FILE: join(directory, 'audit_tokens') },
      directory,
    )
  ).trim()
write('audit_token', await addToken(['--name', 'demo', '--scope', 'ingest', 'read', 'export']))
// Whoever signs in may read the demo's audit log; elsewhere name the logins.
const everybody = ['--grafana', '--audit-reader', '*']
write('grafana_token', await addToken(['--name', 'grafana', '--scope', 'read', 'export', ...everybody]))
writeAlertmanagerFiles(join(directory, 'alertmanager'), {
  slackUrlFile: '/run/secrets/slack_url',
  pagerdutyKeyFile: '/run/secrets/pagerduty_key',
  deadMansSwitchUrlFile: '/run/secrets/dead_mans_switch_url',
  templateFile: '/etc/alertmanager/barometer.tmpl',
  pagerdutyUrl: 'http://pagerduty:8080/v2/enqueue',
})
console.log('made secrets/; now: docker compose up --build')
