import { auditChainHeadSequence, auditChainValid, auditUnsealedEvents } from '../catalogue/audit.ts'
import { leastOver, value, valueBefore } from '../catalogue/promql.ts'
import { auditUnsealed, keepFiringFor } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'

const unsealed = value(auditUnsealedEvents)
const head = value(auditChainHeadSequence)
const { eventsMax, window } = auditUnsealed
const headBefore = valueBefore(auditChainHeadSequence, {}, window)
const panel = { board: 'barometer-exporter', title: 'Chain' } as const

export const auditAlerts: RuleGroup = {
  name: 'barometer-audit',
  interval: '30s',
  alerts: [
    {
      name: 'AuditChainBroken',
      severity: 'critical',
      component: 'audit',
      keepFiringFor,
      // At once: a verification has looked at the rows themselves, there is nothing to wait for.
      expression: `${value(auditChainValid)} == 0`,
      summary: 'The chain of the audit log is broken',
      description:
        'A verification found a sealed event that was changed, removed or put in between, or a head that its anchor contradicts.',
      panel,
    },
    {
      name: 'AuditUnsealedLag',
      severity: 'warning',
      component: 'audit',
      for: auditUnsealed.for,
      expression: `${unsealed} > ${eventsMax} or (${leastOver(auditUnsealedEvents, {}, window)} > 0 and ${head} == ${headBefore})`,
      summary: 'Audit events are not sealed',
      description: `For ${auditUnsealed.for} more than ${eventsMax} events have waited for their place in the chain, or some have and the chain has not moved.`,
      panel,
    },
  ],
}
