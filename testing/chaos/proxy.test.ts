import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { httpAnswer, openProxy, type Passage, redisErrors } from './proxy.ts'

/** Answers each piece with its own name before it. */
async function echo(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (piece) => socket.write(`${name}:${piece}`))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

let one: Awaited<ReturnType<typeof echo>>
let other: Awaited<ReturnType<typeof echo>>
let proxy: Passage
const sockets: Socket[] = []

beforeEach(async () => {
  one = await echo('one')
  other = await echo('other')
  proxy = await openProxy('test', one.port)
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await proxy.close()
  for (const { server } of [one, other]) server.close()
})

async function dial(): Promise<Socket> {
  const socket = tcpConnect({ host: '127.0.0.1', port: proxy.port })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function say(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  const [piece] = await once(socket, 'data')
  return String(piece)
}

test('in fair weather all passes; another target resets what led to the old one', async () => {
  const socket = await dial()
  expect(await say(socket, 'a')).toBe('one:a')
  const closed = new Promise((done) => socket.once('close', done))
  proxy.redirect(other.port)
  await closed
  expect(await say(await dial(), 'b')).toBe('other:b')
  expect(proxy.connections()).toBe(1)
})

test('a cut resets connections and takes none until it is over', async () => {
  const socket = await dial()
  expect(await say(socket, 'a')).toBe('one:a')
  const closed = new Promise((done) => socket.once('close', done))
  proxy.set({ kind: 'cut' })
  await closed
  const refused = tcpConnect({ host: '127.0.0.1', port: proxy.port })
  refused.on('error', () => {})
  await new Promise((done) => refused.once('close', done))
  proxy.set({ kind: 'fair' })
  expect(await say(await dial(), 'b')).toBe('one:b')
})

test('what was sent in a stall arrives after it, on the same connection and on new ones', async () => {
  const socket = await dial()
  expect(await say(socket, 'a')).toBe('one:a')
  proxy.set({ kind: 'stalled' })
  const fresh = await dial()
  let arrived = ''
  for (const each of [socket, fresh]) each.on('data', (piece) => (arrived += String(piece)))
  socket.write('b')
  fresh.write('c')
  await sleep(100)
  expect(arrived).toBe('')
  proxy.set({ kind: 'fair' })
  await Promise.all([once(socket, 'data'), once(fresh, 'data')])
  expect(arrived).toContain('one:b')
  expect(arrived).toContain('one:c')
})

test('in slow weather pieces come late, in order', async () => {
  proxy.set({ kind: 'slow', delayMs: 80 })
  const socket = await dial()
  const fromMs = performance.now()
  expect(await say(socket, 'a')).toBe('one:a')
  expect(performance.now() - fromMs).toBeGreaterThanOrEqual(150)
  proxy.set({ kind: 'fair' })
  expect(await say(socket, 'b')).toBe('one:b')
})

test('an impostor answers instead, and its connections end with it', async () => {
  proxy.set({ kind: 'impostor', close: false, answer: (piece) => redisErrors(piece, 'LOADING wait') })
  const socket = await dial()
  expect(await say(socket, '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nINFO\r\n')).toBe('-LOADING wait\r\n-LOADING wait\r\n')
  const closed = new Promise((done) => socket.once('close', done))
  proxy.set({ kind: 'fair' })
  await closed
  proxy.set({ kind: 'impostor', close: true, answer: () => httpAnswer(503, { 'retry-after': '1' }, 'no') })
  const response = await fetch(`http://127.0.0.1:${proxy.port}/`)
  expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([503, '1', 'no'])
})
