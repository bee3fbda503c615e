import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { views } from '../catalogue/views.ts'
import {
  block,
  close,
  compare,
  figures,
  onPage,
  page,
  problemsOf,
  sumOf,
  type Walk,
  walk,
  walkTimeoutMs,
} from '../testing/adopting/walk.ts'

/** What a walk shows before its figures, whatever the tables. */
function testOpening(walked: () => Walk, { missing, absent }: { missing: unknown[]; absent: readonly string[] }): void {
  test('init says what the page shows', () => {
    const { exitCode, stderr } = walked().init
    expect(exitCode).toBe(0)
    const lines = stderr.split('\n').slice(0, views.length)
    const shown = lines.filter((line) => onPage.some((view) => line.startsWith(`${view} `)))
    expect(page).toContain(`\`\`\`text\n${shown.join('\n')}\n\`\`\``)
    for (const line of lines) if (!shown.includes(line)) expect(line).toContain('no table known')
  })

  test('the draft runs as it is, and check names what is missing', () => {
    expect(walked().halfDone.exitCode).toBe(1)
    expect(problemsOf(walked().halfDone.report)).toEqual(missing)
  })

  test('after the edits of the page and the indexes of check, check is content', () => {
    expect(problemsOf(walked().unindexed.report).filter((line) => !line.includes('is not there'))).toEqual([])
    expect(walked().done.exitCode).toBe(0)
    const states = walked().done.report.views.map(({ view, status }) => [view, status])
    expect(states).toEqual(views.map((view) => [view, absent.includes(view) || !onPage.includes(view) ? 'off' : 'ok']))
  })
}

