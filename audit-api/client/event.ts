/** An admin action as it is recorded. What is left out of the two optional keys is filled in when it is recorded. */
export interface AuditEvent {
  /** A UUID, the idempotency key. The same event sent again is stored once. Made where it is left out. */
  id?: string
  /** RFC 3339 with its offset. The moment of `record()` where it is left out. */
  occurred_at?: string
  actor: {
    type: 'admin' | 'system' | 'api_key'
    id: string
    /** As it is now; it is stored so. */
    name: string
    email?: string
  }
  /** noun.verb, as `user.suspend`. */
  action: string
  target: { type: string; id: string; name?: string }
  outcome: 'success' | 'failure'
  context?: { ip?: string; user_agent?: string; request_id?: string; trace_id?: string }
  /** At most 50 keys and 16 KiB. */
  metadata?: Record<string, unknown>
  /** At most 64 KiB. */
  changes?: { before?: unknown; after?: unknown }
}

/** An event in the buffer: written down when it was recorded, so that what the caller changes later changes nothing. */
export interface Recorded {
  /** In the order of `record()`. */
  sequence: number
  id: string
  json: string
  bytes: number
}
