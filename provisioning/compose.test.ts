import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = resolve(import.meta.dirname, '..')

interface Service {
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

const compose: { services: Record<string, Service>; secrets: Record<string, unknown> } = parse(
  readFileSync(resolve(root, 'docker-compose.yml'), 'utf8'),
  { merge: true },
)
const services = Object.entries(compose.services)

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

test('no password stands in the file', () => {
  const text = readFileSync(resolve(root, 'docker-compose.yml'), 'utf8')
  for (const line of text.split('\n')) expect(line).not.toMatch(/(PASSWORD|SECRET|KEY)(?!_ID)(_\w+)?: [^/{[]*[^\s/]$/)
})
