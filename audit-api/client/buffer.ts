import type { Recorded } from './event.ts'

export interface BufferLimits {
  eventsMax: number
  bytesMax: number
}

interface Entrant {
  event: Recorded
  enter: () => void
  refuse: (reason: Error) => void
}

interface Watcher {
  /** The last event it waits for. */
  sequence: number
  left: number
  done: () => void
}

/**
 * What was recorded and is not yet stored, in order, within bounds of count and bytes. Who comes when it is full waits at
 * the door, in order too.
 */
export class EventBuffer {
  readonly #limits: BufferLimits
  readonly #door: Entrant[] = []
  /** Not yet taken for a batch. */
  #queue: Recorded[] = []
  /** Taken, and neither stored nor given up. */
  readonly #taken = new Set<Recorded>()
  #bytes = 0
  #doorBytes = 0
  #watchers: Watcher[] = []

  constructor(limits: BufferLimits) {
    this.#limits = limits
  }

  /** Of the events inside. */
  get size(): number {
    return this.#queue.length + this.#taken.size
  }

  /** Of the events at the door. */
  get waiting(): number {
    return this.#door.length
  }

  /** As much waits as fits inside: whoever comes now does not wait for the others. */
  get doorFull(): boolean {
    const { eventsMax, bytesMax } = this.#limits
    return this.#door.length >= eventsMax || this.#doorBytes >= bytesMax
  }

  /** Takes an event in; resolves when it is inside. */
  put(event: Recorded): Promise<void> {
    if (this.#door.length === 0 && this.#fits(event)) {
      this.#add(event)
      return Promise.resolve()
    }
    return new Promise((enter, refuse) => {
      this.#door.push({ event, enter, refuse })
      this.#doorBytes += event.bytes
    })
  }

  /** The next events for a batch, which stay inside until they are settled. */
  take(limits: BufferLimits): Recorded[] {
    let bytes = 0
    let count = 0
    for (const event of this.#queue) {
      bytes += event.bytes + 1
      // One that is too large alone goes alone.
      if (count > 0 && (count >= limits.eventsMax || bytes > limits.bytesMax)) break
      count += 1
    }
    const batch = this.#queue.splice(0, count)
    for (const event of batch) this.#taken.add(event)
    return batch
  }

  /** Lets an event go: it is stored, or given up. */
  settle(event: Recorded): void {
    if (!this.#taken.delete(event)) return
    this.#bytes -= event.bytes
    this.#watchers = this.#watchers.filter((watcher) => {
      if (event.sequence <= watcher.sequence) watcher.left -= 1
      if (watcher.left > 0) return true
      watcher.done()
      return false
    })
    this.#letIn()
  }

  /** Resolves when all that are inside or at the door now are settled. */
  settled(): Promise<void> {
    const left = this.size + this.#door.length
    if (left === 0) return Promise.resolve()
    const sequence = this.#door.at(-1)?.event.sequence ?? this.#newest()
    return new Promise((done) => {
      this.#watchers.push({ sequence, left, done })
    })
  }

  /** Empties it, refuses those at the door, and gives what was inside. */
  clear(reason: Error): Recorded[] {
    for (const { refuse } of this.#door.splice(0)) refuse(reason)
    this.#doorBytes = 0
    const left = [...this.#taken, ...this.#queue].sort((one, other) => one.sequence - other.sequence)
    this.#taken.clear()
    this.#queue = []
    this.#bytes = 0
    for (const watcher of this.#watchers.splice(0)) watcher.done()
    return left
  }

  #newest(): number {
    return Math.max(this.#queue.at(-1)?.sequence ?? 0, ...[...this.#taken].map((event) => event.sequence))
  }

  /** An event larger than the whole buffer comes in when nothing else is there: it would wait for ever. */
  #fits(event: Recorded): boolean {
    if (this.size === 0) return true
    return this.size < this.#limits.eventsMax && this.#bytes + event.bytes <= this.#limits.bytesMax
  }

  #add(event: Recorded): void {
    this.#queue.push(event)
    this.#bytes += event.bytes
  }

  #letIn(): void {
    for (let next = this.#door[0]; next !== undefined && this.#fits(next.event); next = this.#door[0]) {
      this.#door.shift()
      this.#doorBytes -= next.event.bytes
      this.#add(next.event)
      next.enter()
    }
  }
}
