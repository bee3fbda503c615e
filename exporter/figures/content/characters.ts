import { characters as metric } from '../../../catalogue/content.ts'
import type { Collector } from '../../store/figure.ts'
import { liveUser } from '../rules.ts'
import { characterOwner } from '../users/account.ts'

export const characters: Collector = {
  name: 'characters',
  views: metric.sources,
  parts: [characterOwner.name],
  oracle: [
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
    },
  ],
}
