import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Script } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { type CollectionTag, parse } from 'yaml'
import { nodeEnvironment, nodeFlags } from '../lib/node-runtime.js'

const root = resolve(import.meta.dirname, '..')

interface Service {
  extends?: { file: string; service: string }
  image?: string
  build?: string
  ports?: string[]
  read_only?: boolean
  security_opt?: string[]
  cap_drop?: string[]
  cap_add?: string[]
  user?: string
  privileged?: boolean
  pid?: string
  network_mode?: string
  mem_limit?: string
  pids_limit?: number
  restart?: string
  healthcheck?: { test?: string[]; disable?: boolean }
  secrets?: string[]
  volumes?: string[]
  depends_on?: Record<string, unknown>
  environment?: Record<string, string>
}

interface Compose {
  services: Record<string, Service>
  secrets: Record<string, unknown>
}

/** `!override` says how compose puts two files together; here each is read by itself. */
const override: CollectionTag = { tag: '!override', collection: 'seq', default: false, resolve: (list) => list }
const read = (name: string): Compose =>
  parse(readFileSync(resolve(root, name), 'utf8'), { merge: true, customTags: [override] })

const base = read('docker-compose.yml')
const scale = read('docker-compose.scale.yml')
/** What the scale profile adds, with what it takes from the base. */
const added = Object.entries(scale.services).map(([name, { extends: from, ...own }]): [string, Service] => [
  name,
  { ...base.services[from?.service ?? name], ...own },
])
const services = [...Object.entries(base.services), ...added]
const compose: Compose = {
  services: Object.fromEntries(services),
  secrets: { ...base.secrets, ...scale.secrets },
}

test.each(services)(
  '%s is pinned, read-only, may gain no rights, and is published on this machine alone',
  (_, service) => {
    if (service.build === undefined) expect(service.image).toMatch(/:v?\d+\.\d+/)
    expect(service.read_only).toBe(true)
    expect(service.security_opt).toContain('no-new-privileges:true')
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
  },
)

test.each(services)('%s is no root, has no capability, and an end to what it may take', (name, service) => {
  expect(service.cap_drop).toEqual(['ALL'])
  expect([service.privileged, service.pid, service.network_mode === 'host']).toEqual([undefined, undefined, false])
  expect(service.mem_limit).toMatch(/^\d+[mg]$/)
  expect(service.pids_limit).toBeGreaterThan(0)
  // It gives a new volume to the user of its server, with nothing but the right to do that, and without a network.
  if (name === 's3-volume') {
    expect([service.cap_add, service.network_mode, service.restart]).toEqual([['CHOWN'], 'none', 'no'])
    return
  }
  expect(service.cap_add).toBeUndefined()
  expect(service.user).toMatch(/^(?!0\b|root\b)./)
})

/** They serve nothing that could be asked, or end. */
const unasked = ['s3-volume', 'install', 'worker', 'simulator']

test.each(services)('%s is asked whether it is well', (name, { healthcheck, restart, build }) => {
  if (unasked.includes(name)) {
    if (build !== undefined) expect(healthcheck).toEqual({ disable: true })
    return
  }
  expect(healthcheck?.test?.length).toBeGreaterThan(1)
  expect(restart).toBe('unless-stopped')
})

test.each(services)('%s has no secret in its command or its environment, where everybody reads it', (_, service) => {
  const { command, entrypoint, environment } = service as Record<string, unknown>
  const words = [command, entrypoint].flat().map(String)
  // A shell may put one into the environment of what it becomes; as an argument it would be on the command line.
  for (const word of words) expect(word.replaceAll(/\b[A-Z_]+=\S*\$\$\(cat [^)]+\)\S*/g, '')).not.toContain('$$(cat')
  for (const [variable, value] of Object.entries(environment ?? {})) {
    if (/(PASSWORD|SECRET|TOKEN|KEY)S?(_ACCESS_KEY)?$/.test(variable)) expect.fail(`${variable}: ${value}`)
  }
})

