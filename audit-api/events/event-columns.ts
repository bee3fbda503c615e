/**
 * The columns of an event in a file, in order: the CSV of an export, and that of an archived month. An export's lines are
 * written by where id and times stand: these stay the first.
 */
export const eventColumns = [
  'id',
  'occurred_at',
  'recorded_at',
  'actor_type',
  'actor_id',
  'actor_name',
  'actor_email',
  'action',
  'target_type',
  'target_id',
  'target_name',
  'outcome',
  'ip',
  'user_agent',
  'request_id',
  'trace_id',
  'metadata',
  'changes',
] as const
