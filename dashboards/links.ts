import { type DashboardLink, DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard'

import type { DashboardUid } from '../catalogue/dashboards.ts'

/** The boards, by what they show. */
export const uids = {
  home: 'barometer-home',
  users: 'barometer-users',
  content: 'barometer-content',
  revenue: 'barometer-revenue',
  health: 'barometer-health',
  audit: 'barometer-audit',
  exporter: 'barometer-exporter',
} as const satisfies Record<string, DashboardUid>
export type BoardName = keyof typeof uids

export interface Link {
  title: string
  url: string
  /** In a tab of its own; for what is no page of Grafana. */
  isElsewhere?: boolean
}

/** To another board with the time range and all variables; what the other does not have it leaves alone. */
export function toBoard(board: BoardName, title: string): Link {
  return { title, url: `/d/${uids[board]}?\${__url_time_range}&\${__all_variables}` }
}

/** A path of the audit API through Grafana's own proxy, so that who is signed in is who asks. */
export function toAuditApi(title: string, path: string, parameters: readonly (readonly [string, string])[]): Link {
  const query = parameters.map(([key, value]) => `${key}=${value}`).join('&')
  return { title, url: `/api/datasources/proxy/uid/audit-api${path}?${query}`, isElsewhere: true }
}

export function linkBuilder(link: Link): { build(): DashboardLink } {
  return new DashboardLinkBuilder(link.title)
    .type(DashboardLinkType.Link)
    .url(link.url)
    .targetBlank(link.isElsewhere ?? false)
}

/** The drop-down at the top of each board. */
export function boardsLink(): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Boards')
    .type(DashboardLinkType.Dashboards)
    .tags(['barometer'])
    .asDropdown(true)
    .keepTime(true)
    .includeVars(true)
}
