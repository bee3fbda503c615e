import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Authority, createAuthority, type ServerFiles, writeCertificate } from '../testing/certificates.ts'
import { testDirectory } from '../testing/directory.ts'
import { createHttpServer, type HttpServer, listen, type Serving } from './http-server.ts'
import { createLogger } from './log.ts'
import { openTls } from './tls-server.ts'

let ours: Authority
let theirs: Authority
let directory: string
let files: ServerFiles
let clientCa: string
let written: string[]
const servers: HttpServer[] = []
const sockets: TLSSocket[] = []

beforeAll(() => {
  ours = createAuthority('ours')
  theirs = createAuthority('theirs')
})
beforeEach(() => {
  directory = testDirectory('tls')
  files = writeCertificate(directory, 'server', ours.issue('server'))
  clientCa = join(directory, 'client-ca.pem')
  writeFileSync(clientCa, ours.certificate)
  written = []
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) await server.close()
})

const log = () =>
  createLogger({ name: 'test', level: 'debug', destination: { write: (line) => void written.push(line) } })

async function start(serving: Partial<Serving>): Promise<URL> {
  const wanted = { listen: { host: '127.0.0.1', port: 0 }, ...serving }
  const server = createHttpServer({ serving: wanted, log: log() })
  servers.push(server)
  server.get('/metrics', async () => 'figures')
  return new URL(await listen(server, wanted, 'EXPORTER_LISTEN'))
}

type Client = Pick<ConnectionOptions, 'cert' | 'key'>

/** The status of an answer, or the code of the error there was instead. */
function ask(address: URL, client: Client = {}): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const options = { ca: ours.certificate, agent: false as const, ...client }
    get(new URL('/metrics', address), options, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

async function open(address: { port: string }, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: Number(address.port), ca: ours.certificate, ...options })
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'secureConnect')
  return socket
}

const serialOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()?.serialNumber ?? 'none'

test('with a client CA no answer goes to who shows no certificate, or one that it did not sign', async () => {
  const address = await start({ ...files, tlsClientCaFile: clientCa })
  expect(await ask(address, ours.issue('prometheus'))).toBe(200)
  expect(await ask(address)).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
  expect(await ask(address, theirs.issue('prometheus'))).toMatch(/^ERR_SSL|^ECONNRESET|^EPIPE/)
  // A name alone is none: the same one, signed by itself.
  expect(await ask(address, createAuthority('ours').issue('prometheus'))).toMatch(/^ERR_SSL|^ECONNRESET|^EPIPE/)
  expect(written.join('')).toContain('a TLS connection did not come about')
})

test('without one anybody may connect, and nobody in plain text', async () => {
  const address = await start(files)
  expect(await ask(address)).toBe(200)
  await expect(fetch(`http://127.0.0.1:${address.port}/metrics`)).rejects.toThrow()
})

test('a certificate that is renewed is used from the next connection on, and open ones stay', async () => {
  const address = await start(files)
  const before = await open(address)
  const first = serialOf(before)
  writeCertificate(directory, 'server', ours.issue('server'))
  const after = await open(address)
  expect(serialOf(after)).not.toBe(first)
  before.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(String((await once(before, 'data'))[0])).toContain('200 OK')
  expect(written.join('')).toMatch(/"valid_to":"20\d\d-[^}]+"msg":"certificates read again"/)
})

test('a renewal that is half done, or wrong, leaves the one before in place until it is whole', async () => {
  const address = await start(files)
  const first = serialOf(await open(address))
  const next = ours.issue('server')
  writeFileSync(files.tlsCertificateFile, next.cert)
  expect(serialOf(await open(address))).toBe(first)
  expect(serialOf(await open(address))).toBe(first)
  expect(written.filter((line) => line.includes('those before them stay'))).toHaveLength(1)
  expect(written.join('')).not.toContain('BEGIN')
  writeFileSync(files.tlsKeyFile, next.key)
  expect(serialOf(await open(address))).not.toBe(first)
})

test('a client CA that is replaced lets the old clients in no more, not by a session of before either', async () => {
  const address = await start({ ...files, tlsClientCaFile: clientCa })
  const old = ours.issue('prometheus')
  const socket = await open(address, old)
  const [session] = (await once(socket, 'session')) as [Buffer]
  const resumed = await open(address, { ...old, session })
  expect(resumed.isSessionReused()).toBe(true)
  writeFileSync(clientCa, theirs.certificate)
  expect(await ask(address, old)).toMatch(/^ERR_SSL|^ECONNRESET|^EPIPE/)
  expect(await ask(address, theirs.issue('prometheus'))).toBe(200)
  const again = await open(address, { ...old, session })
  again.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
  const [data] = await Promise.race([once(again, 'data'), once(again, 'close')])
  expect(String(data)).not.toContain('HTTP/1.1')
})

test('each server of one factory has the certificate of now, as those of the addresses of localhost', async () => {
  const factory = openTls(files, log())
  const pair = [factory, factory].flatMap((make) => (make === undefined ? [] : [make({}, () => {})]))
  for (const server of pair) await once(server.listen(0, '127.0.0.1'), 'listening')
  writeCertificate(directory, 'server', ours.issue('server'))
  const serials: string[] = []
  for (const server of pair) {
    const address = server.address()
    if (address !== null && typeof address === 'object')
      serials.push(serialOf(await open({ port: String(address.port) })))
    server.close()
  }
  const { serialNumber } = new X509Certificate(readFileSync(files.tlsCertificateFile))
  expect(serials).toEqual([serialNumber, serialNumber])
})

const other = () => writeCertificate(directory, 'other', ours.issue('other'))
test.each<[string, () => Partial<Serving>, string]>([
  [
    'a client CA without a certificate',
    () => ({ tlsClientCaFile: clientCa }),
    '--tls-client-ca-file needs --tls-cert-file',
  ],
  ['half of the pair', () => ({ tlsKeyFile: files.tlsKeyFile }), '--tls-cert-file and --tls-key-file go together'],
  ['the key of another', () => ({ ...files, tlsKeyFile: other().tlsKeyFile }), 'the key of it'],
  [
    'a client CA that is a key',
    () => ({ ...files, tlsClientCaFile: files.tlsKeyFile }),
    'one or more PEM certificates',
  ],
  [
    'a client CA that may sign nothing',
    () => ({ ...files, tlsClientCaFile: files.tlsCertificateFile }),
    'one or more PEM certificates',
  ],
  [
    'a file that is not there',
    () => ({ ...files, tlsClientCaFile: 'no/such' }),
    '--tls-client-ca-file no/such cannot be read',
  ],
])('%s is refused on one line', async (_, serving, message) => {
  const error = await start(serving()).catch((thrown: Error) => thrown)
  expect(error).toMatchObject({ name: 'UserError', exitCode: 2 })
  expect((error as Error).message).toContain(message)
  expect((error as Error).message).not.toMatch(/\n|BEGIN/)
})
