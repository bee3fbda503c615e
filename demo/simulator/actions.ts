import type { Pool } from 'pg'

/** What the simulator acts through. `random` gives numbers from 0 to 1. */
export interface World {
  pool: Pool
  apiUrl: string
  random: () => number
}

export type Action = (world: World) => Promise<unknown>

const pick = <Value>(world: World, choices: readonly Value[]): Value =>
  choices[Math.floor(world.random() * choices.length)] as Value

const admins = ['ada', 'grace', 'alan', 'edsger', 'barbara']
const sources = ['direct', 'direct', 'referral', 'funnel', 'search', 'social', null]
const countries = ['US', 'US', 'DE', 'GB', 'FR', 'JP', 'BR', 'IN', 'CA', null]
const someone = `(SELECT id FROM platform.users WHERE deleted_at IS NULL AND kind = 'customer'
  AND id >= $1::float8 * (SELECT max(id) FROM platform.users) ORDER BY id LIMIT 1)`

const visit: Action = ({ pool, random }) =>
  pool.query('INSERT INTO platform.visits (visitor_id, source) VALUES ($1, $2)', [
    `x${Math.floor(random() * 1e9)}`,
    sources[Math.floor(random() * sources.length)],
  ])

/** A visit that becomes a user, who comes in at once. */
const signUp: Action = async (world) => {
  const visitor = `x${Math.floor(world.random() * 1e9)}`
  const source = pick(world, sources)
  await world.pool.query(
    `WITH seen AS (INSERT INTO platform.visits (visitor_id, source) VALUES ($1, $2)),
       made AS (INSERT INTO platform.users (visitor_id, signup_source, country) VALUES ($1, $2, $3) RETURNING id),
       welcome AS (INSERT INTO platform.credit_ledger (user_id, kind, credits) SELECT id, 'granted', 30 FROM made)
     INSERT INTO platform.sessions (user_id) SELECT id FROM made`,
    [visitor, source, pick(world, countries)],
  )
}

const session: Action = ({ pool, random }) =>
  pool.query(`INSERT INTO platform.sessions (user_id) SELECT ${someone}`, [random()])

const createCharacter: Action = ({ pool, random }) =>
  pool.query(`INSERT INTO platform.characters (user_id) SELECT ${someone}`, [random()])

