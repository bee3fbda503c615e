import { type Recording, type Rhythm, recordedFigures, recordedRates } from '../catalogue/recordings.ts'
import type { RuleGroup } from './define.ts'

/**
 * Figures of many series, in the last minute of each hour or quarter of an hour: twice, so that one evaluation may be missed
 * and what is recorded is at most half a minute older than what is scraped.
 */
export const recordedFiguresGroup: RuleGroup<Recording> = {
  name: 'barometer-recorded-figures',
  interval: '30s',
  recordings: recordedFigures,
  alerts: [],
}

const rates = (every: Rhythm): RuleGroup<Recording> => ({
  name: `barometer-recorded-rates-${every}`,
  interval: every,
  recordings: recordedRates[every],
  alerts: [],
})

/** Rates of what has many series or is scraped often. */
export const recordedRateGroups = [rates('1m'), rates('5m')]
