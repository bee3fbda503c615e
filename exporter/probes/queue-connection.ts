import { Redis } from 'ioredis'
import { orAborted } from './probe.ts'

/** A list this young serves all queues of a tick. */
const clientListForMs = 1_000

/** The one connection of all queues. It is made when it is needed, and anew after it was lost or cut off. */
export class QueueConnection {
  readonly #url: string
  #client: Redis | undefined
  #lost: Error | undefined
  #connecting: Promise<unknown> = Promise.resolve()
  #clientNames: { readAtMs: number; names: Promise<string[] | undefined> } | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Runs `work` on the connection; when the signal comes the connection is dropped, and with it all that hangs on it. */
  async use<Result>(signal: AbortSignal, work: (redis: Redis) => Promise<Result>): Promise<Result> {
    const client = this.#open()
    try {
      return await orAborted(
        signal,
        () => this.#drop(client),
        async () => {
          await this.#connecting
          return work(client)
        },
      )
    } catch (error) {
      // The promise says "Connection is closed."; why it was is in the event.
      throw client.status === 'ready' ? error : (this.#lost ?? error)
    }
  }

  /** The names of all clients of the server; undefined where it does not tell (managed servers may refuse). */
  clientNames(redis: Redis): Promise<string[] | undefined> {
    const nowMs = performance.now()
    if (this.#clientNames === undefined || nowMs - this.#clientNames.readAtMs > clientListForMs) {
      this.#clientNames = { readAtMs: nowMs, names: readClientNames(redis) }
    }
    return this.#clientNames.names
  }

  close(): void {
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  /** A frozen server keeps the old connection from closing for a while, so the next is not to wait for that. */
  #drop(client: Redis): void {
    client.disconnect()
    if (this.#client === client) this.#client = undefined
  }

  #open(): Redis {
    if (this.#client !== undefined && this.#client.status !== 'end' && this.#client.status !== 'close') {
      return this.#client
    }
    const client = new Redis(this.#url, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      connectionName: 'barometer queues',
    })
    this.#lost = undefined
    this.#clientNames = undefined
    client.on('error', (error: Error) => {
      this.#lost = error
    })
    this.#client = client
    this.#connecting = client.connect()
    // Whoever uses the connection sees the error; nobody may be waiting yet.
    this.#connecting.catch(() => {})
    return client
  }
}

async function readClientNames(redis: Redis): Promise<string[] | undefined> {
  try {
    const list = String(await redis.client('LIST'))
    return list.split('\n').flatMap((line) => / name=(\S+)/.exec(line)?.[1] ?? [])
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined
    throw error
  }
}
