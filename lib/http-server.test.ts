import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { testDirectory } from '../testing/database.ts'
import { createHttpServer, type HttpServer, listen, type Serving } from './http-server.ts'
import { createLogger } from './log.ts'

const log = createLogger({ name: 'test', level: 'silent' })
const anyPort = { host: '127.0.0.1', port: 0 }
const servers: HttpServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function start(serving: Partial<Serving> = {}): Promise<string> {
  const server = createHttpServer({ serving: { listen: anyPort, ...serving }, log })
  servers.push(server)
  server.get('/metrics', async () => 'figures')
  server.get('/livez', async () => 'alive')
  return await listen(server, { listen: anyPort, ...serving }, 'EXPORTER_LISTEN')
}

function passwordFile(content: string): string {
  const file = join(testDirectory('basic-auth'), 'password')
  writeFileSync(file, content)
  return file
}

test('without a password file every route is open', async () => {
  expect(await (await fetch(`${await start()}/metrics`)).text()).toBe('figures')
})

test('with a password file every route but the health checks asks for it', async () => {
  const address = await start({ basicAuthFile: passwordFile('prometheus:se:cret\n') })
  const status = async (path: string, credentials?: string): Promise<number> => {
    const headers: Record<string, string> =
      credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    return (await fetch(`${address}${path}`, { headers })).status
  }
  expect(await status('/livez')).toBe(200)
  expect(await status('/livez?x=1')).toBe(200)
  expect(await status('/metrics')).toBe(401)
  expect(await status('/nothing')).toBe(401)
  expect(await status('/metrics', 'prometheus:wrong')).toBe(401)
  expect(await status('/metrics?path=/livez')).toBe(401)
  expect(await status('/metrics', 'prometheus:se:cret')).toBe(200)
})

test.each(['', 'nouser', 'a:b\nc:d', ':password'])('a password file with %j is refused by its flag', (content) => {
  const basicAuthFile = passwordFile(content)
  expect(() => createHttpServer({ serving: { listen: anyPort, basicAuthFile }, log })).toThrow(
    `--basic-auth-file ${basicAuthFile}: expected one line user:password`,
  )
})

test('a port in use and an address that is not of this machine are named', async () => {
  const { port } = new URL(await start())
  const taken = { listen: { host: '127.0.0.1', port: Number(port) } }
  await expect(listen(createHttpServer({ serving: taken, log }), taken, 'EXPORTER_LISTEN')).rejects.toThrow(
    `EXPORTER_LISTEN: cannot listen on 127.0.0.1:${port}: the port is in use; expected a free one`,
  )
  const elsewhere = { listen: { host: '192.0.2.1', port: 0 } }
  await expect(listen(createHttpServer({ serving: elsewhere, log }), elsewhere, 'AUDIT_LISTEN')).rejects.toThrow(
    'AUDIT_LISTEN: cannot listen on 192.0.2.1:0: this machine has no such address',
  )
})