describe('tables as Prisma makes them', () => {
  let walked: Walk
  beforeAll(async () => {
    walked = await walk('prisma', '"Subscription"')
  }, walkTimeoutMs)
  afterAll(() => close(walked))

  testOpening(() => walked, {
    missing: [
      expect.stringContaining('barometer_source.visits is still the empty draft'),
      'view subscriptions: column interval_count holds NULL; expected a value in every row',
      expect.stringContaining('barometer_source.subscription_events is still the empty draft'),
      'view refunds: column currency holds NULL; expected a value in every row',
      expect.stringContaining('barometer_source.influencer_requests is still the empty draft'),
    ],
    absent: ['visits', 'influencer_requests'],
  })

  test('the figures are those of plain SQL on the tables, and so they are after a subscription changed', async () => {
    const customers = `"User" u WHERE u."role" = 'USER'`
    const live = `${customers} AND u."deletedAt" IS NULL`
    const of = (table: string, where: string) =>
      `FROM "${table}" x JOIN "User" u ON u."id" = x."userId" WHERE u."role" = 'USER' AND ${where}`
    const paid = `FROM "Subscription" s JOIN "Plan" p ON p."id" = s."planId" JOIN "User" u ON u."id" = s."userId"
      WHERE u."role" = 'USER' AND s."status" IN ('ACTIVE', 'PAST_DUE') AND s."endedAt" IS NULL`
    const mrr = `SELECT sum(CASE p."interval" WHEN 'YEAR' THEN round(p."priceCents" / 12.0) ELSE p."priceCents" END) / 100 ${paid}`
    const utc = `now() AT TIME ZONE 'UTC'`
    const finished = (where: string) =>
      `SELECT count(*) ${of('Generation', `x."completedAt" IS NOT NULL AND ${where}`)}`
    const credits = (reason: string) =>
      `SELECT sum(abs(x."amount")) ${of('CreditTransaction', `x."reason" = '${reason}'`)}`
    const ever = { window: 'ever' }
    const first = await figures(walked.readerUrl)
    await compare(walked, first, [
      ['platform_users', {}, `SELECT count(*) FROM ${live}`],
      ['platform_users', { country: 'US' }, `SELECT count(*) FROM ${live} AND u."country" = 'US'`],
      ['platform_signups', ever, `SELECT count(*) FROM ${customers}`],
      [
        'platform_signups',
        { ...ever, source: 'ads' },
        `SELECT count(*) FROM ${customers} AND u."signupSource" = 'ads'`,
      ],
      ['platform_sessions', ever, `SELECT count(*) ${of('LoginEvent', 'true')}`],
      [
        'platform_sessions',
        { window: '7d' },
        `SELECT count(*) ${of('LoginEvent', `x."createdAt" > ${utc} - interval '168 hours'`)}`,
      ],
      [
        'platform_active_users',
        { window: '7d' },
        `SELECT count(DISTINCT u."id") ${of('LoginEvent', `u."deletedAt" IS NULL AND x."createdAt" > ${utc} - interval '168 hours'`)}`,
      ],
      [
        'platform_characters',
        {},
        `SELECT count(*) ${of('Character', 'x."deletedAt" IS NULL AND u."deletedAt" IS NULL')}`,
      ],
      ['platform_generations_finished', { status: 'succeeded' }, finished(`x."status" = 'COMPLETED'`)],
      ['platform_generations_finished', { status: 'failed' }, finished(`x."status" = 'FAILED'`)],
      ['platform_generations_finished', { status: 'cancelled' }, finished(`x."status" = 'CANCELED'`)],
      ['platform_generations_finished', { rating: 'nsfw', quality: 'hq' }, finished('x."nsfw" AND x."isHd"')],
      [
        'platform_generations_finished',
        { type: 'profile_picture', aspect_ratio: '4:3' },
        finished(`x."type" = 'AVATAR' AND x."height" = 768`),
      ],
      ['platform_generation_failures', { reason: 'out of memory' }, finished(`x."status" = 'FAILED'`)],
      [
        'platform_generations_in_progress',
        { status: 'queued' },
        `SELECT count(*) ${of('Generation', `u."deletedAt" IS NULL AND x."status" = 'PENDING'`)}`,
      ],
      [
        'platform_images',
        ever,
        `SELECT sum(cardinality(x."imageUrls")) ${of('Generation', `x."status" = 'COMPLETED'`)}`,
      ],
      [
        'platform_popular_generations',
        { category: 'scene', item: 'beach', window: '30d' },
        finished(
          `x."status" = 'COMPLETED' AND x."params" ->> 'scene' = 'beach' AND x."completedAt" > ${utc} - interval '720 hours'`,
        ),
      ],
      [
        'platform_subscriptions',
        { status: 'trialing' },
        `SELECT count(*) ${of('Subscription', `x."status" = 'TRIALING' AND x."endedAt" IS NULL`)}`,
      ],
      ['platform_mrr', { currency: 'USD' }, mrr],
      ['platform_mrr', { tier: 'pro-yearly' }, `${mrr} AND p."slug" = 'pro-yearly'`],
      ['platform_mrr_movement', { movement: 'new' }, mrr],
      ['platform_paying_users', {}, `SELECT count(DISTINCT s."userId") ${paid}`],
      [
        'platform_payment_amount',
        { ...ever, kind: 'subscription' },
        `SELECT sum(x."amount") / 100.0 ${of('Payment', `x."status" = 'SUCCEEDED' AND x."purpose" = 'SUBSCRIPTION'`)}`,
      ],
      [
        'platform_payments',
        { ...ever, kind: 'credits', currency: 'USD' },
        `SELECT count(*) ${of('Payment', `x."status" = 'SUCCEEDED' AND x."purpose" = 'CREDIT_PACK'`)}`,
      ],
      [
        'platform_refund_amount',
        ever,
        `SELECT sum(r."amount") / 100.0 ${of('Payment', 'true').replace('WHERE', 'JOIN "Refund" r ON r."paymentId" = x."id" WHERE')}`,
      ],
      ['platform_credits', { ...ever, kind: 'purchased' }, credits('PURCHASE')],
      ['platform_credits', { ...ever, kind: 'consumed' }, credits('GENERATION')],
      ['platform_credits', { ...ever, kind: 'granted' }, credits('SIGNUP_BONUS')],
      ['platform_credits', { ...ever, kind: 'refunded' }, credits('REFUND')],
      [
        'platform_credits_outstanding',
        {},
        `SELECT sum(x."amount") ${of('CreditTransaction', 'u."deletedAt" IS NULL')}`,
      ],
      [
        'platform_bug_reports_open',
        { severity: 'high' },
        `SELECT count(*) FROM "SupportTicket" WHERE "category" = 'bug' AND "status" <> 'CLOSED' AND "priority" = 'high'`,
      ],
    ])

    const touched = `"updatedAt" = ${utc}`
    await walked.owner.query(`UPDATE "Subscription" SET "planId" = 'pln_2', ${touched}
      WHERE "planId" = 'pln_1' AND "status" = 'ACTIVE' AND "endedAt" IS NULL`)
    await walked.owner.query(
      `UPDATE "Subscription" SET "status" = 'CANCELED', "endedAt" = ${utc}, ${touched} WHERE "planId" = 'pln_3' AND "status" = 'ACTIVE'`,
    )
    await walked.owner.query(`UPDATE "Subscription" SET "status" = 'ACTIVE', ${touched} WHERE "status" = 'TRIALING'`)
    const second = await figures(walked.readerUrl)
    await compare(walked, second, [
      ['platform_mrr', { currency: 'USD' }, mrr],
      ['platform_mrr', { tier: 'pro' }, `${mrr} AND p."slug" = 'pro'`],
    ])
    const moved = (movement: string): number => sumOf(second, 'platform_mrr_movement', { movement })
    expect(moved('expansion')).toBeGreaterThan(0)
    expect(moved('churn')).toBeGreaterThan(0)
    expect(moved('new')).toBeGreaterThan(sumOf(first, 'platform_mrr_movement', { movement: 'new' }))
    const balance = moved('new') + moved('expansion') + moved('reactivation') - moved('contraction') - moved('churn')
    expect(Math.round(balance * 100) / 100).toBe(sumOf(second, 'platform_mrr', {}))
  })

  test('the column and the trigger for a table without updated_at move it', async () => {
    const { owner } = walked
    await owner.query(
      `CREATE TABLE auth_user (id int PRIMARY KEY, username text); INSERT INTO auth_user VALUES (1, 'ada')`,
    )
    await owner.query(block('snippet', 'updated_at'))
    const before = await owner.query<{ updated_at: Date }>('SELECT updated_at FROM auth_user')
    await owner.query(`UPDATE auth_user SET username = 'eve'`)
    const after = await owner.query<{ updated_at: Date }>('SELECT updated_at FROM auth_user')
    expect(after.rows[0]?.updated_at.getTime()).toBeGreaterThan(before.rows[0]?.updated_at.getTime() ?? 0)
  })
})

