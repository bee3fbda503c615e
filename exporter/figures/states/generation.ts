import { generationsFinished, generationsInProgress } from '../../../catalogue/content.ts'
import { ahead, lookUp, type State } from '../../store/domain.ts'
import { notInternal, oneOfSql } from '../rules.ts'

/** Whether a generation `g` has ended, one way or another; whether it has not. */
export const isOver = `g.status IN (${oneOfSql(generationsFinished.labels.status)})`
const inProgress = oneOfSql(generationsInProgress.labels.status)
export const isInProgress = `g.status IN (${inProgress})`
const finished = `${isOver} AND g.finished_at <= :as_of`

/** Each generation, from queued to its end. */
export const generation: State = {
  name: 'generation',
  views: ['users', 'generations'],
  rowsOf: 'generations',
  entity: { view: 'generations', id: 'generation_id', walkedBy: 'created_at' },
  columns: {
    user_id: { view: 'generations', column: 'user_id' },
    counted: 'boolean',
    created_at: 'timestamptz',
    finished_at: 'timestamptz',
    seconds: 'numeric',
    image_count: 'bigint',
    is_nsfw: 'boolean',
    status: 'text',
    type: 'text',
    quality: 'text',
    aspect_ratio: 'text',
    failure_reason: 'text',
    scene: 'text',
    environment: 'text',
    outfit: 'text',
    pose: 'text',
  },
  dirtiedBy: { users: '', generations: 'SELECT generation_id FROM changed' },
  turnedBy: 'SELECT g.generation_id FROM turned JOIN generations g USING (user_id)',
  contribution: (entities) => `
SELECT d.id, g.user_id, ${notInternal} AS counted, CASE WHEN g.created_at <= :as_of THEN g.created_at END AS created_at,
  CASE WHEN ${finished} THEN g.finished_at END AS finished_at,
  CASE WHEN g.status = 'succeeded' AND g.finished_at <= :as_of THEN extract(epoch FROM g.finished_at - g.started_at) END
    AS seconds,
  g.image_count, g.is_nsfw, g.status::text, g.type::text, g.quality::text, g.aspect_ratio::text,
  coalesce(g.failure_reason::text, '') AS failure_reason, g.scene::text, g.environment::text, g.outfit::text, g.pose::text,
  least(${ahead('g.created_at')}, CASE WHEN ${isOver} THEN ${ahead('g.finished_at')} END) AS next_at
FROM ${entities('g')}
LEFT JOIN ${lookUp('is_internal', 'rollup_account WHERE id = g.user_id')} AS u ON true`,
  indexes: [`(status) WHERE status IN (${inProgress})`],
}

/** Generations of the state `s` that succeeded, of everyone but internal users. */
export const succeeded = `s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded'`
