import type { BoardName } from './links.ts'

/** One thing that was asked for, and the panels that show it. */
export interface Feature {
  feature: 'F1' | 'F2' | 'F3' | 'F4' | 'F5' | 'F6'
  asked: string
  board: BoardName
  panels: readonly string[]
}

const shown = (feature: Feature['feature'], board: BoardName, lines: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(lines).map(([asked, panels]): Feature => ({ feature, asked, board, panels }))

/** What the platform's admins asked for, line by line; a test holds that every panel named here exists. */
export const features: readonly Feature[] = [
  ...shown('F1', 'home', {
    'users: total': ['Users'],
    'users: new today, this week, this month': ['New today', 'New this week', 'New this month'],
    'users: DAU, WAU, MAU': ['Active in a day (DAU)', 'Active in a week (WAU)', 'Active in a month (MAU)'],
    'users: growth chart': ['User growth'],
    'content: characters': ['Characters'],
    'content: images total': ['Images'],
    'content: images today': ['Images today'],
    'content: success rate': ['Success rate, 24 h'],
    'revenue: active subscriptions by tier': ['Active subscriptions'],
    'revenue: credits purchased today': ['Credits purchased today'],
    'revenue: credits consumed today': ['Credits consumed today'],
    'revenue: refunds today': ['Refunds today', 'Refunded today'],
    'quick actions: open bug reports': ['Open bug reports'],
    'quick actions: failed jobs of 24 h': ['Failed jobs, 24 h'],
    'quick actions: pending influencer requests': ['Pending influencer requests'],
  }),
  ...shown('F2', 'users', {
    'acquisition: sign-ups over time': ['Sign-ups a day by source', 'Sign-ups'],
    'acquisition: source (direct, referral, funnel)': ['Sign-ups a day by source'],
    'acquisition: funnel visit → signup → first generation': ['Funnel, 30 days', 'Rates between the steps'],
    'engagement: DAU, WAU, MAU': ['DAU', 'WAU', 'MAU', 'Active users', 'Stickiness'],
    'engagement: sessions per user': ['Sessions per active user'],
    'engagement: generations per user': ['Generations per generating user'],
    'retention: D1, D7, D30 cohorts': ['D1, D7 and D30 over time', 'Cohorts'],
    'retention: churn by tier': ['Churn by tier, 30 days'],
    'retention: user lifetime chart': ['User lifetime'],
    'segmentation: by tier': ['By tier, now', 'By tier, over time'],
    'segmentation: geography': ['By country, now', 'By country, over time'],
    'segmentation: character count': ['By number of characters, now', 'By number of characters, over time'],
    'segmentation: power against casual': ['Power against casual', 'By activity, now', 'By activity, over time'],
    'filters and date range': ['Users in this segment'],
  }),
  ...shown('F3', 'content', {
    'generations per day, week, month': ['Generations a day, a week, a month'],
    'by quality': ['By quality', 'By quality, last 30 days'],
    'by type': ['By type', 'By type, last 30 days'],
    'by aspect ratio': ['By aspect ratio', 'By aspect ratio, last 30 days'],
    'NSFW against SFW': ['By rating (NSFW against SFW)', 'By rating, last 30 days'],
    'popular scenes': ['Popular scenes', 'Top scenes in the range'],
    'popular environments': ['Popular environments', 'Top environments in the range'],
    'popular outfits': ['Popular outfits', 'Top outfits in the range'],
    'popular poses': ['Popular poses', 'Top poses in the range'],
    'average time': ['Average time, 24 h', 'Duration', 'Durations'],
    'success rate by type': ['Success rate by type', 'Success rate by type, range'],
    'failure reasons': ['Failure reasons'],
    'queue length over time': ['Queue length'],
  }),
  ...shown('F4', 'revenue', {
    'active by tier': ['Active subscriptions by tier', 'Active subscriptions over time'],
    'new, cancellations, upgrades and downgrades': [
      'Changes, 30 days',
      'New, upgrades, downgrades, cancellations a day',
    ],
    MRR: ['MRR', 'MRR over time, $currency', 'MRR movements a day, $currency'],
    'credits purchased, consumed, granted by admins, refunded': ['Credits this month', 'Credits a day'],
    'balance distribution': ['Users by credit balance', 'Credits outstanding'],
    'revenue trend': ['Revenue a day', 'Paid', 'Refunds a day'],
    'churn trend': ['Churn trend, 30 days'],
    ARPU: ['ARPU, 30 days', 'ARPPU'],
  }),
  ...shown('F5', 'health', {
    database: ['Postgres', 'Latency of probes, p95'],
    Redis: ['Redis', 'Latency of probes, p95'],
    'S3/R2': ['S3', 'Latency of probes, p95'],
    'API response times': ['API', 'Response times', 'Routes'],
    'one overall status': ['Overall', 'State over time'],
    'queue length': ['Queue', 'Queue length'],
    'processing rate': ['Processing rate'],
    'failed jobs': ['Failed jobs, 24 h'],
    'average wait': ['Wait', 'Waiting longest'],
    'ComfyUI pods': ['GPU', 'GPU workers by state', 'GPU queue', 'GPU memory in use'],
    'API error rate': ['Error rate', 'Error budget left'],
    'error types': ['Error types', 'Errors by type'],
    'recent errors': ['Recent errors'],
  }),
  ...shown('F6', 'audit', {
    'all admin actions': ['Events', 'Events that match'],
    'filter by admin, action, resource type, date range': ['Events', 'By admin', 'By action'],
    paging: ['Pages'],
    'admin names': ['Events', 'By admin'],
    'CSV export': ['Events'],
  }),
]
