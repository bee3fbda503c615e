import { type Static, Type } from 'typebox'
import type { AuditEvent } from '../events/event-schema.ts'
import type { Verification } from './verify.ts'

const HeadSchema = Type.Object({
  sequence: Type.Integer({ description: 'The newest place.' }),
  batch: Type.Integer({ description: 'The newest batch.' }),
  chain_hash: Type.String({ description: 'Its hash, in hex: it stands for everything before it.' }),
})

const FindingSchema = Type.Object({
  kind: Type.String({ description: 'changed, removed or inserted' }),
  what: Type.String({ description: 'event, identity, place or batch' }),
  sequence: Type.Optional(Type.Integer()),
  id: Type.Optional(Type.String({ description: "The event's id." })),
  batch: Type.Optional(Type.Integer()),
  detail: Type.String(),
})

export const VerifyAnswerSchema = Type.Object({
  valid: Type.Boolean({ description: 'Nothing was found in what was looked at.' }),
  complete: Type.Boolean({
    description: 'All that was asked for was looked at. False where the time did not suffice, or a finding ended it.',
  }),
  whole: Type.Boolean(),
  first_sequence: Type.Integer(),
  last_sequence: Type.Integer({ description: 'The last place that was looked at.' }),
  next_sequence: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Where to go on with from_sequence; null where the head was reached or something was found.',
  }),
  head: Type.Union([HeadSchema, Type.Null()]),
  anchors_compared: Type.Integer({ description: 'Heads kept outside the database that were compared.' }),
  finding: Type.Union([FindingSchema, Type.Null()], { description: 'The first thing that is not as it was.' }),
})

/** A verification as it is shown, by HTTP and by the command. */
export function answerOf(result: Verification): Static<typeof VerifyAnswerSchema> {
  const { valid, complete, whole, firstSequence, lastSequence, head, anchorsCompared, finding } = result
  const reached = head === undefined || lastSequence >= head.sequence
  return {
    valid,
    complete,
    whole,
    first_sequence: firstSequence,
    last_sequence: lastSequence,
    next_sequence: valid && !reached ? lastSequence + 1 : null,
    head: head === undefined ? null : { sequence: head.sequence, batch: head.batch, chain_hash: head.chainHash },
    anchors_compared: anchorsCompared,
    finding: finding ?? null,
  }
}

/** What a verification is as an event: one that did not hold is a failure. */
export function verificationAction(
  result: Verification,
): Pick<AuditEvent, 'action' | 'target' | 'outcome' | 'metadata'> {
  const { valid, complete, whole, firstSequence, lastSequence, anchorsCompared, finding } = result
  return {
    action: 'audit.verify',
    target: { type: 'audit_log', id: 'chain' },
    outcome: valid ? 'success' : 'failure',
    metadata: {
      valid,
      complete,
      whole,
      first_sequence: firstSequence,
      last_sequence: lastSequence,
      anchors_compared: anchorsCompared,
      ...(finding === undefined ? {} : { finding: { ...finding } }),
    },
  }
}
