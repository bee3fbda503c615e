/** What has no answer on the demo's data, each with the reason; all else of the boards must have one. */
export const emptyQueries: readonly { panel: string; refId?: string; reason: string }[] = [
  { panel: 'Firing alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'annotation Alerts', reason: 'all is well in the demo: no alert fires' },
  { panel: 'Errors by type', reason: "the demo's platform reports no errors to the audit API yet" },
  { panel: 'What admins did with the boards', reason: 'nobody has opened a board' },
  { panel: 'Chain', reason: 'the audit API seals nothing yet' },
  { panel: 'Not sealed yet', reason: 'the audit API seals nothing yet' },
  { panel: 'Exports of the audit log', refId: 'B', reason: 'nobody has exported anything' },
]

/** Whether it is known that there is nothing to be seen. */
export function mayBeEmpty(query: { panel: string; refId: string }): boolean {
  return emptyQueries.some(({ panel, refId }) => panel === query.panel && (refId ?? query.refId) === query.refId)
}
