import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { type CollectionTag, parse } from 'yaml'

const root = resolve(import.meta.dirname, '..')

interface Service {
  extends?: { file: string; service: string }
  image?: string
  build?: string
  ports?: string[]
  read_only?: boolean
  security_opt?: string[]
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
