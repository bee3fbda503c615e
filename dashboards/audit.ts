import { chainValid, unsealed } from './audit/chain.ts'
import { eventCount, events, pager } from './audit/events.ts'
import { byAction, byAdmin } from './audit/facets.ts'
import { board } from './board.ts'
import { facetVariable, textVariable } from './variables.ts'

/** For super admins: who did what to what, when. */
export const audit = {
  name: 'audit',
  build: () =>
    board({
      name: 'audit',
      title: 'Audit log',
      description: 'Every action of an admin: filter, read, export. Whoever opens it is recorded.',
      variables: [
        facetVariable('admin', 'Admin', 'actors'),
        facetVariable('action', 'Action', 'actions'),
        facetVariable('resource_type', 'Resource type', 'target_types'),
        facetVariable('outcome', 'Outcome', 'outcomes'),
        textVariable('target', 'Target', { filters: true }),
        textVariable('q', 'Text', { filters: true }),
        // The pager sets it.
        textVariable('page', 'Page', { value: '0', isHidden: true }),
      ],
      sections: [
        { title: 'Events', panels: [eventCount(), pager(), events()] },
        { title: 'In this time', panels: [byAdmin(), byAction()] },
        { title: 'The log itself', panels: [chainValid(), unsealed()] },
      ],
    }),
} as const
