import { home } from './home.ts'

/** Every board, in the order of the drop-down that links them. */
export const dashboards = [home] as const
