import { Type } from 'typebox'
import { queryLimits, severalValues } from '../http/query.ts'

export const listLimits = {
  offsetMax: 10_000,
  totalMax: 10_000,
  textMax: 200,
  facetValuesMax: 1_000,
} as const

/** The filters that list and export have in common. */
export const filterProperties = {
  from: Type.Optional(Type.String({ description: 'From this time on (RFC 3339).' })),
  to: Type.Optional(Type.String({ description: 'Before this time (RFC 3339).' })),
  actor: severalValues("Actors' ids."),
  action: severalValues('Actions, as user.suspend.'),
  target_type: severalValues('Types of targets.'),
  target_id: severalValues("Targets' ids."),
  outcome: severalValues('success or failure.'),
  q: Type.Optional(
    Type.String({
      maxLength: listLimits.textMax,
      description: 'Text found in actor, action, target or metadata, whatever the case.',
    }),
  ),
}

/** How long a page is, and which one, counted from 0: page × limit is the offset. */
export const pageProperties = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: queryLimits.limitMax, default: queryLimits.limitDefault })),
  page: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Counts from 0: skips page × limit events, at most ${listLimits.offsetMax}; for more use cursor.`,
    }),
  ),
}
