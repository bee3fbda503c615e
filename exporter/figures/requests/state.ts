import { ahead, type Domain } from '../../store/domain.ts'

export const bugReport: Domain = {
  name: 'bug_report',
  views: ['bug_reports'],
  entity: { view: 'bug_reports', id: 'bug_report_id' },
  columns: { reported: 'boolean', is_open: 'boolean', severity: 'text' },
  dirtiedBy: { bug_reports: 'SELECT bug_report_id FROM changed' },
  contribution: (entities) => `
SELECT d.id, b.created_at <= :as_of AS reported, b.created_at <= :as_of AND b.status = 'open' AS is_open,
  coalesce(b.severity::text, '') AS severity, ${ahead('b.created_at')} AS next_at
FROM ${entities('b')}`,
  cells: [
    { name: 'bug_reports', keys: { severity: { type: 'text', from: 's.severity' } }, where: 's.reported' },
    { name: 'bug_reports_open', keys: { severity: { type: 'text', from: 's.severity' } }, where: 's.is_open' },
  ],
}

export const influencerRequest: Domain = {
  name: 'influencer_request',
  views: ['influencer_requests'],
  entity: { view: 'influencer_requests', id: 'request_id' },
  columns: { is_pending: 'boolean' },
  dirtiedBy: { influencer_requests: 'SELECT request_id FROM changed' },
  contribution: (entities) => `
SELECT d.id, r.created_at <= :as_of AND r.status = 'pending' AS is_pending, ${ahead('r.created_at')} AS next_at
FROM ${entities('r')}`,
  cells: [{ name: 'influencer_requests_pending', keys: {}, where: 's.is_pending' }],
}
