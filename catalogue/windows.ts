import { oneOf } from './define.ts'
import { listed } from './words.ts'

/** Begin with the day, the week (Monday) and the month of the reporting time zone. */
export const calendarWindows = ['today', 'week', 'month'] as const
export type CalendarWindow = (typeof calendarWindows)[number]
/** The unit that a calendar window begins with, as SQL's `date_trunc` names it. */
export const unitOfWindow = { today: 'day', week: 'week', month: 'month' } as const satisfies Record<
  CalendarWindow,
  string
>
export type CalendarUnit = (typeof unitOfWindow)[CalendarWindow]
/** The periods that a range can be split into. */
export const calendarUnits = [unitOfWindow.today, unitOfWindow.week, unitOfWindow.month] as const

/** Exactly 24 h, 168 h and 720 h back: (as_of - window, as_of]. The names are PromQL durations too. */
export const rollingWindows = ['1d', '7d', '30d'] as const
export type RollingWindow = (typeof rollingWindows)[number]
export const rollingWindowHours = { '1d': 24, '7d': 168, '30d': 720 } as const satisfies Record<RollingWindow, number>
/** The window as text: `change in a week`. */
export const rollingWindowNames = { '1d': 'a day', '7d': 'a week', '30d': '30 days' } as const satisfies Record<
  RollingWindow,
  string
>

export type Window = CalendarWindow | RollingWindow | 'ever'

/** The window as an interval of SQL. In hours: 30 days of a session's zone are not 720 hours when its clocks change. */
export const sqlInterval = (window: RollingWindow): string => `interval '${rollingWindowHours[window]} hours'`

/** The window in a sentence: `720 hours`. */
export const hoursOf = (window: RollingWindow): string => `${rollingWindowHours[window]} hours`

/** All of them in a sentence, `24, 168 and 720` or `24 h, 168 h and 720 h`. */
export const allHours = (unit = ''): string =>
  listed(
    rollingWindows.map((window) => `${rollingWindowHours[window]}${unit}`),
    'and',
  )

export const rolling = oneOf(...rollingWindows)
export const calendarAndEver = oneOf(...calendarWindows, 'ever')
export const rollingAndEver = oneOf(...rollingWindows, 'ever')
export const moneyWindows = oneOf(...calendarWindows, '30d', 'ever')
export const allWindows = oneOf(...calendarWindows, ...rollingWindows, 'ever')
