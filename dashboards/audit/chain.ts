import { auditChainValid, auditUnsealedEvents } from '../../catalogue/audit.ts'
import { minBy, sum, value } from '../../catalogue/promql.ts'
import { colors, upOrDown } from '../colors.ts'
import { stat, tiles } from '../panels.ts'

const here = { unit: 'short', width: 12, step: '1m', noData: 'the audit API is not scraped, or nothing is sealed yet' }

export const chainValid = () =>
  tiles({
    ...here,
    title: 'Chain',
    description: 'Whether the last verification found every sealed event unchanged and in its place.',
    queries: [{ expression: minBy([], value(auditChainValid)), legend: 'chain' }],
    mappings: [
      { value: '1', text: 'whole', color: colors.success },
      { value: '0', text: 'BROKEN', color: colors.error },
    ],
    thresholds: upOrDown,
  })

export const unsealed = () =>
  stat({
    ...here,
    title: 'Not sealed yet',
    description: 'Committed events that have no place in the chain yet.',
    queries: [{ expression: sum(value(auditUnsealedEvents)), legend: 'events' }],
  })
