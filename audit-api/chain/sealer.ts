import type { Logger } from '../../lib/log.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { Head } from './verify.ts'

/** 10,000 rows take 0.2 s: a batch is soon over, and a second of the fullest ingest is a few of them. */
const batchRowsMax = 10_000
/** A tick ends after so many, so that the head and the figures are shown also while there is much to catch up. */
const batchesMax = 50
/** 30 s: a batch takes 0.2 s; what takes longer waits for something that will not come. */
const begin = 'BEGIN; SET LOCAL statement_timeout = 30000'
const stateSql =
  "SELECT unsealed, number, last_sequence, encode(chain_hash, 'hex') AS chain_hash FROM barometer_audit.chain_state()"
/** 60 s: the log is to hold the head often enough to compare with, and not once a second. */
const logEveryMs = 60_000

export interface ChainState {
  head: Head | undefined
  /** Counted to 100,000. */
  unsealed: number
}

export interface Sealer {
  /** Seals what is committed, where no other replica is at it, and answers how the chain stands. */
  tick(): Promise<ChainState>
  /** Writes the newest head to the log, where it is not there yet. */
  logHead(): void
}

interface Sealed {
  sealed: number | null
  more: boolean
}

interface StateRow {
  unsealed: string
  number: string
  last_sequence: string
  chain_hash: string
}

/** @param pool as the service's role */
export function createSealer(pool: Pool, log: Logger, now: () => Date): Sealer {
  let head: Head | undefined
  let loggedBatch = 0
  let loggedMs = 0

  function logHead(): void {
    if (head === undefined || head.batch === loggedBatch) return
    log.info({ sequence: head.sequence, batch: head.batch, hash: head.chainHash }, 'the chain has a new head')
    loggedBatch = head.batch
    loggedMs = now().getTime()
  }

  return {
    logHead,
    tick: async () => {
      for (let batches = 0; batches < batchesMax; batches += 1) {
        const { rows } = await transaction(pool, begin, (client) =>
          client.query<Sealed>('SELECT sealed, more FROM barometer_audit.seal($1)', [batchRowsMax]),
        )
        if (rows[0]?.more !== true) break
      }
      const { rows } = await transaction(pool, begin, (client) => client.query<StateRow>(stateSql))
      const state = stateOf(rows[0])
      if (head !== undefined && (state.head?.batch ?? 0) < head.batch) {
        log.error({ was: head, is: state.head }, 'the chain ends before the head that was seen')
      }
      head = state.head
      if (now().getTime() - loggedMs >= logEveryMs) logHead()
      return state
    },
  }
}

function stateOf(row: StateRow | undefined): ChainState {
  const batch = Number(row?.number ?? 0)
  return {
    unsealed: Number(row?.unsealed ?? 0),
    head: batch === 0 ? undefined : { batch, sequence: Number(row?.last_sequence), chainHash: row?.chain_hash ?? '' },
  }
}
