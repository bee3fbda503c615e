import { characters as metric } from '../../../catalogue/content.ts'
import { ahead, type Cells, type State } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { liveUsers } from '../past-spans.ts'
import { lives, liveUser } from '../rules.ts'

const characterOwner: State = {
  name: 'character_owner',
  views: ['users', 'characters'],
  entity: { view: 'users', id: 'user_id' },
  columns: { characters: 'bigint' },
  contribution: (entities) => `
SELECT d.id, CASE WHEN ${liveUser} THEN c.n ELSE 0 END AS characters, least(${lives}, c.next_at) AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(${ahead('created_at')}, ${ahead('deleted_at')})) AS next_at
  FROM characters WHERE user_id = d.id
) AS c`,
}

const sums: Cells = { name: 'characters', keys: {}, amounts: { characters: 's.characters' }, where: 's.characters > 0' }

export const characters: Collector = {
  name: 'characters',
  reads: [{ of: characterOwner, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT coalesce(sum(characters), 0) AS value
FROM rollup_characters`,
      sql: `
SELECT count(*) AS value
FROM characters c
JOIN users u USING (user_id)
WHERE ${liveUser} AND c.created_at <= :as_of AND (c.deleted_at IS NULL OR c.deleted_at > :as_of)`,
      past: {
        changes: `WITH ${liveUsers}
${changesOfSpans(
  `SELECT greatest(l.since, ${hourOf('c.created_at')}) AS since,
        least(l.until, ${hourOf(`coalesce(c.deleted_at, 'infinity')`)}) AS until
  FROM characters c JOIN live l USING (user_id)`,
  [],
)}`,
      },
    },
  ],
}
