import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Ajv, type AnySchemaObject } from 'ajv'
import addFormats from 'ajv-formats'
import { afterEach, describe, expect, test } from 'vitest'
import { testDirectory } from '../testing/directory.ts'

const root = resolve(import.meta.dirname, '..')
const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

function npmRun(script: string, environment: Record<string, string> = {}): Promise<{ code: number; stdout: string }> {
  return new Promise((done) => {
    const options = { cwd: root, env: { ...process.env, ...environment }, maxBuffer: 50_000_000 }
    execFile('npm', ['run', '--silent', script], options, (error, stdout) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, stdout })
    })
  })
}

describe('npm run sbom', () => {
  const place = 'http://cyclonedx.org/schema/'
  interface Bill {
    components: { name: string; version: string; hashes?: { alg: string; content: string }[]; properties: object[] }[]
  }

  test('prints valid CycloneDX with every production dependency, its version and its hash, and says what is for development only', async () => {
    const { code, stdout } = await npmRun('sbom')
    expect(code).toBe(0)
    const bill: Bill & { specVersion: string } = JSON.parse(stdout)
    const validate = schemas().getSchema(`${place}bom-${bill.specVersion}.SNAPSHOT.schema.json`)
    expect(validate?.(bill), JSON.stringify(validate?.errors)).toBe(true)
    expect(validate?.({ ...bill, components: [{ name: 'no type' }] }), 'a wrong one is seen').toBe(false)

    const nameOf = ({ name, version }: { name: string; version: string }) => `${name}@${version}`
    const found = new Map(bill.components.map((component) => [nameOf(component), component]))
    const ofDevelopment = { name: 'cdx:npm:package:development', value: 'true' }
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      const component = found.get(nameOf({ name, version }))
      expect(component?.hashes?.[0], name).toMatchObject({ alg: 'SHA-512' })
      expect(component?.properties, name).not.toContainEqual(ofDevelopment)
    }
    for (const name of ['vitest', 'typescript', '@biomejs/biome']) {
      const version = manifest.devDependencies[name] ?? 'none'
      expect(found.get(nameOf({ name, version }))?.properties, name).toContainEqual(ofDevelopment)
    }
    // What those need is there too.
    expect(bill.components.length).toBeGreaterThan(2 * Object.keys(manifest.dependencies).length)
  })

  function schemas(): Ajv {
    const library = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')
    const directory = join(dirname(library), 'res', 'schema')
    const ajv = new Ajv({ strict: false, allErrors: false, logger: false })
    // The one is checked by another program, the others occur in no bill of npm's.
    addFormats.default(ajv)
    for (const format of ['iri-reference', 'idn-email']) ajv.addFormat(format, true)
    for (const file of readdirSync(directory).filter((name) => /^(bom-1\.[5-9]|spdx|jsf|crypto).*\.json$/.test(name))) {
      const schema: AnySchemaObject = JSON.parse(readFileSync(join(directory, file), 'utf8'))
      // They name each other by their files.
      ajv.addSchema({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#', $id: `${place}${file}` })
    }
    return ajv
  }
})

describe('npm run audit:dependencies', () => {
  let registry: Server | undefined
  afterEach(() => {
    registry?.close()
    registry?.closeAllConnections()
  })

  /** A registry that knows one thing, which npm itself asks. */
  async function audit(severity: string | undefined): Promise<{ code: number; stdout: string; asked: string }> {
    let asked = ''
    registry = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      if (request.method !== 'POST') return void response.writeHead(404).end('{}')
      if (severity === undefined) return void response.writeHead(405).end()
      asked = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8')
      const known = {
        id: 1,
        url: 'https://advisories.example/1',
        title: 'a hole',
        severity,
        vulnerable_versions: '<99',
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ pino: [known] }))
    })
    await once(registry.listen(0, '127.0.0.1'), 'listening')
    const { port } = registry.address() as AddressInfo
    // npm keeps what it was told.
    const environment = {
      npm_config_registry: `http://127.0.0.1:${port}`,
      npm_config_cache: testDirectory('npm-cache'),
    }
    return { ...(await npmRun('audit:dependencies', environment)), asked }
  }

  test('asks for every version of the lockfile, and fails where something of high severity is known', async () => {
    const { code, stdout, asked } = await audit('high')
    expect(code).toBe(1)
    expect(stdout).toContain('pino: high: a hole, https://advisories.example/1\n')
    for (const [name, version] of Object.entries(manifest.dependencies))
      expect(JSON.parse(asked)[name]).toContain(version)
  })

  test('names what is less, and does not fail', async () => {
    const { code, stdout } = await audit('moderate')
    expect([code, stdout]).toEqual([0, expect.stringContaining('pino: moderate: a hole')])
  })

  test('says that it was skipped where the registry does not answer', async () => {
    const { code, stdout } = await audit(undefined)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^dependency audit: skipped, since the registry does not answer it: 405 [^\n]+\n$/)
    expect(stdout).not.toContain('127.0.0.1')
  })
})
