import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'

/** What a way between two programs does with what is sent over it. */
export type Weather =
  | { kind: 'fair' }
  /** Connections are reset and none is taken. */
  | { kind: 'cut' }
  /** Connections stay and nothing arrives; what was sent arrives when the weather is fair again. */
  | { kind: 'stalled' }
  /** Each piece takes so much longer, in each direction, in order. */
  | { kind: 'slow'; delayMs: number }
  /** Instead of the program something else answers to each piece that is sent. Empty: the connection is closed. */
  | { kind: 'impostor'; answer: (piece: Buffer) => Buffer; close: boolean }

/** A TCP proxy on 127.0.0.1 that leads to a port that can be changed, through a weather that can be changed. */
export interface Passage {
  name: string
  port: number
  /** Changes the weather. Connections that an impostor answered are reset by the change, since nobody knows their state. */
  set(weather: Weather): void
  /** Leads to another port from now on; the connections to the old one are reset. */
  redirect(port: number): void
  connections(): number
  close(): Promise<void>
}

interface Pair {
  client: Socket
  upstream: Socket
  fake: boolean
}

const fair: Weather = { kind: 'fair' }

/** What the two directions of a connection ask of their proxy. */
interface Carrier {
  weather(): Weather
  reset(pair: Pair): void
  forget(pair: Pair): void
}

/** Opens a proxy to `target`, a port on 127.0.0.1. */
export async function openProxy(name: string, target: number): Promise<Passage> {
  const pairs = new Set<Pair>()
  let weather = fair
  let port = target

  const reset = (pair: Pair): void => {
    pairs.delete(pair)
    pair.client.destroy()
    pair.upstream.destroy()
  }
  const carrier: Carrier = { weather: () => weather, reset, forget: (pair) => void pairs.delete(pair) }

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (weather.kind === 'cut') {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const upstream = tcpConnect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    const pair: Pair = { client, upstream, fake: false }
    pairs.add(pair)
    carry(pair, client, upstream, carrier)
    carry(pair, upstream, client, carrier)
    if (weather.kind === 'stalled') for (const socket of [client, upstream]) socket.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    name,
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      weather = next
      for (const pair of [...pairs]) {
        if (next.kind === 'cut' || (pair.fake && next.kind !== 'impostor')) reset(pair)
        else
          for (const socket of [pair.client, pair.upstream]) next.kind === 'stalled' ? socket.pause() : socket.resume()
      }
    },
    redirect: (next) => {
      port = next
      for (const pair of [...pairs]) reset(pair)
    },
    connections: () => pairs.size,
    close: async () => {
      for (const pair of [...pairs]) reset(pair)
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

/** Carries what comes from one end of a pair to the other, in order, as the weather has it when it comes. */
function carry(pair: Pair, from: Socket, to: Socket, { weather, reset, forget }: Carrier): void {
  let queue = Promise.resolve()
  from.on('data', (piece: Buffer) => {
    const now = weather()
    if (now.kind === 'impostor' && from === pair.client) {
      pair.fake = true
      const answer = now.answer(piece)
      if (now.close) pair.client.end(answer)
      else if (answer.length > 0) pair.client.write(answer)
      return
    }
    if (now.kind === 'slow') {
      const due = performance.now() + now.delayMs
      queue = queue.then(() => until(due)).then(() => void to.write(piece))
      return
    }
    // What was delayed before stays before it.
    queue = queue.then(() => {
      if (!to.destroyed && !to.write(piece) && !from.destroyed) {
        from.pause()
        to.once('drain', () => {
          if (weather().kind !== 'stalled') from.resume()
        })
      }
    })
  })
  from.on('end', () => {
    queue = queue.then(() => void to.end())
  })
  from.on('error', () => reset(pair))
  from.on('close', () => {
    // An end that is not answered leaves the other half open for ever.
    if (from.errored !== null || to.destroyed) reset(pair)
    else queue.then(() => to.end())
    if (pair.client.destroyed && pair.upstream.destroyed) forget(pair)
  })
}

const until = (dueMs: number): Promise<void> =>
  new Promise((done) => setTimeout(done, Math.max(0, dueMs - performance.now())))

/** An HTTP answer that closes its connection. */
export function httpAnswer(status: number, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const lines = Object.entries({ 'content-length': String(Buffer.byteLength(body)), connection: 'close', ...headers })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`HTTP/1.1 ${status} Made\r\n${head}\r\n${body}`)
}

/** An error of Redis for each command of a piece; every command that clients send is an array. */
export function redisErrors(piece: Buffer, error: string): Buffer {
  const commands = piece.toString('latin1').match(/(?:^|\n)\*\d+\r\n/g)?.length ?? 0
  return Buffer.from(`-${error}\r\n`.repeat(commands))
}
