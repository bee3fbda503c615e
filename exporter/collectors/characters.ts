import { characters as metric } from '../../catalogue/content.ts'
import type { Collector } from '../collector.ts'
import { liveUser } from './fragments.ts'

export const characters: Collector = {
  name: 'characters',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
SELECT count(*) AS value
FROM characters c
JOIN users u USING (user_id)
WHERE ${liveUser} AND c.created_at <= :as_of AND (c.deleted_at IS NULL OR c.deleted_at > :as_of)`,
    },
  ],
}
