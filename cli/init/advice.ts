import type { Wanted } from './matching.ts'

/** What to write where a table has no such column; by view and column. */
const written: Readonly<Record<string, string>> = {
  'users.is_internal':
    'write false where no user is staff, a test or a bot, else what marks them: they are counted nowhere',
  'users.deleted_at': 'NULL is right only where rows of deleted users go or there are none',
  'characters.deleted_at': 'NULL is right only where rows of deleted characters go or there are none',
  'users.signup_source': 'expected where the user came from (direct, referral, …)',
  'users.country': 'expected ISO 3166 (two letters), or NULL',
  'users.visitor_id': 'expected the id of the same visitor in the view visits, or NULL',
  'generations.started_at': 'without it the duration of generations is not measured',
  'generations.finished_at': 'without it no generation counts as finished',
  'generations.failure_reason': 'expected a few short codes: 20 are shown, the rest is other',
  'generations.type': "write 'studio' where you make one type of image",
  'generations.quality': "write 'hq' where there is one quality",
  'generations.aspect_ratio': "write '1:1' where all are alike",
  'generations.is_nsfw': 'write false where there is no such image',
  'generations.image_count': 'write 1 where a row is one image',
  'subscriptions.interval': "write 'month' where all are billed monthly",
  'subscriptions.interval_count': 'write 1 where an interval is one week, month or year',
  'subscriptions.currency': "write 'USD' or yours where there is one",
  'subscriptions.ended_at': 'without it no subscription ends',
  'subscription_events.currency': "write 'USD' or yours where there is one",
  'payments.currency': "write 'USD' or yours where there is one",
  'refunds.currency': "write 'USD' or yours where there is one",
  'payments.kind': "write 'subscription' or 'credits' where all are the same",
}

export function advice({ view, column }: Pick<Wanted, 'view' | 'column'>): string | undefined {
  const known = written[`${view}.${column}`]
  if (known !== undefined) return known
  if (column === 'updated_at')
    return 'it must move at every change of the row: see "A table without updated_at" in docs/adopting.md'
  return undefined
}
