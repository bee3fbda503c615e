import { waitingFor } from './advance.ts'
import { addPast, forgetSeen, moveTurned, readFeed } from './feeds.ts'
import type { Layout } from './layout.ts'
import type { Part } from './parts.ts'
import { computeFirst, dirtyEntities, recompute } from './states.ts'

/** A statement of the engine as it is rendered, with names such as `:as_of` in the place of values. */
export interface Rendered {
  /** When it runs. */
  title: string
  sql: string
}

/**
 * What the engine runs for a part. Watermarks and keys, which are literals when it runs, are shown as the words `watermark`,
 * `after` and `through`.
 */
export function statementsOf(layout: Layout, part: Part): { build: Rendered[]; refresh: Rendered[] } {
  const { parts, accounts } = layout
  const everything = new Map(parts.map(({ name }) => [name, true]))
  if (part.kind === 'domain') {
    const { domain } = part
    return {
      build: [
        { title: 'build: a stretch', sql: computeFirst(domain, { type: 'text', after: 'after', through: 'through' }) },
      ],
      refresh: [
        {
          title: 'refresh: what changed, is due, or whose user turned internal or back',
          sql: recompute(domain, dirtyEntities(domain), waitingFor(layout, domain, everything)),
        },
      ],
    }
  }
  const { view, facts, rows } = part
  const domains = parts.flatMap((one) => (one.kind === 'domain' ? [one.domain] : []))
  return {
    build:
      facts === undefined ? [] : [{ title: 'build: a stretch', sql: addPast(accounts, facts, 'after', 'through') }],
    refresh: [
      ...(facts === undefined
        ? []
        : [{ title: 'refresh: users who turned internal or back', sql: moveTurned(facts, 'watermark') }]),
      {
        title: 'refresh: what changed',
        sql: readFeed({ accounts, view, facts, rows, watermark: 'watermark', domains }),
      },
      { title: 'refresh: forget what is not read again', sql: forgetSeen(view) },
    ],
  }
}
