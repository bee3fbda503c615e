import { performance } from 'node:perf_hooks'
import type pg from 'pg'
import type { Logger } from '../../lib/log.ts'
import { createClient } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import { endEarlierLeaders, type Fence, fenceOf } from '../store/fence.ts'
import { leaseSeconds, readLease, releaseLease, renewLease, takeLease } from '../store/lease.ts'

/** Of all replicas on one store, one leads: the one that holds the lease. */
export interface Leadership {
  /** Asks for the lead, now and again and again until `release`; resolves once it has been asked for. */
  stand(): Promise<void>
  isStanding(): boolean
  /** The fence of the lease while this replica leads. */
  held(): Fence | undefined
  /** Called when this replica begins or ceases to lead. */
  onChange(listener: (leads: boolean) => void): void
  /** Gives the lead away, so that another has it at its next look, and asks no more. */
  release(): Promise<void>
}

export interface LeadershipOptions {
  connectionString: string
  storeSchema: string
  replicaId: string
  /** Who this is, for people. */
  description: string
  log: Logger
}

/** 3 s: two renewals may fail before the lease ends. */
const renewMs = 3_000
/** 1 s: how soon another leads after a stop in order. It is one row by its key. */
const lookMs = 1_000
/** 3 s: what takes longer is given up, so that there is time for another try. */
const timeoutMs = 3_000
/** 2 s: a stop does not wait longer for a database that does not answer. The lease then ends by itself. */
const releaseMs = 2_000

interface Held {
  fence: Fence
  number: string
  /** By our own clock that only goes forward, from before the statement was sent: never later than the database's. */
  untilMs: number
}

/**
 * Holds the lease on a connection of its own, so that it is renewed however long a refresh takes. Each statement stands
 * alone and needs nothing of its session: a pooler of transactions may give each to another one.
 */
export function createLeadership(options: LeadershipOptions): Leadership {
  return new LeaseHolder(options)
}

class LeaseHolder implements Leadership {
  private readonly options: LeadershipOptions
  private readonly listeners: ((leads: boolean) => void)[] = []
  private client: pg.Client | undefined
  private lease: Held | undefined
  private leader: string | undefined
  private standing = false
  private saidLeads = false
  private saidFailing = false
  private timer: NodeJS.Timeout | undefined
  private underway: Promise<void> = Promise.resolve()

  constructor(options: LeadershipOptions) {
    this.options = options
  }

  isStanding(): boolean {
    return this.standing
  }

  held(): Fence | undefined {
    return this.lease !== undefined && performance.now() < this.lease.untilMs ? this.lease.fence : undefined
  }

  onChange(listener: (leads: boolean) => void): void {
    this.listeners.push(listener)
  }

  async stand(): Promise<void> {
    if (this.standing) return
    this.standing = true
    await this.beat()
  }

  async release(): Promise<void> {
    this.standing = false
    clearTimeout(this.timer)
    await Promise.race([this.giveAway(), new Promise((done) => setTimeout(done, releaseMs).unref())])
    this.disconnect()
  }

  private async giveAway(): Promise<void> {
    await this.underway
    const { lease, client } = this
    this.lease = undefined
    this.announce()
    if (lease === undefined || client === undefined) return
    const { storeSchema, replicaId } = this.options
    // Where it cannot be said the lease ends by itself.
    await releaseLease(client, storeSchema, replicaId, lease.number).catch(() => {})
  }

  private beat(): Promise<void> {
    this.underway = this.ask()
    return this.underway
  }

  private async ask(): Promise<void> {
    let nextMs = lookMs
    try {
      const client = await this.connect()
      if (this.lease !== undefined) await this.renew(client, this.lease)
      // Lost or free: what another does not hold is taken at once.
      const secondsLeft = this.lease === undefined ? await this.take(client) : 0
      nextMs = this.lease === undefined ? Math.min(lookMs, Math.max(0, secondsLeft) * 1_000 + 10) : renewMs
      if (this.saidFailing) this.options.log.info('the lease can be renewed again')
      this.saidFailing = false
    } catch (error) {
      this.disconnect()
      if (!this.saidFailing && this.standing)
        this.options.log.warn(
          { error: messageOf(error) },
          'the lease cannot be renewed or asked for; it is tried again',
        )
      this.saidFailing = true
    }
    this.announce()
    if (this.standing) this.timer = setTimeout(() => void this.beat(), nextMs)
  }

  private async renew(client: pg.Client, { fence, number }: Held): Promise<void> {
    const { storeSchema, replicaId } = this.options
    const untilMs = this.untilMs()
    const isOurs = await renewLease(client, storeSchema, replicaId, number)
    this.lease = isOurs ? { fence, number, untilMs } : undefined
  }

  /** @returns how many seconds another's lease still lasts */
  private async take(client: pg.Client): Promise<number> {
    const { storeSchema, replicaId: owner, description, log } = this.options
    // Looking writes nothing; trying to take would leave a lock on the row each second.
    const found = await readLease(client, storeSchema)
    this.leader = found?.description
    if (found !== undefined && found.secondsLeft > 0) return found.secondsLeft
    const untilMs = this.untilMs()
    const number = await takeLease(client, storeSchema, { owner, description })
    if (number === undefined) return 0
    // Where they cannot be ended they cannot commit either, and end by themselves.
    const sessions = await endEarlierLeaders(client, storeSchema, number).catch(() => 0)
    if (sessions > 0) log.warn({ sessions }, 'what an earlier leader had left open in the database is ended')
    this.lease = { fence: fenceOf(storeSchema, owner, number), number, untilMs }
    return 0
  }

  private untilMs(): number {
    return performance.now() + leaseSeconds * 1_000
  }

  private announce(): void {
    const leads = this.held() !== undefined
    if (leads === this.saidLeads) return
    this.saidLeads = leads
    const { log } = this.options
    if (leads) log.info({ leads, fencing: this.lease?.number }, 'this replica leads')
    else if (this.lease !== undefined) log.warn({ leads }, 'this replica leads no more: its lease has run out')
    else if (this.standing) log.info({ leads, leader: this.leader }, 'another replica leads')
    for (const listener of this.listeners) listener(leads)
  }

  private async connect(): Promise<pg.Client> {
    if (this.client !== undefined) return this.client
    const fresh = createClient({
      connectionString: this.options.connectionString,
      applicationName: 'barometer-leader',
      connectTimeoutMs: timeoutMs,
      queryTimeoutMs: timeoutMs,
    })
    fresh.on('end', () => {
      if (this.client === fresh) this.client = undefined
    })
    await fresh.connect()
    this.client = fresh
    return fresh
  }

  private disconnect(): void {
    const old = this.client
    this.client = undefined
    old?.end().catch(() => {})
  }
}
