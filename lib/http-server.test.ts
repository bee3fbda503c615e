import { afterEach, expect, test } from 'vitest'
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
