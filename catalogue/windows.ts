import { oneOf } from './define.ts'

/** Begin with the day, the week (Monday) and the month of the reporting time zone. */
export const calendarWindows = ['today', 'week', 'month'] as const
/** Exactly 24 h, 168 h and 720 h back: (as_of - window, as_of]. */
export const rollingWindows = ['1d', '7d', '30d'] as const
export const rollingWindowHours = { '1d': 24, '7d': 168, '30d': 720 } as const

export const rolling = oneOf(...rollingWindows)
export const calendarAndEver = oneOf(...calendarWindows, 'ever')
export const rollingAndEver = oneOf(...rollingWindows, 'ever')
export const moneyWindows = oneOf(...calendarWindows, '30d', 'ever')
export const allWindows = oneOf(...calendarWindows, ...rollingWindows, 'ever')
