// Everything is named with its schema and computed by functions of pg_catalog alone: whoever can change the log may be
// able to change its functions too, and verification must not ask them.

/** Before each statement: index look-ups only, since a plan from stale statistics must not read whole tables. */
export const beginVerify = (timeoutMs: number) => `BEGIN READ ONLY;
  SET LOCAL search_path = pg_catalog;
  SET LOCAL statement_timeout = ${timeoutMs};
  SET LOCAL enable_seqscan = off;
  SET LOCAL enable_hashjoin = off;
  SET LOCAL enable_mergejoin = off;
  SET LOCAL jit = off`

const microseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`

/** What barometer_audit.content_hash gives for the stored event `e`. */
const contentHash = `sha256(convert_to(jsonb_build_array(
    1, ${microseconds('e.occurred_at')}, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action,
    e.target_type, e.target_id, e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata, e.changes
  )::text, 'UTF8'))`

const rowHash = (content: string) =>
  `sha256(int8send(sequence) || uuid_send(id) || int8send(coalesce(${microseconds('recorded_at')}, 0)) || ${content})`

/** The head, and the snapshot of which every transaction is sealed (NULL until everything was looked at once). */
export const headSql = `
  SELECT number, last_sequence, encode(chain_hash, 'hex') AS chain_hash, ${microseconds('sealed_at')} AS sealed_at,
    (CASE WHEN through_xact IS NULL THEN target ELSE base END)::text AS sealed_snapshot
  FROM barometer_audit.seal_batch ORDER BY number DESC LIMIT 1`

/** Reads seal_batch_by_sequence. */
export const batchOfSequenceSql = `
  SELECT number FROM barometer_audit.seal_batch WHERE last_sequence >= $1 ORDER BY last_sequence, number LIMIT 1`

export const batchesSql = `
  SELECT number, first_sequence, last_sequence FROM barometer_audit.seal_batch
  WHERE number >= $1 AND number <= $2 ORDER BY number LIMIT 2000`

export interface BatchRow {
  number: string
  first_sequence: string
  last_sequence: string
  follows: boolean
  rows_hold: boolean
  chain_holds: boolean
  missing_sequence: string | null
  sequence: string | null
  id: string | null
  kind: string | null
}

/**
 * Judges the batches $1 to $2, whose places are $3 to $4: one row for each with the first place that does not hold.
 * An event may be missing where its month was taken out after its place was given, and say what was left of it where a
 * person was erased. The limit is for a batch whose range
 * was changed: no true step is as long.
 */
export const judgeSql = `
  WITH batch AS MATERIALIZED (
    SELECT b.*, lag(b.number) OVER by_number AS number_before, lag(b.last_sequence) OVER by_number AS sequence_before,
      lag(b.chain_hash) OVER by_number AS hash_before
    FROM barometer_audit.seal_batch AS b
    WHERE b.number BETWEEN $1::bigint - 1 AND $2::bigint
    WINDOW by_number AS (ORDER BY b.number)
  ), place AS MATERIALIZED (
    SELECT s.sequence, s.id, s.xact, s.row_hash, i.content_hash, i.xact AS identity_xact, i.occurred_at,
      e.recorded_at, e.content_hash AS event_hash
    FROM barometer_audit.event_seal AS s
    LEFT JOIN barometer_audit.event_identity AS i ON i.id = s.id
    LEFT JOIN LATERAL (
      SELECT e.recorded_at, ${contentHash} AS content_hash FROM barometer_audit.event AS e
      WHERE e.occurred_at = i.occurred_at AND e.id = i.id OFFSET 0) AS e ON true
    WHERE s.sequence BETWEEN $3::bigint AND $4::bigint
    ORDER BY s.sequence LIMIT 200000
  ), judged AS MATERIALIZED (
    SELECT sequence, id, row_hash, lag(sequence) OVER (ORDER BY sequence) AS sequence_before, CASE
      WHEN content_hash IS NULL THEN 'identity removed'
      WHEN event_hash IS NULL THEN CASE WHEN NOT EXISTS (
        SELECT FROM barometer_audit.removed_month AS m
        WHERE m.month = date_trunc('month', place.occurred_at AT TIME ZONE 'UTC')::date AND m.last_sequence >= place.sequence
      ) THEN 'event removed' END
      WHEN event_hash <> content_hash AND event_hash IS DISTINCT FROM (
        SELECT x.content_hash FROM barometer_audit.event_erasure AS x WHERE x.id = place.id ORDER BY x.number DESC LIMIT 1
      ) THEN
        CASE WHEN ${rowHash('event_hash')} = row_hash THEN 'identity changed' ELSE 'event changed' END
      WHEN ${rowHash('content_hash')} <> row_hash THEN 'event or place changed'
      WHEN identity_xact <> xact THEN 'identity or place changed'
    END AS kind
    FROM place
  )
  SELECT b.number, b.first_sequence, b.last_sequence,
    CASE WHEN b.number = 1 THEN b.first_sequence = 1
      ELSE coalesce(b.number_before = b.number - 1 AND b.first_sequence = b.sequence_before + 1, false) END AS follows,
    p.rows_hash = b.rows_hash AS rows_hold,
    coalesce(sha256(
      CASE WHEN b.number = 1 THEN decode(repeat('00', 32), 'hex') ELSE b.hash_before END
      || int8send(b.number) || int8send(b.first_sequence) || int8send(b.last_sequence)
      || int8send(${microseconds('b.sealed_at')}) || b.rows_hash) = b.chain_hash, false) AS chain_holds,
    CASE WHEN p.places < b.last_sequence - b.first_sequence + 1 THEN coalesce(p.hole, b.first_sequence + p.places) END
      AS missing_sequence,
    bad.sequence, bad.id, bad.kind
  FROM batch AS b
  CROSS JOIN LATERAL (
    SELECT count(*) AS places, sha256(coalesce(string_agg(j.row_hash, '' ORDER BY j.sequence), '')) AS rows_hash,
      CASE WHEN min(j.sequence) > b.first_sequence THEN b.first_sequence
        ELSE min(j.sequence_before + 1) FILTER (WHERE j.sequence > b.first_sequence AND j.sequence_before < j.sequence - 1)
      END AS hole
    FROM judged AS j WHERE j.sequence BETWEEN b.first_sequence AND b.last_sequence
  ) AS p
  LEFT JOIN LATERAL (
    SELECT j.sequence, j.id, j.kind FROM judged AS j
    WHERE j.kind IS NOT NULL AND j.sequence BETWEEN b.first_sequence AND b.last_sequence
    ORDER BY j.sequence LIMIT 1
  ) AS bad ON true
  WHERE b.number >= $1::bigint
  ORDER BY b.number`

/**
 * A month that is said to be taken out, and no event says so. The event may itself be in a month that was taken out. Reads
 * event_by_action.
 */
export const unrecordedMonthsSql = `
  SELECT m.month::text, m.first_sequence FROM barometer_audit.removed_month AS m
  WHERE NOT EXISTS (
      SELECT FROM barometer_audit.event AS e
      WHERE e.action = 'audit.archive' AND e.metadata ->> 'sha256' = encode(m.sha256, 'hex')
        AND e.metadata ->> 'rows' = m.rows::text AND e.target_id = to_char(m.month, 'YYYY-MM'))
    AND date_trunc('month', m.removed_at AT TIME ZONE 'UTC')::date > coalesce(
      (SELECT max(o.month) FROM barometer_audit.removed_month AS o), '-infinity')
  ORDER BY m.first_sequence LIMIT 1`

/**
 * An event that is said to be erased, and no event says so, with the number and the hash of all that was erased with it. That
 * event may be in a month that was taken out.
 */
export const unrecordedErasuresSql = `
  SELECT x.id FROM (
    SELECT erasure, min(id::text) AS id, count(*) AS events,
      sha256(string_agg(uuid_send(id) || content_hash, '' ORDER BY id)) AS digest
    FROM barometer_audit.event_erasure GROUP BY erasure
  ) AS x
  LEFT JOIN barometer_audit.event_identity AS i ON i.id = x.erasure
  WHERE NOT EXISTS (
      SELECT FROM barometer_audit.event AS e
      WHERE e.occurred_at = i.occurred_at AND e.id = i.id AND e.action = 'audit.erase'
        AND e.metadata ->> 'sha256' = encode(x.digest, 'hex') AND e.metadata ->> 'events' = x.events::text)
    AND NOT EXISTS (
      SELECT FROM barometer_audit.event_seal AS s JOIN barometer_audit.removed_month AS m
        ON m.month = date_trunc('month', i.occurred_at AT TIME ZONE 'UTC')::date AND m.last_sequence >= s.sequence
      WHERE s.xact = i.xact AND s.id = i.id)
  ORDER BY x.id LIMIT 1`

/** A place behind the head $1. */
export const placesBehindSql = `
  SELECT sequence, id FROM barometer_audit.event_seal WHERE sequence > $1 ORDER BY sequence LIMIT 1`

/**
 * A step of the walk over all identities, in the order of event_identity_by_xact: the first that should have its place and
 * has none, and where the step ended.
 */
export const identitiesSql = `
  WITH page AS MATERIALIZED (
    SELECT i.xact, i.id FROM barometer_audit.event_identity AS i
    WHERE i.xact >= $1::xid8 AND (i.xact, i.id) > ($1::xid8, $2::uuid) ORDER BY i.xact, i.id LIMIT $4
  )
  SELECT last.xact, last.id, (SELECT count(*)::integer FROM page) AS rows, bad.id AS bad_id
  FROM (SELECT xact, id FROM page ORDER BY xact DESC, id DESC LIMIT 1) AS last
  LEFT JOIN LATERAL (
    SELECT page.id FROM page
    WHERE pg_visible_in_snapshot(page.xact, $3::pg_snapshot) AND NOT EXISTS (
      SELECT FROM barometer_audit.event_seal AS s WHERE s.xact = page.xact AND s.id = page.id OFFSET 0)
    ORDER BY page.xact, page.id LIMIT 1
  ) AS bad ON true`

/** A step of the walk over all events, in the order of the primary key: the first that has no identity. */
export const eventsSql = `
  WITH page AS MATERIALIZED (
    SELECT e.occurred_at, e.id FROM barometer_audit.event AS e
    WHERE (e.occurred_at, e.id) > ($1::timestamptz, $2::uuid) ORDER BY e.occurred_at, e.id LIMIT $3
  )
  SELECT last.occurred_at::text, last.id, (SELECT count(*)::integer FROM page) AS rows, bad.id AS bad_id
  FROM (SELECT occurred_at, id FROM page ORDER BY occurred_at DESC, id DESC LIMIT 1) AS last
  LEFT JOIN LATERAL (
    SELECT page.id FROM page
    WHERE NOT EXISTS (
      SELECT FROM barometer_audit.event_identity AS i WHERE i.id = page.id AND i.occurred_at = page.occurred_at OFFSET 0)
    ORDER BY page.occurred_at, page.id LIMIT 1
  ) AS bad ON true`
