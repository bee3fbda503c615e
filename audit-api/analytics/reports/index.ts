import type { Report } from '../report.ts'
import { content } from './content.ts'
import { home } from './dashboard.ts'
import { revenue } from './revenue.ts'
import { system } from './system.ts'
import { users } from './users.ts'

/** Every route under `/v1/analytics/`, in the order of the documentation. */
export const reports: readonly Report[] = [...home, ...users, ...content, ...revenue, ...system]
