interface Empty {
  panel: string
  /** Of one query; of the whole panel where left out. */
  refId?: string
  reason: string
  /** Only in the first hour of a day, in UTC as the demo's days are. */
  afterMidnight?: true
}

/** What has no answer on the demo's data, each with the reason; all else of the boards must have one. */
export const emptyQueries: readonly Empty[] = [
  { panel: 'Firing alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'annotation Alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'Collectors', refId: 'F', reason: 'the store is compared with the views at night' },
  { panel: 'Exports of the audit log', refId: 'B', reason: 'nobody has exported anything' },
  ...['New today', 'Images today', 'Credits purchased today', 'Credits consumed today'].map((panel) => ({
    ...{ panel, refId: 'Change', afterMidnight: true as const },
    reason: 'the past has a figure an hour, and at midnight of the day before it was 0',
  })),
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
  return emptyQueries.some(
    ({ panel, refId, afterMidnight }) =>
      panel === query.panel &&
      (refId ?? query.refId) === query.refId &&
      (!afterMidnight || new Date().getUTCHours() === 0),
  )
}

/** Tables of which some columns are in no row of the demo's, each with the reason. */
export const sparseTables: readonly { panel: string; reason: string }[] = [
  { panel: 'Cohorts', reason: 'no cohort of the last 30 days is old enough for every column' },
]
