-- Up Migration

-- The chain over the log: docs/audit-log.md has its exact form and what it proves.

-- The transaction that stored the event. A snapshot tells of every transaction whether it was over, so the snapshot of
-- the last seal and this column tell what is new, whatever order transactions end in and however long one of them is.
-- Nothing is locked, queued or deleted for it.
ALTER TABLE barometer_audit.event_identity ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();
-- Rows come in its order, so it grows at its right end.
CREATE INDEX event_identity_by_xact ON barometer_audit.event_identity (xact);

-- The place of each event in the chain, for ever.
CREATE TABLE barometer_audit.event_seal (
  sequence bigint PRIMARY KEY CONSTRAINT event_seal_sequence CHECK (sequence > 0),
  xact xid8 NOT NULL,
  id uuid NOT NULL,
  row_hash bytea NOT NULL CONSTRAINT event_seal_row_hash CHECK (octet_length(row_hash) = 32),
  -- No event has two places. The id alone would say so too, in an index of random order; this one grows at its end.
  CONSTRAINT event_seal_of_event UNIQUE (xact, id)
);

-- The chain: each batch of places with the hash that follows from the batch before.
CREATE TABLE barometer_audit.seal_batch (
  number bigint PRIMARY KEY CONSTRAINT seal_batch_number CHECK (number > 0),
  first_sequence bigint NOT NULL,
  -- One less than the first where the batch is empty, which happens only after a restore.
  last_sequence bigint NOT NULL CONSTRAINT seal_batch_range CHECK (last_sequence >= first_sequence - 1),
  sealed_at timestamptz NOT NULL,
  rows_hash bytea NOT NULL CONSTRAINT seal_batch_rows_hash CHECK (octet_length(rows_hash) = 32),
  chain_hash bytea NOT NULL CONSTRAINT seal_batch_chain_hash CHECK (octet_length(chain_hash) = 32),
  -- How far the sealer has come; no part of the chain. Of the events whose transaction `target` saw as over and `base` did
  -- not (all of them where it is null), those up to `through` are sealed, and all where that is null.
  cluster bigint NOT NULL,
  base pg_snapshot,
  target pg_snapshot NOT NULL,
  through_xact xid8,
  through_id uuid,
  CONSTRAINT seal_batch_through CHECK ((through_xact IS NULL) = (through_id IS NULL))
);
-- Finds the batch of a place.
CREATE INDEX seal_batch_by_sequence ON barometer_audit.seal_batch (last_sequence, number);

