import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { audit } from './audit.ts'
import type { BoardSettings } from './board.ts'
import { content } from './content.ts'
import { exporter } from './exporter.ts'
import { health } from './health.ts'
import { home } from './home.ts'
import { uids } from './links.ts'
import { revenue } from './revenue.ts'
import { users } from './users.ts'

/** Every board, in the order of the drop-down that links them. */
export const dashboards = [home, users, content, revenue, health, audit, exporter].map(({ name, build }) => ({
  uid: uids[name],
  build: (settings: BoardSettings = {}): Dashboard => build(settings),
}))
