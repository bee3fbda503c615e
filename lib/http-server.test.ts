import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { createAuthority, writeCertificate } from '../testing/certificates.ts'
import { testDirectory } from '../testing/directory.ts'
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

test('without a file of passwords or tokens every route is open', async () => {
  expect(await (await fetch(`${await start()}/metrics`)).text()).toBe('figures')
})

test('a connection that asks nothing does not hold up the end, and an answer under way is given and the last', async () => {
  const directory = testDirectory('silent')
  const files = writeCertificate(directory, 'server', createAuthority('authority').issue('server'))
  for (const serving of [{}, files]) {
    const server = createHttpServer({ serving: { listen: anyPort, ...serving }, log })
    servers.push(server)
    let asked = () => {}
    const reached = new Promise<void>((resolve) => {
      asked = resolve
    })
    server.get('/slow', async () => {
      asked()
      await sleep(500)
      return 'an answer'
    })
    const { port } = new URL(await listen(server, { listen: anyPort }, 'EXPORTER_LISTEN'))
    const open = async (event: string) => {
      const options = { host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }
      const socket = event === 'secureConnect' ? connectTls(options) : connect(options)
      socket.on('error', () => {})
      await once(socket, event)
      return socket
    }
    const event = 'tlsKeyFile' in serving ? 'secureConnect' : 'connect'
    const [silent, busy] = [await open(event), await open(event)]
    const cut = once(silent, 'close')
    busy.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    await reached
    const closed = server.close()
    await cut
    let answer = ''
    for await (const chunk of busy) answer += String(chunk)
    expect(answer).toContain('an answer')
    await closed
  }
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