/** Through the platform's API, as its app would, and from there through the queue to the GPUs. */
const generate: Action = async (world) => {
  const { rows } = await world.pool.query<{ id: string }>(`SELECT ${someone} AS id`, [world.random()])
  const imageCount = 1 + Math.floor(world.random() * 4)
  const numbered = (name: string, most: number) => `${name} ${Math.floor(most * world.random() ** 2)}`
  const answer = await fetch(`${world.apiUrl}/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      userId: rows[0]?.id,
      type: pick(world, ['studio', 'studio', 'base_image', 'profile_picture']),
      quality: pick(world, ['draft', 'draft', 'hq']),
      aspectRatio: pick(world, ['1:1', '3:4', '16:9', '9:16']),
      isNsfw: world.random() < 0.2,
      imageCount,
      scene: numbered('scene', 30),
      environment: numbered('environment', 25),
      outfit: numbered('outfit', 25),
      pose: numbered('pose', 18),
    }),
  })
  await answer.body?.cancel()
  if (!answer.ok) throw new Error(`the API answers ${answer.status}`)
  await world.pool.query(`INSERT INTO platform.credit_ledger (user_id, kind, credits) VALUES ($1, 'consumed', $2)`, [
    rows[0]?.id,
    imageCount,
  ])
}

/** A look at a user, who now and then is not there; one in thirty asks by the address, which the API does not know. */
const readUser: Action = async ({ apiUrl, random }) => {
  const number = 1 + Math.floor(random() * 22_000)
  const answer = await fetch(`${apiUrl}/users/${random() < 1 / 30 ? `user${number}@example.com` : number}`)
  await answer.body?.cancel()
}

const buyCredits: Action = ({ pool, random }) =>
  pool.query(
    `WITH who AS (SELECT ${someone} AS id),
       paid AS (INSERT INTO platform.payments (user_id, kind, amount_minor, currency) SELECT id, 'credits', 1000, 'USD' FROM who)
     INSERT INTO platform.credit_ledger (user_id, kind, credits) SELECT id, 'purchased', 200 FROM who`,
    [random()],
  )

const subscribe: Action = ({ pool, random }) =>
  pool.query(
    `WITH made AS (
       INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency)
       SELECT ${someone}, 'starter', 'active', 900, 'USD' RETURNING *
     ), paid AS (
       INSERT INTO platform.payments (user_id, kind, amount_minor, currency)
       SELECT user_id, 'subscription', amount_minor, currency FROM made
     )
     INSERT INTO platform.subscription_events
       (subscription_id, user_id, kind, to_tier, mrr_before_minor, mrr_after_minor, currency)
     SELECT id, user_id, 'new', tier, 0, amount_minor, currency FROM made`,
    [random()],
  )

/** Moves one monthly subscription to another price, or ends it, with the event that says so. */
function changeSubscription(kind: 'upgrade' | 'downgrade' | 'cancel'): Action {
  const tiers = { upgrade: ['starter', 'pro', 2900], downgrade: ['pro', 'starter', 900], cancel: ['starter', null, 0] }
  const [from, to, amount] = tiers[kind]
  return ({ pool }) =>
    pool.query(
      `WITH chosen AS (
         SELECT id, user_id, amount_minor, currency FROM platform.subscriptions
         WHERE tier = $1 AND status = 'active' AND ended_at IS NULL AND billing_interval = 'month' AND currency = 'USD'
         ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED
       ), changed AS (
         UPDATE platform.subscriptions s SET updated_at = clock_timestamp(),
           tier = coalesce($2, s.tier), amount_minor = CASE WHEN $2::text IS NULL THEN s.amount_minor ELSE $3 END,
           status = CASE WHEN $2::text IS NULL THEN 'canceled' ELSE s.status END,
           ended_at = CASE WHEN $2::text IS NULL THEN clock_timestamp() END
         FROM chosen WHERE s.id = chosen.id
       )
       INSERT INTO platform.subscription_events
         (subscription_id, user_id, kind, from_tier, to_tier, mrr_before_minor, mrr_after_minor, currency)
       SELECT id, user_id, $4, $1, $2, amount_minor, $3, currency FROM chosen`,
      [from, to, amount, kind],
    )
}

const reportBug: Action = (world) =>
  world.pool.query('INSERT INTO platform.bug_reports (severity) VALUES ($1)', [
    pick(world, ['low', 'medium', 'high', null]),
  ])

const askToBeInfluencer: Action = ({ pool }) => pool.query('INSERT INTO platform.influencer_requests DEFAULT VALUES')

/** An admin's action, by the function that records it; `target` finds what it is done to. */
function adminAction(call: string, target: string): Action {
  return (world) =>
    world.pool.query(`SELECT platform.${call} FROM (${target}) AS chosen(target)`, [
      pick(world, admins),
      JSON.stringify({ ip: '203.0.113.7', user_agent: 'admin-app/4.2' }),
    ])
}

const anyUser = `SELECT id FROM platform.users WHERE kind = 'customer' AND deleted_at IS NULL ORDER BY updated_at LIMIT 1`

/** Every admin action of the platform. */
export const adminActions = {
  grantCredits: adminAction('admin_grant_credits($1, chosen.target, 50, $2)', anyUser),
  suspendUser: adminAction(
    'admin_suspend_user($1, chosen.target, $2)',
    `SELECT id FROM platform.users WHERE kind = 'customer' AND deleted_at IS NULL AND suspended_at IS NULL ORDER BY updated_at LIMIT 1`,
  ),
  deleteUser: adminAction('admin_delete_user($1, chosen.target, $2)', anyUser),
  refundPayment: adminAction(
    'admin_refund_payment($1, chosen.target, $2)',
    'SELECT p.id FROM platform.payments p WHERE NOT EXISTS (SELECT FROM platform.refunds r WHERE r.payment_id = p.id) ORDER BY paid_at DESC LIMIT 1',
  ),
  deleteCharacter: adminAction(
    'admin_delete_character($1, chosen.target, $2)',
    'SELECT id FROM platform.characters WHERE deleted_at IS NULL ORDER BY updated_at LIMIT 1',
  ),
  closeBugReport: adminAction(
    'admin_close_bug_report($1, chosen.target, $2)',
    `SELECT id FROM platform.bug_reports WHERE status = 'open' ORDER BY created_at LIMIT 1`,
  ),
  approveInfluencer: adminAction(
    `admin_decide_influencer_request($1, chosen.target, 'approved', $2)`,
    `SELECT id FROM platform.influencer_requests WHERE status = 'pending' ORDER BY created_at LIMIT 1`,
  ),
  rejectInfluencer: adminAction(
    `admin_decide_influencer_request($1, chosen.target, 'rejected', $2)`,
    `SELECT id FROM platform.influencer_requests WHERE status = 'pending' ORDER BY created_at LIMIT 1`,
  ),
} as const satisfies Record<string, Action>

/** What happens, and how often of a thousand. */
export const weights: readonly (readonly [Action, number])[] = [
  [visit, 160],
  [signUp, 40],
  [session, 240],
  [createCharacter, 40],
  [generate, 240],
  [readUser, 150],
  [buyCredits, 30],
  [subscribe, 14],
  [changeSubscription('upgrade'), 6],
  [changeSubscription('downgrade'), 2],
  [changeSubscription('cancel'), 4],
  [reportBug, 10],
  [askToBeInfluencer, 6],
  [adminActions.grantCredits, 14],
  [adminActions.suspendUser, 5],
  [adminActions.deleteUser, 3],
  [adminActions.refundPayment, 1],
  [adminActions.deleteCharacter, 8],
  [adminActions.closeBugReport, 10],
  [adminActions.approveInfluencer, 4],
  [adminActions.rejectInfluencer, 6],
]

/** The action that a number from 0 to 1 falls on. */
export function actionAt(x: number): Action {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  let left = x * total
  for (const [action, weight] of weights) {
    left -= weight
    if (left < 0) return action
  }
  return visit
}

/** How lively it is at an hour (UTC): from 0.4 at night to 1.6 in the evening. */
export function liveliness(hour: number): number {
  return 1 - 0.6 * Math.cos(((hour - 8) / 12) * Math.PI)
}
