import { characterBuckets } from './buckets.ts'
import { kept, metric, oneOf } from './define.ts'
import { allHours, calendarAndEver, rolling, rollingAndEver } from './windows.ts'

const figures = { exposition: 'figures', type: 'gauge' } as const
const tier = kept('tier', 'free')
const country = kept('country')

export const users = metric({
  ...figures,
  name: 'platform_users',
  unit: 'users',
  help: 'Registered users now, by tier, country, number of live characters and activity in the last 30 days.',
  definition:
    'Users created and not deleted by as_of, internal ones left out. characters: live characters. activity by generations created in the last 30 d: power from 50, regular from 10, casual from 1, dormant 0 (ACTIVITY_THRESHOLDS). tier is that of the dearest live subscription by monthly value, else free; trials count as a tier here.',
  labels: {
    tier,
    country,
    characters: oneOf(...characterBuckets.map(({ name }) => name)),
    activity: oneOf('power', 'regular', 'casual', 'dormant'),
  },
  recorded: { minutes: 60 },
  sources: ['users', 'subscriptions', 'characters', 'generations'],
  owner: 'users',
})

export const signups = metric({
  ...figures,
  name: 'platform_signups',
  unit: 'users',
  help: 'Users created in the window, by source and country.',
  definition: 'Users by created_at, deleted ones included (a sign-up happened), internal ones left out.',
  labels: { window: calendarAndEver, source: kept('signup_source'), country },
  recorded: { minutes: 15, labels: { window: 'ever' } },
  sources: ['users'],
  owner: 'signups',
})

export const activeUsers = metric({
  ...figures,
  name: 'platform_active_users',
  unit: 'users',
  help: 'Distinct live users who started a session in the window: 1d is DAU, 7d WAU, 30d MAU.',
  definition: `Rolling windows, exactly ${allHours(' h')}, not calendar days: the figure moves smoothly and can be compared at any hour. tier and country as they are now. Never add windows up.`,
  labels: { window: rolling, tier, country },
  recorded: { minutes: 15 },
  sources: ['users', 'sessions', 'subscriptions'],
  owner: 'active-users',
})

export const sessions = metric({
  ...figures,
  name: 'platform_sessions',
  unit: 'sessions',
  help: 'Sessions started in the window; sessions per user is this over active users.',
  definition: 'Sessions by started_at of everyone but internal users, deleted users included.',
  labels: { window: rollingAndEver },
  sources: ['users', 'sessions'],
  owner: 'sessions',
})

export const generatingUsers = metric({
  ...figures,
  name: 'platform_generating_users',
  unit: 'users',
  help: 'Distinct live users who created a generation in the window.',
  definition: 'By created_at of the generation, whatever became of it.',
  labels: { window: rolling },
  sources: ['users', 'generations'],
  owner: 'generating-users',
})

export const funnelUsers = metric({
  ...figures,
  name: 'platform_funnel_users',
  unit: 'users',
  help: 'Visitors whose first-ever visit fell in the window, by the step they reached and the source of that visit.',
  definition:
    'visit: visitors by their first visit (ties by visit_id), all but those of whom any user is internal. signup: those with any user created by as_of, whenever. first_generation: those of them with a succeeded generation finished by as_of. A cohort by first visit, so a step never exceeds the one before it.',
  labels: {
    step: oneOf('visit', 'signup', 'first_generation'),
    window: oneOf('7d', '30d'),
    source: kept('visit_source'),
  },
  sources: ['visits', 'users', 'generations'],
  owner: 'funnel',
})

const horizon = oneOf('d1', 'd7', 'd30')

export const retentionUsers = metric({
  ...figures,
  name: 'platform_retention_users',
  unit: 'users',
  help: 'Size of the newest sign-up day cohort whose day N is over.',
  definition:
    'Classic N-day retention in calendar days of the reporting time zone: users who signed up on day D, for the newest D on which anybody did and whose day D + N is over. Absent while no cohort is old enough. Denominator of the retention rate.',
  labels: { horizon },
  sources: ['users', 'sessions'],
  owner: 'retention',
})

export const retainedUsers = metric({
  ...figures,
  name: 'platform_retained_users',
  unit: 'users',
  help: 'Users of that cohort with a session on day N itself.',
  definition:
    'Classic (on day N), not rolling (on or after day N). Over platform_retention_users it is the retention rate.',
  labels: { horizon },
  sources: ['users', 'sessions'],
  owner: 'retention',
})

const churnLabels = { tier, window: oneOf('30d') }

export const subscribersAtStart = metric({
  ...figures,
  name: 'platform_subscribers_at_start',
  unit: 'users',
  help: 'Users with a subscription 30 days ago that is not a trial now, by tier.',
  definition:
    'Users with a subscription begun and not ended 30 d before as_of and whose status now is not trialing, each once, in the tier of the dearest of them as it is now. Denominator of churn.',
  labels: churnLabels,
  sources: ['users', 'subscriptions'],
  owner: 'churn',
})

export const churnedSubscribers = metric({
  ...figures,
  name: 'platform_churned_subscribers',
  unit: 'users',
  help: 'Those of the subscribers 30 days ago whose every subscription has ended.',
  definition: 'Customer churn, not revenue churn. Paused is not ended.',
  labels: churnLabels,
  sources: ['users', 'subscriptions'],
  owner: 'churn',
})

const lifetime = {
  ...figures,
  unit: 'users',
  labels: { week: { values: weeks(26), bound: 27 } },
  owner: 'lifetime',
} as const

export const userLifetimeUsers = metric({
  ...lifetime,
  name: 'platform_user_lifetime_users',
  help: 'Users for whom week w after sign-up has begun.',
  definition: 'Week w begins 168 h × w after created_at. Absent for a week that has begun for nobody.',
  sources: ['users', 'sessions'],
})

export const userLifetimeSurvivors = metric({
  ...lifetime,
  name: 'platform_user_lifetime_survivors',
  help: 'Those of them whose last session is in or after that week.',
  definition: 'Rolling retention: over platform_user_lifetime_users it is the survival curve.',
  sources: ['users', 'sessions'],
})

function weeks(last: number): readonly string[] {
  return Array.from({ length: last + 1 }, (_, week) => String(week))
}