-- Months that retention took out: their events are in the named object, their places stay here. Events that came later
-- for the same month are taken out in another part.
CREATE TABLE barometer_audit.removed_month (
  month date NOT NULL,
  last_sequence bigint NOT NULL,
  first_sequence bigint NOT NULL,
  rows bigint NOT NULL,
  object_key text NOT NULL,
  sha256 bytea NOT NULL CONSTRAINT removed_month_sha256 CHECK (octet_length(sha256) = 32),
  removed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (month, last_sequence)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.removed_month
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.event_seal
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.seal_batch
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

-- Microseconds since 1970, as 8 bytes of big-endian two's complement. extract() is exact, being numeric.
CREATE FUNCTION barometer_audit.time_bytes(moment timestamptz) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT int8send((extract(epoch FROM moment) * 1000000)::bigint)
$$;

-- Where the sealer goes on: after a restore into another cluster, or to a moment whose transaction numbers come again,
-- from the beginning. A cluster made by initdb, and so by a restored dump, has an identifier of its own.
CREATE FUNCTION barometer_audit.seal_position(
  OUT number bigint, OUT last_sequence bigint, OUT chain_hash bytea, OUT cluster bigint,
  OUT base pg_snapshot, OUT target pg_snapshot, OUT through_xact xid8, OUT through_id uuid
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  latest CONSTANT pg_snapshot := pg_current_snapshot();
  here CONSTANT bigint := (SELECT system_identifier FROM pg_control_system());
BEGIN
  SELECT b.number, b.last_sequence, b.chain_hash, b.cluster, b.base, b.target, b.through_xact, b.through_id
    INTO number, last_sequence, chain_hash, cluster, base, target, through_xact, through_id
    FROM barometer_audit.seal_batch AS b ORDER BY b.number DESC LIMIT 1;
  IF NOT FOUND THEN
    number := 0;
    last_sequence := 0;
    chain_hash := decode(repeat('00', 32), 'hex');
  END IF;
  IF target IS NULL OR cluster <> here OR pg_snapshot_xmax(target) > pg_snapshot_xmax(latest) THEN
    base := NULL;
    target := latest;
    through_xact := '0';
    through_id := '00000000-0000-0000-0000-000000000000';
  ELSIF through_xact IS NULL THEN
    base := target;
    target := latest;
    through_xact := '0';
    through_id := '00000000-0000-0000-0000-000000000000';
  END IF;
  cluster := here;
END
$$;

-- The events to be sealed next, in order. Each arm reads its part of event_identity_by_xact in order and stops early. With a
-- base: what was under way when the base was taken, and what began since. Without one: everything, and what has its
-- place is left out by the caller.
CREATE FUNCTION barometer_audit.seal_candidates(
  base pg_snapshot, target pg_snapshot, through_xact xid8, through_id uuid, rows_max integer
) RETURNS TABLE (xact xid8, id uuid, content_hash bytea, occurred_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  IF $1 IS NULL THEN
    RETURN QUERY
      SELECT i.xact, i.id, i.content_hash, i.occurred_at FROM barometer_audit.event_identity AS i
      WHERE i.xact >= $3 AND (i.xact, i.id) > ($3, $4)
      ORDER BY i.xact, i.id LIMIT $5;
  ELSE
    RETURN QUERY
      (
        SELECT i.xact, i.id, i.content_hash, i.occurred_at
        FROM unnest(ARRAY(SELECT pg_snapshot_xip($1))) AS open (xact)
        JOIN barometer_audit.event_identity AS i ON i.xact = open.xact
        WHERE (i.xact, i.id) > ($3, $4) AND pg_visible_in_snapshot(i.xact, $2)
        ORDER BY i.xact, i.id LIMIT $5
      ) UNION ALL (
        SELECT i.xact, i.id, i.content_hash, i.occurred_at FROM barometer_audit.event_identity AS i
        WHERE i.xact >= greatest(pg_snapshot_xmax($1), $3) AND i.xact < pg_snapshot_xmax($2)
          AND (i.xact, i.id) > ($3, $4) AND pg_visible_in_snapshot(i.xact, $2)
        ORDER BY i.xact, i.id LIMIT $5
      ) ORDER BY 1, 2 LIMIT $5;
  END IF;
END
$$;

-- Seals the next events that are committed: gives each its place and adds one batch to the chain. `sealed` is NULL where
-- another session is at it, and `more` says that there is more to do at once. Nobody may write the chain but through this.
CREATE FUNCTION barometer_audit.seal(
  rows_max integer DEFAULT 10000,
  OUT sealed integer, OUT more boolean, OUT number bigint, OUT last_sequence bigint, OUT chain_hash bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  at record;
  page_max CONSTANT integer := least(greatest(rows_max, 1), 100000);
  candidates_max integer;
  page_rows integer;
  partial boolean;
  edge_xact xid8;
  edge_id uuid;
  rows_hash bytea;
  now_sealed CONSTANT timestamptz := clock_timestamp();
BEGIN
  more := false;
  -- One at a time; the statements below have newer snapshots than this one, so they see what the last holder committed.
  IF NOT pg_try_advisory_xact_lock(hashtextextended('barometer_audit.seal', 0)) THEN
    RETURN;
  END IF;
  SELECT * INTO at FROM barometer_audit.seal_position();
  -- Where everything is compared, nearly all have their place: a longer page for the same work.
  candidates_max := CASE WHEN at.base IS NULL THEN page_max * 10 ELSE page_max END;
  WITH page AS MATERIALIZED (
    SELECT row_number() OVER () AS place, c.*
    FROM barometer_audit.seal_candidates(at.base, at.target, at.through_xact, at.through_id, candidates_max) AS c
  ), fresh AS MATERIALIZED (
    -- A transaction number can come again after a restore, so that a row was sealed is asked of the seals themselves.
    SELECT page.*, at.last_sequence + row_number() OVER (ORDER BY page.place) AS sequence
    FROM page
    WHERE NOT EXISTS (
      SELECT FROM barometer_audit.event_seal AS s WHERE s.xact = page.xact AND s.id = page.id OFFSET 0)
    ORDER BY page.place LIMIT page_max
  ), placed AS (
    INSERT INTO barometer_audit.event_seal (sequence, xact, id, row_hash)
    SELECT f.sequence, f.xact, f.id,
      sha256(int8send(f.sequence) || uuid_send(f.id) || coalesce(barometer_audit.time_bytes(e.recorded_at), int8send(0))
        || f.content_hash)
    FROM fresh AS f
    -- An identity without its event is sealed too, so that verify can name it.
    LEFT JOIN LATERAL (
      SELECT event.recorded_at FROM barometer_audit.event
      WHERE event.occurred_at = f.occurred_at AND event.id = f.id OFFSET 0) AS e ON true
    ORDER BY f.sequence
    RETURNING event_seal.sequence, event_seal.row_hash
  ), edge AS (
    SELECT page.xact, page.id FROM page
    WHERE page.place = CASE WHEN (SELECT count(*) FROM fresh) = page_max
      THEN (SELECT max(fresh.place) FROM fresh) ELSE (SELECT max(page.place) FROM page) END
  )
  SELECT (SELECT count(*) FROM page), count(*),
    sha256(coalesce(string_agg(placed.row_hash, '' ORDER BY placed.sequence), '')),
    (SELECT edge.xact FROM edge), (SELECT edge.id FROM edge)
  INTO page_rows, sealed, rows_hash, edge_xact, edge_id
  FROM placed;
  partial := page_rows = candidates_max OR sealed = page_max;
  -- The last page of a snapshot is followed by what was committed since.
  more := partial OR at.through_xact <> '0';
  -- Nothing new, and nothing to be remembered: the next one begins where this one did.
  IF sealed = 0 AND NOT more AND at.base IS NOT NULL THEN
    number := at.number;
    last_sequence := at.last_sequence;
    chain_hash := at.chain_hash;
    RETURN;
  END IF;
  number := at.number + 1;
  last_sequence := at.last_sequence + sealed;
  chain_hash := sha256(at.chain_hash || int8send(number) || int8send(at.last_sequence + 1) || int8send(last_sequence)
    || barometer_audit.time_bytes(now_sealed) || rows_hash);
  INSERT INTO barometer_audit.seal_batch (number, first_sequence, last_sequence, sealed_at, rows_hash, chain_hash,
    cluster, base, target, through_xact, through_id)
  VALUES (number, at.last_sequence + 1, last_sequence, now_sealed, rows_hash, chain_hash,
    at.cluster, at.base, at.target,
    CASE WHEN partial THEN edge_xact END, CASE WHEN partial THEN edge_id END);
END
$$;

-- What a replica shows: the head, and how many committed events have no place yet, counted to `count_max`.
CREATE FUNCTION barometer_audit.chain_state(
  count_max integer DEFAULT 100000, OUT unsealed bigint, OUT number bigint, OUT last_sequence bigint, OUT chain_hash bytea
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  at record;
BEGIN
  SELECT * INTO at FROM barometer_audit.seal_position();
  number := at.number;
  last_sequence := at.last_sequence;
  chain_hash := at.chain_hash;
  SELECT count(*) INTO unsealed
    FROM barometer_audit.seal_candidates(at.base, pg_current_snapshot(), at.through_xact, at.through_id, count_max) AS c
    WHERE NOT EXISTS (
      SELECT FROM barometer_audit.event_seal AS s WHERE s.xact = c.xact AND s.id = c.id OFFSET 0);
END
$$;

-- What became of each verification that is worth keeping; the newest ones decide whether the chain is said to be valid.
CREATE TABLE barometer_audit.verification (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  first_sequence bigint NOT NULL,
  last_sequence bigint NOT NULL,
  -- Of the whole chain, and of the log against it.
  whole boolean NOT NULL,
  valid boolean NOT NULL,
  -- The first thing that is not as it was: {kind, sequence?, id?, detail}.
  finding jsonb CONSTRAINT verification_finding CHECK ((finding IS NULL) = valid)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.verification
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

-- What the service may do, and no more. It says neither when an event was recorded nor in which transaction, and writes no
-- place in the chain but through seal(). Only the owner can call this: it grants with the caller's own rights.
CREATE OR REPLACE FUNCTION barometer_audit.grant_service(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA barometer_audit TO %I', role_name);
  EXECUTE format('REVOKE INSERT ON barometer_audit.event, barometer_audit.event_identity FROM %I', role_name);
  EXECUTE format('GRANT INSERT (id, occurred_at, actor_type, actor_id, actor_name, actor_email, action, target_type,
    target_id, target_name, outcome, ip, user_agent, request_id, trace_id, metadata, changes)
    ON barometer_audit.event TO %I', role_name);
  EXECUTE format('GRANT INSERT (id, content_hash, occurred_at) ON barometer_audit.event_identity TO %I', role_name);
  EXECUTE format('GRANT INSERT (first_sequence, last_sequence, whole, valid, finding)
    ON barometer_audit.verification TO %I', role_name);
  EXECUTE format('GRANT SELECT ON barometer_audit.event, barometer_audit.event_identity, barometer_audit.event_seal,
    barometer_audit.seal_batch, barometer_audit.verification, barometer_audit.removed_month TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.ensure_month, barometer_audit.ensure_months_ahead,
    barometer_audit.content_hash, barometer_audit.formula_safe, barometer_audit.seal, barometer_audit.chain_state TO %I',
    role_name);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA barometer_audit FROM PUBLIC;

-- Down Migration

DROP TABLE barometer_audit.verification;
DROP FUNCTION barometer_audit.chain_state;
DROP FUNCTION barometer_audit.seal;
DROP FUNCTION barometer_audit.seal_candidates;
DROP FUNCTION barometer_audit.seal_position;
DROP FUNCTION barometer_audit.time_bytes;
DROP TABLE barometer_audit.removed_month;
DROP TABLE barometer_audit.seal_batch;
DROP TABLE barometer_audit.event_seal;
ALTER TABLE barometer_audit.event_identity DROP COLUMN xact;
