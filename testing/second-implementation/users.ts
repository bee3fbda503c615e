import * as metrics from '../../catalogue/users.ts'
import type { Rows } from './history.ts'
import {
  by,
  counts,
  dateOf,
  daysBetween,
  dearest,
  type ExpectedMetric,
  fold,
  hour,
  isIn,
  isInternal,
  isLive,
  liveUsers,
  microseconds,
  runsAt,
  Tally,
  tierOf,
  userOf,
  type World,
  windowsOf,
} from './rules.ts'

export function expectedUsers(world: World): ExpectedMetric[] {
  return [
    registered(world),
    signups(world),
    activeUsers(world),
    sessions(world),
    generatingUsers(world),
    funnel(world),
    ...retention(world),
    ...churn(world),
    ...lifetime(world),
  ]
}

function registered(world: World): ExpectedMetric {
  const tally = new Tally()
  const { casual, regular, power } = world.inputs.thresholds
  for (const user of liveUsers(world)) {
    const own = world.history.characters.filter((row) => row.user_id === user.user_id)
    const characters = own.filter((row) => by(world, row.created_at) && !by(world, row.deleted_at)).length
    const generations = world.history.generations.filter(
      (row) => row.user_id === user.user_id && isIn(world, '30d', row.created_at),
    ).length
    const bucket = ['0', '1', '2-5', '2-5', '2-5', '2-5'][characters] ?? (characters > 20 ? '21+' : '6-20')
    const activity =
      generations >= power ? 'power' : generations >= regular ? 'regular' : generations >= casual ? 'casual' : 'dormant'
    tally.add([tierOf(world, user.user_id), fold(world, user.country, 'country'), bucket, activity])
  }
  return counts(metrics.users, tally)
}

function signups(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const user of world.history.users) {
    if (user.is_internal) continue
    for (const window of windowsOf(world, metrics.signups, user.created_at))
      tally.add([window, fold(world, user.signup_source, 'signup_source'), fold(world, user.country, 'country')])
  }
  return counts(metrics.signups, tally)
}

function activeUsers(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const user of liveUsers(world)) {
    const own = world.history.sessions.filter((row) => row.user_id === user.user_id)
    for (const window of ['1d', '7d', '30d'])
      if (own.some((row) => isIn(world, window, row.started_at)))
        tally.add([window, tierOf(world, user.user_id), fold(world, user.country, 'country')])
  }
  return counts(metrics.activeUsers, tally)
}

function sessions(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of world.history.sessions) {
    if (isInternal(world, row.user_id)) continue
    for (const window of windowsOf(world, metrics.sessions, row.started_at)) tally.add([window])
  }
  return counts(metrics.sessions, tally)
}

function generatingUsers(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const window of ['1d', '7d', '30d']) {
    const rows = world.history.generations.filter((row) => isIn(world, window, row.created_at))
    const users = new Set(rows.map((row) => row.user_id).filter((id) => isLive(world, userOf(world, id))))
    tally.add([window], users.size)
  }
  return counts(metrics.generatingUsers, tally)
}

/** The first visit of each visitor who is nobody internal. */
export function firstVisits(world: World): Rows['visits'][] {
  const first = new Map<string, Rows['visits']>()
  for (const visit of world.history.visits) {
    if (!by(world, visit.visited_at)) continue
    const before = first.get(visit.visitor_id)
    const earlier = before === undefined ? -1n : microseconds(visit.visited_at) - microseconds(before.visited_at)
    if (before === undefined || earlier < 0n || (earlier === 0n && visit.visit_id < before.visit_id))
      first.set(visit.visitor_id, visit)
  }
  const internal = new Set(world.history.users.filter((user) => user.is_internal).map((user) => user.visitor_id))
  return [...first.values()].filter((visit) => !internal.has(visit.visitor_id))
}

function funnel(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const visit of firstVisits(world)) {
    const people = world.history.users.filter(
      (user) => user.visitor_id === visit.visitor_id && by(world, user.created_at),
    )
    const hasImage = people.some((user) =>
      world.history.generations.some(
        (row) => row.user_id === user.user_id && row.status === 'succeeded' && by(world, row.finished_at),
      ),
    )
    for (const window of windowsOf(world, metrics.funnelUsers, visit.visited_at)) {
      const source = fold(world, visit.source, 'visit_source')
      tally.add(['visit', window, source])
      if (people.length > 0) tally.add(['signup', window, source])
      if (hasImage) tally.add(['first_generation', window, source])
    }
  }
  return counts(metrics.funnelUsers, tally)
}

function retention(world: World): ExpectedMetric[] {
  const cohort = new Tally()
  const retained = new Tally()
  const today = dateOf(world, world.now)
  const people = world.history.users
    .filter((user) => !user.is_internal && by(world, user.created_at))
    .map((user) => ({ id: user.user_id, day: dateOf(world, microseconds(user.created_at)) }))
  for (const [horizon, days] of [['d1', 1] as const, ['d7', 7] as const, ['d30', 30] as const]) {
    const newest = people
      .map(({ day }) => day)
      .filter((day) => daysBetween(day, today) > days)
      .sort()
      .at(-1)
    for (const person of people.filter(({ day }) => day === newest)) {
      const came = world.history.sessions.some(
        (row) =>
          row.user_id === person.id &&
          by(world, row.started_at) &&
          daysBetween(person.day, dateOf(world, microseconds(row.started_at))) === days,
      )
      cohort.add([horizon])
      retained.add([horizon], came ? 1 : 0)
    }
  }
  return [counts(metrics.retentionUsers, cohort), counts(metrics.retainedUsers, retained)]
}

function churn(world: World): ExpectedMetric[] {
  const start = new Tally()
  const churned = new Tally()
  const monthAgo = world.now - 720n * hour
  for (const id of new Set(world.history.subscriptions.map((row) => row.user_id))) {
    if (isInternal(world, id)) continue
    const own = world.history.subscriptions.filter((row) => row.user_id === id)
    const chosen = dearest(own.filter((row) => runsAt(row, monthAgo) && row.status !== 'trialing'))
    if (chosen === undefined) continue
    const labels = [fold(world, chosen.tier, 'tier'), '30d']
    start.add(labels)
    if (!own.some((row) => runsAt(row, world.now))) churned.add(labels)
    else churned.add(labels, 0)
  }
  return [counts(metrics.subscribersAtStart, start), counts(metrics.churnedSubscribers, churned)]
}

function lifetime(world: World): ExpectedMetric[] {
  const begun = new Tally()
  const survived = new Tally()
  for (const user of world.history.users) {
    if (user.is_internal || !by(world, user.created_at)) continue
    const times = world.history.sessions
      .filter((row) => row.user_id === user.user_id && by(world, row.started_at))
      .map((row) => microseconds(row.started_at))
    for (let week = 0; week <= 26; week++) {
      const begins = microseconds(user.created_at) + BigInt(week) * 168n * hour
      if (begins > world.now) break
      begun.add([String(week)])
      survived.add([String(week)], times.some((time) => time >= begins) ? 1 : 0)
    }
  }
  return [counts(metrics.userLifetimeUsers, begun), counts(metrics.userLifetimeSurvivors, survived)]
}
