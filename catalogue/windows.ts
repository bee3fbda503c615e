import { oneOf } from './define.ts'

/** Begin with the day, the week (Monday) and the month of the reporting time zone. */
export const calendarWindows = ['today', 'week', 'month'] as const
/** Exactly 24 h, 168 h and 720 h back: (as_of - window, as_of]. */
export const rollingWindows = ['1d', '7d', '30d'] as const
export const rollingWindowHours = { '1d': 24, '7d': 168, '30d': 720 } as const
/** The unit of the calendar that each calendar window begins with, by the names of SQL's date_trunc. */
export const calendarUnits = { today: 'day', week: 'week', month: 'month' } as const
/** Any window that a figure is counted in; `ever` begins with the first row. */
export type Window = keyof typeof calendarUnits | keyof typeof rollingWindowHours | 'ever'

export const rolling = oneOf(...rollingWindows)
export const calendarAndEver = oneOf(...calendarWindows, 'ever')
export const rollingAndEver = oneOf(...rollingWindows, 'ever')
export const moneyWindows = oneOf(...calendarWindows, '30d', 'ever')
export const allWindows = oneOf(...calendarWindows, ...rollingWindows, 'ever')