describe('the image', () => {
  const lines = readFileSync(resolve(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ').split('\n')
  const instructions = lines.flatMap((line) => {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    return word === '' ? [] : [{ word, rest }]
  })
  const all = (word: string) => instructions.filter((one) => one.word === word).map(({ rest }) => rest)

  test('is pinned, runs as an ordinary user, and is asked whether it is well', () => {
    for (const from of all('FROM')) expect(from).toMatch(/^node:\d+\.\d+\.\d+-\S+( AS \w+)?$/)
    const last = instructions.findLastIndex(({ word }) => word === 'FROM')
    expect(instructions.slice(last).filter(({ word }) => word === 'USER')).toEqual([{ word: 'USER', rest: 'node' }])
    expect(all('HEALTHCHECK')).toHaveLength(1)
    const [, asked = ''] = /CMD (\[.*\])$/.exec(all('HEALTHCHECK')[0] ?? '') ?? []
    const [program, flag, script] = JSON.parse(asked)
    expect([program, flag]).toEqual(['node', '-e'])
    // It is JavaScript, and asks what every service answers without a token.
    expect(new Script(script)).toBeDefined()
    expect(script).toContain('/livez')
  })

  test('has no secret in its layers: nothing is copied but what is named, and no argument or address brings one', () => {
    expect([all('ARG'), all('ADD')]).toEqual([[], []])
    // Node runs as the command runs it, and there is nothing else.
    const given = Object.entries({ NODE_OPTIONS: nodeFlags.join(' '), ...nodeEnvironment })
    expect(all('ENV')).toEqual([['NODE_ENV=production', ...given.map((one) => one.join('='))].join(' ')])
    for (const copied of all('COPY').filter((rest) => !rest.startsWith('--from='))) {
      expect(copied).not.toMatch(/(^|\s)(\.|\.\/|\*)\s/)
    }
    for (const ran of all('RUN')) expect(ran).toBe('npm ci --omit=dev --omit=optional --ignore-scripts')
    const [first, ...allowed] = readFileSync(resolve(root, '.dockerignore'), 'utf8').trim().split('\n')
    expect(first).toBe('*')
    const open = allowed.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
    for (const path of ['secrets', '.env', '.barometer', '.git']) expect(open).not.toContain(path)
    expect(readFileSync(resolve(root, '.npmrc'), 'utf8')).not.toMatch(/_auth|token/i)
  })

  test('has all of itself, and starts the command line', () => {
    for (const path of all('COPY').filter((rest) => !rest.startsWith('--from='))) {
      for (const source of path.split(/\s+/).slice(0, -1)) expect(existsSync(resolve(root, source)), source).toBe(true)
    }
    expect([all('ENTRYPOINT'), all('CMD').at(-1)]).toEqual([['["node", "cli/main.ts"]'], '["exporter"]'])
  })
})

test.each(services)('%s asks only for secrets, services and files that are there', (_, service) => {
  for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret)
  for (const needed of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty(needed)
  for (const volume of service.volumes ?? []) {
    const from = volume.split(':')[0] ?? ''
    if (from.startsWith('./') && !from.startsWith('./secrets')) expect(existsSync(resolve(root, from)), from).toBe(true)
  }
})

test.each(['docker-compose.yml', 'docker-compose.scale.yml'])('no password stands in %s', (name) => {
  const text = readFileSync(resolve(root, name), 'utf8')
  for (const line of text.split('\n')) expect(line).not.toMatch(/(PASSWORD|SECRET|KEY)(?!_ID)(_\w+)?: [^/{[]*[^\s/]$/)
})

test('the scale profile keeps what it takes over, and no two services have a port or a directory in common', () => {
  for (const name of ['exporter-b', 'audit-api-b', 'prometheus-b', 'alertmanager-b', 'alertmanager-c'])
    expect(scale.services[name]?.extends?.file, name).toBe('docker-compose.yml')
  const ports = Object.values(compose.services).flatMap((service) => service.ports ?? [])
  const published = ports.map((port) => port.split(':')[1])
  expect(new Set(published).size).toBe(published.length)
})