describe('Supabase and Stripe', () => {
  let walked: Walk
  beforeAll(async () => {
    walked = await walk('stripe', 'stripe.subscriptions')
  }, walkTimeoutMs)
  afterAll(() => close(walked))

  testOpening(() => walked, {
    missing: [
      'view users: column is_internal holds NULL; expected a value in every row',
      expect.stringContaining('barometer_source.characters is still the empty draft'),
      expect.stringContaining('barometer_source.subscription_events is still the empty draft'),
      expect.stringContaining('barometer_source.bug_reports is still the empty draft'),
      expect.stringContaining('barometer_source.influencer_requests is still the empty draft'),
    ],
    absent: ['bug_reports', 'influencer_requests'],
  })

  test('the figures are those of plain SQL on the tables', async () => {
    const users = 'auth.users u JOIN profiles p ON p.id = u.id'
    const live = `FROM ${users} WHERE NOT p.is_staff AND u.deleted_at IS NULL`
    const of = (table: string, where: string) =>
      `FROM ${table} x JOIN ${users} ON u.id = x.user_id WHERE NOT p.is_staff AND ${where}`
    const bought = (table: string, where: string) =>
      `FROM stripe.${table} x JOIN profiles p ON p.stripe_customer_id = x.customer WHERE NOT p.is_staff AND ${where}`
    const mrr = `SELECT sum(round(round((i ->> 'quantity')::int * (i #>> '{price,unit_amount}')::int
        * (1 - coalesce((x.discount #>> '{coupon,percent_off}')::numeric, 0) / 100))
      / CASE i #>> '{price,recurring,interval}' WHEN 'year' THEN 12.0 ELSE 1 END)) / 100
      FROM stripe.subscriptions x JOIN profiles p ON p.stripe_customer_id = x.customer, jsonb_array_elements(x.items -> 'data') AS i
      WHERE NOT p.is_staff AND x.status IN ('active', 'past_due') AND x.pause_collection IS NULL AND x.ended_at IS NULL`
    const ever = { window: 'ever' }
    const samples = await figures(walked.readerUrl)
    await compare(walked, samples, [
      ['platform_users', {}, `SELECT count(*) ${live}`],
      ['platform_users', { country: 'JP' }, `SELECT count(*) ${live} AND p.country_code = 'JP'`],
      [
        'platform_sessions',
        { window: '30d' },
        `SELECT count(*) ${of('auth.sessions', `x.created_at > now() - interval '720 hours'`)}`,
      ],
      [
        'platform_generations_finished',
        { status: 'succeeded', quality: 'hq' },
        `SELECT count(*) ${of('image_generations', `x.status = 'succeeded' AND x.quality = 'hd'`)}`,
      ],
      [
        'platform_generations_finished',
        { type: 'profile_picture', rating: 'sfw' },
        `SELECT count(*) ${of('image_generations', `x.finished_at IS NOT NULL AND x.kind = 'profile' AND NOT x.nsfw_detected`)}`,
      ],
      ['platform_images', ever, `SELECT sum(x.num_images) ${of('image_generations', `x.status = 'succeeded'`)}`],
      [
        'platform_funnel_users',
        { step: 'visit', window: '30d' },
        `SELECT count(*) FROM page_views WHERE created_at > now() - interval '720 hours'`,
      ],
      [
        'platform_credits',
        { ...ever, kind: 'consumed' },
        `SELECT -sum(x.delta) ${of('credit_ledger', `x.reason = 'generation'`)}`,
      ],
      [
        'platform_credits',
        { ...ever, kind: 'purchased' },
        `SELECT sum(x.delta) ${of('credit_ledger', `x.reason = 'top_up'`)}`,
      ],
      ['platform_credits_outstanding', {}, `SELECT sum(x.delta) ${of('credit_ledger', 'u.deleted_at IS NULL')}`],
      [
        'platform_subscriptions',
        {},
        `SELECT count(*) ${bought('subscriptions', `x.status NOT IN ('incomplete', 'incomplete_expired') AND x.ended_at IS NULL`)}`,
      ],
      [
        'platform_subscriptions',
        { status: 'paused' },
        `SELECT count(*) ${bought('subscriptions', `(x.status = 'unpaid' OR x.pause_collection IS NOT NULL) AND x.status <> 'incomplete' AND x.ended_at IS NULL`)}`,
      ],
      ['platform_mrr', {}, mrr],
      ['platform_mrr', { currency: 'EUR', tier: 'Pro' }, `${mrr} AND i #>> '{price,currency}' = 'eur'`],
      ['platform_mrr_movement', { movement: 'new' }, mrr],
      [
        'platform_payment_amount',
        { ...ever, kind: 'subscription' },
        `SELECT sum(x.amount) / 100.0 ${bought('charges', `x.status = 'succeeded' AND x.invoice IS NOT NULL`)}`,
      ],
      [
        'platform_payment_amount',
        { ...ever, kind: 'credits', currency: 'USD' },
        `SELECT sum(x.amount) / 100.0 ${bought('charges', `x.status = 'succeeded' AND x.invoice IS NULL`)}`,
      ],
      [
        'platform_refund_amount',
        ever,
        `SELECT sum(r.amount) / 100.0 ${bought('charges', `r.status = 'succeeded'`).replace('WHERE', 'JOIN stripe.refunds r ON r.charge = x.id WHERE')}`,
      ],
    ])

    await walked.owner.query(`UPDATE stripe.subscriptions SET pause_collection = '{"behavior": "void"}', updated_at = now()
      WHERE status = 'active' AND pause_collection IS NULL AND customer LIKE '%6'`)
    const later = await figures(walked.readerUrl)
    await compare(walked, later, [['platform_mrr', {}, mrr]])
    const moved = (movement: string): number => sumOf(later, 'platform_mrr_movement', { movement })
    expect(moved('churn')).toBeGreaterThan(0)
    expect(Math.round((moved('new') - moved('churn')) * 100) / 100).toBe(sumOf(later, 'platform_mrr', {}))
  })
})
