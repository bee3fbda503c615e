import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { variables } from '../lib/settings.ts'
import { barometer, oneLine } from '../testing/cli.ts'

const commands = [
  'exporter',
  'audit-api',
  'init',
  'check',
  'explain',
  'migrate',
  'metrics',
  'backfill',
  'overview',
  'demo',
  'drill',
]
/** Nothing listens on port 9 of this machine (discard). */
const nowhere = 'postgres://barometer:hunter2@127.0.0.1:9/platform'

test('the help names every command, and each command helps itself', async () => {
  const { stdout, exitCode } = await barometer(['--help'])
  expect(exitCode).toBe(0)
  for (const command of commands) expect(stdout).toContain(`  ${command}`)
  const helps = await Promise.all(commands.map((command) => barometer([command, '--help'])))
  for (const help of helps) {
    expect(help).toMatchObject({ exitCode: 0, stderr: '' })
    expect(help.stdout).toContain('Usage: barometer')
  }
})

test('the help of check lists every variable with its default', async () => {
  const { stdout } = await barometer(['check', '--help'])
  for (const name of Object.keys(variables)) expect(stdout).toContain(`  ${name}`)
  expect(stdout).toContain('Default: 127.0.0.1:9464')
})

test('a wrong command line is one line with a suggestion', async () => {
  expect(oneLine(await barometer(['exportr']), 2)).toBe("unknown command 'exportr' (Did you mean exporter?)")
  expect(oneLine(await barometer(['exporter', '--lisen', 'x']), 2)).toContain('(Did you mean --listen?)')
  expect(oneLine(await barometer(['overview', 'extra']), 2)).toContain('too many arguments')
})

test('no command at all is a wrong command line that prints the help', async () => {
  const { exitCode, stderr } = await barometer([])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('Usage: barometer')
})

test('a misspelt variable is named, with the right one', async () => {
  expect(oneLine(await barometer(['check'], { DATABSE_URL: nowhere }), 2)).toBe(
    'DATABSE_URL is set, but there is no such variable; expected DATABASE_URL, or none of that name',
  )
})

test('a wrong value is named, with what was expected', async () => {
  const environment = { DATABASE_URL: nowhere, REPORTING_TIMEZONE: 'Mars/Olympus' }
  expect(oneLine(await barometer(['exporter'], environment), 2)).toBe(
    'REPORTING_TIMEZONE is "Mars/Olympus"; expected an IANA time zone such as UTC, Europe/Berlin or Asia/Kolkata',
  )
})

test('a wrong URL is named and not shown where it may hold a password', async () => {
  const line = oneLine(await barometer(['metrics'], { DATABASE_URL: 'mysql://root:hunter2@127.0.0.1/x' }), 2)
  expect(line).toBe('DATABASE_URL is a value that is not shown; expected a URL with the scheme postgres or postgresql')
})

test('a missing secret file is named', async () => {
  const line = oneLine(await barometer(['exporter'], { DATABASE_URL_FILE: 'no/such/file' }), 2)
  expect(line).toContain('DATABASE_URL_FILE names no/such/file, which cannot be read')
})

test('a database that does not answer is named by variable, host and port, never by its password', async () => {
  for (const command of ['metrics', 'migrate']) {
    const line = oneLine(await barometer([command], { DATABASE_URL: nowhere }), 1)
    expect(line).toBe(
      'DATABASE_URL (barometer@127.0.0.1:9/platform): cannot connect: nothing listens there; expected a running Postgres',
    )
  }
})

test('a port in use is named', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  try {
    const environment = { DATABASE_URL: nowhere, EXPORTER_LISTEN: `127.0.0.1:${port}`, LOG_LEVEL: 'silent' }
    expect(oneLine(await barometer(['exporter'], environment), 1)).toBe(
      `EXPORTER_LISTEN: cannot listen on 127.0.0.1:${port}: the port is in use; expected a free one`,
    )
  } finally {
    other.close()
  }
})

test('flags of a service are refused where they are wrong', async () => {
  const environment = { DATABASE_URL: nowhere, LOG_LEVEL: 'silent' }
  const [listen, halfTls, noFile] = await Promise.all([
    barometer(['exporter', '--listen', '9464'], environment),
    barometer(['exporter', '--listen', '127.0.0.1:0', '--tls-cert-file', 'x.pem'], environment),
    barometer(['exporter', '--listen', '127.0.0.1:0', '--basic-auth-file', 'no/such'], environment),
  ])
  expect(oneLine(listen, 2)).toContain('--listen is "9464"; expected host:port')
  expect(oneLine(halfTls, 2)).toContain('--tls-cert-file and --tls-key-file go together')
  expect(oneLine(noFile, 2)).toContain('--basic-auth-file no/such cannot be read')
})

test('an exporter without a database starts, and stops at SIGTERM with exit 0', async () => {
  const main = new URL('./main.ts', import.meta.url).pathname
  const environment = { PATH: process.env.PATH ?? '', DATABASE_URL: nowhere }
  const child = spawn(process.execPath, [main, 'exporter', '--listen', '127.0.0.1:0'], { env: environment })
  const closed = once(child, 'close')
  let log = ''
  const listening = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (log.includes('http://127.0.0.1:')) resolve()
    })
  })
  await Promise.race([listening, closed])
  child.kill('SIGTERM')
  const [exitCode] = await closed
  expect(exitCode, log).toBe(0)
})

test('an overview of nothing that answers is one line', async () => {
  expect(oneLine(await barometer(['overview', '--from', 'ftp://x']), 2)).toContain(
    '--from is "ftp://x"; expected a URL',
  )
  const page = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(page, 'listening')
  const { port } = page.address() as AddressInfo
  const from = `http://127.0.0.1:${port}`
  try {
    expect(oneLine(await barometer(['overview', '--from', from]), 1)).toBe(
      `--from (${from}/metrics): line 1 is "<html>"; expected a metric in the Prometheus text format`,
    )
    expect(oneLine(await barometer(['overview'], { PROMETHEUS_URL: from }), 1)).toContain(
      'expected a vector of the Prometheus API',
    )
  } finally {
    page.close()
  }
})

test('whoever reads only the beginning of the output is no error', async () => {
  const child = spawn('sh', [
    '-c',
    '"$0" "$1" --help | head -n 1',
    process.execPath,
    new URL('./main.ts', import.meta.url).pathname,
  ])
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  await once(child, 'close')
  expect(output).toBe('Usage: barometer [options] [command]\n')
  expect(errors).toBe('')
})
