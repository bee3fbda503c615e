/** What has no answer on the demo's data, each with the reason; all else of the boards must have one. */
export const emptyQueries: readonly { panel: string; refId?: string; reason: string }[] = [
  { panel: 'Firing alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'annotation Alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'Collectors', refId: 'F', reason: 'the store is compared with the views at night' },
  { panel: 'Exports of the audit log', refId: 'B', reason: 'nobody has exported anything' },
  // At night, and of what is rare.
  { panel: 'Refunds today', refId: 'Change', reason: 'at this hour of the day before nobody had been refunded yet' },
  {
    panel: 'Credits refunded today',
    refId: 'Change',
    reason: 'at this hour of the day before none had been refunded yet',
  },
]

/** Whether it is known that there is nothing to be seen. */
export function mayBeEmpty(query: { panel: string; refId: string }): boolean {
  return emptyQueries.some(({ panel, refId }) => panel === query.panel && (refId ?? query.refId) === query.refId)
}

/** Tables of which some columns are in no row of the demo's, each with the reason. */
export const sparseTables: readonly { panel: string; reason: string }[] = [
  { panel: 'Cohorts', reason: 'no cohort of the last 30 days is old enough for every column' },
]
