import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { UserError } from '../../lib/user-error.ts'
import { getText, lastKeys, type ObjectStore, putText } from '../storage/object-store.ts'
import type { Anchor, Head } from './verify.ts'

/** Heads of the chain kept outside the database, where whoever can write the database cannot write. */
export interface Anchors {
  /** Writes the head of a day, unless there is one of that day. Says whether it wrote. */
  keepDaily(head: Head, now: Date): Promise<boolean>
  /** The newest ones, oldest first. */
  newest(): Promise<Anchor[]>
}

const AnchorSchema = Type.Object({
  version: Type.Literal(1),
  sequence: Type.Integer({ minimum: 0 }),
  batch: Type.Integer({ minimum: 1 }),
  chain_hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  anchored_at: Type.String(),
})
const anchorSchema = Compile(AnchorSchema)

/** Half a year of days: each costs a small request, and an older one says nothing that a newer one does not. */
const comparedMax = 180

/** Keys are `<prefix>anchors/2026-08-02/<sequence>.json`, which sort by day. */
export function createAnchors(store: ObjectStore): Anchors {
  const folder = `${store.prefix}anchors/`
  return {
    keepDaily: async (head, now) => {
      const day = now.toISOString().slice(0, 10)
      if ((await lastKeys(store, `${folder}${day}/`, 1)).length > 0) return false
      const anchor = {
        version: 1,
        sequence: head.sequence,
        batch: head.batch,
        chain_hash: head.chainHash,
        anchored_at: now.toISOString(),
      }
      const name = String(head.sequence).padStart(15, '0')
      await putText(store, `${folder}${day}/${name}.json`, `${JSON.stringify(anchor)}\n`)
      return true
    },
    newest: async () => {
      const anchors: Anchor[] = []
      for (const key of await lastKeys(store, folder, comparedMax)) {
        anchors.push(readAnchor(key, await getText(store, key)))
      }
      return anchors
    },
  }
}

function readAnchor(key: string, text: string): Anchor {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    content = undefined
  }
  if (!anchorSchema.Check(content)) {
    throw new UserError(`the anchor ${key} is not one; expected JSON as it was written`, { exitCode: 1 })
  }
  return { key, batch: content.batch, sequence: content.sequence, chainHash: content.chain_hash }
}
