import { ahead, type State } from '../../store/domain.ts'
import { country, notInternal } from '../rules.ts'

/** Every user as they are: what facts and other states ask of a user. */
export const account: State = {
  name: 'account',
  views: ['users'],
  rowsOf: 'users',
  entity: { view: 'users', id: 'user_id' },
  columns: {
    is_internal: 'boolean',
    counted: 'boolean',
    created_at: 'timestamptz',
    deleted_at: 'timestamptz',
    source: 'text',
    country: 'text',
    visitor_id: 'text',
  },
  contribution: (entities) => `
SELECT d.id, u.is_internal, ${notInternal} AND u.created_at <= :as_of AS counted, u.created_at, u.deleted_at,
  coalesce(u.signup_source::text, '') AS source, ${country}, u.visitor_id::text AS visitor_id,
  ${ahead('u.created_at')} AS next_at
FROM ${entities('u')}`,
}
