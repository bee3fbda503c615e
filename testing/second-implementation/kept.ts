import { type KeptSet, keptMax } from '../../catalogue/define.ts'
import type { PopularItem } from '../../exporter/store/figure.ts'
import { itemCounts } from './content.ts'
import { by, isInternal, type World } from './rules.ts'
import { firstVisits } from './users.ts'

/** The values of a set that count, one entry for each time. */
function valuesOf(world: World, set: KeptSet): (string | null)[] {
  const { users, subscriptions, generations, bug_reports } = world.history
  const people = users.filter((user) => !user.is_internal && by(world, user.created_at))
  const made = generations.filter((row) => !isInternal(world, row.user_id))
  switch (set) {
    case 'country':
      return people.map((user) => user.country)
    case 'signup_source':
      return people.map((user) => user.signup_source)
    case 'visit_source':
      return firstVisits(world).map((visit) => visit.source)
    case 'tier':
      return subscriptions
        .filter((row) => !isInternal(world, row.user_id) && by(world, row.started_at))
        .map((row) => row.tier)
    case 'aspect_ratio':
      return made.filter((row) => by(world, row.created_at)).map((row) => row.aspect_ratio)
    case 'failure_reason':
      return made
        .filter((row) => row.status === 'failed' && by(world, row.finished_at))
        .map((row) => row.failure_reason)
    case 'severity':
      return bug_reports.filter((row) => by(world, row.created_at)).map((row) => row.severity)
  }
}

const byCountThenName = (one: readonly [string, number], other: readonly [string, number]): number =>
  other[1] - one[1] || (one[0] < other[0] ? -1 : 1)

/** The kept values of a set after a refresh, of those before it. */
export function expectedKept(world: World, set: KeptSet, before: readonly string[]): string[] {
  const found = new Map<string, number>()
  for (const value of valuesOf(world, set)) {
    const isOurs = value === null || ['', 'unknown', 'other'].includes(value) || (set === 'tier' && value === 'free')
    if (!isOurs && !before.includes(value)) found.set(value, (found.get(value) ?? 0) + 1)
  }
  const entering = [...found].sort(byCountThenName).map(([value]) => value)
  return [...before, ...entering.slice(0, keptMax - before.length)]
}

/** The items of a day whose first refresh this is. */
export function expectedPopular(world: World): PopularItem[] {
  return [...itemCounts(world)].flatMap(([key, items]) => {
    const [category = '', window = ''] = JSON.parse(key) as string[]
    return [...items]
      .filter(([item]) => item !== 'other')
      .sort(byCountThenName)
      .slice(0, keptMax)
      .map(([item]) => ({ category, window, item }))
  })
}
