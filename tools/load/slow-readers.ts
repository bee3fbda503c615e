import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { atMost, exactly, type Seen } from './bound.ts'
import { residentMb } from './process.ts'

export interface SlowReadersOptions {
  page: string
  pid: number
  readers: number
  /** How long the others ask meanwhile. */
  seconds: number
  /** Until when all must have been ended by the server; longer than its patience. */
  endedWithinSeconds?: number
}

/** Readers that ask for ten pages each and read a byte a second; meanwhile others ask as usual. */
export async function slowReaders(options: SlowReadersOptions): Promise<Seen[]> {
  const { page, pid, readers, seconds, endedWithinSeconds } = options
  const beforeMb = residentMb(pid)
  const sockets = Array.from({ length: readers }, () => slowReader(new URL(page)))
  const begun = performance.now()
  let [failed, slowestMs, mostMb] = [0, 0, beforeMb]
  while (performance.now() - begun < seconds * 1_000) {
    const asked = performance.now()
    const answer = await fetch(page, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
    if (answer?.status !== 200 || (await answer.text()) === '') failed += 1
    slowestMs = Math.max(slowestMs, performance.now() - asked)
    mostMb = Math.max(mostMb, residentMb(pid))
    await sleep(100)
  }
  const seen = [
    exactly('scrapes of others unanswered meanwhile', failed, 'scrapes', 0),
    atMost('the slowest scrape of others meanwhile', slowestMs, 'ms', 10_000),
    atMost(`memory for ${readers} readers of a byte a second`, mostMb - beforeMb, 'MB', 100),
  ]
  if (endedWithinSeconds !== undefined) {
    while (performance.now() - begun < endedWithinSeconds * 1_000 && sockets.some(isOpen)) await sleep(500)
    seen.push(exactly(`readers not ended within ${endedWithinSeconds} s`, sockets.filter(isOpen).length, 'readers', 0))
  }
  for (const socket of sockets) socket.socket.destroy()
  return seen
}

interface Reader {
  socket: Socket
  closed: boolean
}

const isOpen = (reader: Reader): boolean => !reader.closed

function slowReader({ hostname, port, pathname }: URL): Reader {
  // One byte at a time from the system, which so keeps what was sent, and soon takes no more.
  const socket = connect({
    ...{ host: hostname, port: Number(port) },
    onread: {
      buffer: Buffer.alloc(1),
      callback: () => {
        setTimeout(() => socket.resume(), 1_000).unref()
        return false
      },
    },
  })
  const reader: Reader = { socket, closed: false }
  const ended = (): void => {
    reader.closed = true
  }
  socket.on('close', ended).on('error', ended).on('end', ended)
  const one = `GET ${pathname} HTTP/1.1\r\nHost: x\r\n\r\n`
  socket.write(one.repeat(10))
  // What was cut by the other side is heard of by writing; by reading it would take as long as what was sent before.
  const listening = setInterval(() => {
    if (reader.closed) clearInterval(listening)
    else socket.write('\r\n')
  }, 1_000).unref()
  return reader
}
