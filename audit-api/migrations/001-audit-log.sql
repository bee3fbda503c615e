-- Up Migration

-- The audit log. Rows are only ever added: the service's role has INSERT and SELECT, and a trigger on every table and
-- partition refuses changes by anybody but the owner, a superuser included.
CREATE TABLE barometer_audit.event (
  id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor_type text NOT NULL CONSTRAINT event_actor_type CHECK (actor_type IN ('admin', 'system', 'api_key')),
  actor_id text NOT NULL CONSTRAINT event_actor_id CHECK (char_length(actor_id) BETWEEN 1 AND 200),
  actor_name text NOT NULL CONSTRAINT event_actor_name CHECK (char_length(actor_name) BETWEEN 1 AND 200),
  actor_email text CONSTRAINT event_actor_email CHECK (char_length(actor_email) BETWEEN 1 AND 320),
  action text NOT NULL CONSTRAINT event_action
    CHECK (char_length(action) <= 100 AND action ~ '^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)+$'),
  target_type text NOT NULL CONSTRAINT event_target_type CHECK (char_length(target_type) BETWEEN 1 AND 100),
  target_id text NOT NULL CONSTRAINT event_target_id CHECK (char_length(target_id) BETWEEN 1 AND 200),
  target_name text CONSTRAINT event_target_name CHECK (char_length(target_name) BETWEEN 1 AND 300),
  outcome text NOT NULL CONSTRAINT event_outcome CHECK (outcome IN ('success', 'failure')),
  ip text CONSTRAINT event_ip CHECK (char_length(ip) BETWEEN 1 AND 45),
  user_agent text CONSTRAINT event_user_agent CHECK (char_length(user_agent) <= 1000),
  request_id text CONSTRAINT event_request_id CHECK (char_length(request_id) <= 200),
  trace_id text CONSTRAINT event_trace_id CHECK (char_length(trace_id) <= 64),
  metadata jsonb CONSTRAINT event_metadata CHECK (jsonb_typeof(metadata) = 'object'),
  changes jsonb CONSTRAINT event_changes CHECK (jsonb_typeof(changes) = 'object'),
  -- Read backwards this is the order of the list and of its keyset cursor: newest first, ties by id.
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);

-- One index for each filter of one column, each in the order of the list, so that any page is one short index scan.
CREATE INDEX event_by_actor ON barometer_audit.event (actor_id, occurred_at, id);
CREATE INDEX event_by_action ON barometer_audit.event (action, occurred_at, id);
CREATE INDEX event_by_target ON barometer_audit.event (target_id, occurred_at, id);
CREATE INDEX event_by_target_type ON barometer_audit.event (target_type, occurred_at, id);
CREATE INDEX event_that_failed ON barometer_audit.event (occurred_at, id) WHERE outcome = 'failure';

-- Every id ever taken, with the hash of what was stored under it. It is not partitioned, because a unique index over
-- partitions must contain the time, and an id is to be refused for ever, whatever time comes with it.
CREATE TABLE barometer_audit.event_identity (
  id uuid PRIMARY KEY,
  content_hash bytea NOT NULL CONSTRAINT event_identity_content_hash CHECK (octet_length(content_hash) = 32),
  occurred_at timestamptz NOT NULL
);

CREATE FUNCTION barometer_audit.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.event
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.event_identity
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

-- Makes the partition of one month (UTC) where there is none. The table is made first and attached then, because ATTACH
-- lets others read and write meanwhile, and CREATE … PARTITION OF does not. The limits keep whoever may send events from
-- filling the catalogue with tables.
CREATE FUNCTION barometer_audit.ensure_month(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz;
  partition text;
BEGIN
  IF moment IS NULL OR NOT moment >= '2000-01-01' OR NOT moment < now() + interval '14 months' THEN
    RAISE EXCEPTION 'occurred_at is %; expected a time from 2000-01-01 to 14 months ahead', moment
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  first := date_trunc('month', moment);
  partition := 'event_' || to_char(first, 'YYYY_MM');
  IF to_regclass('barometer_audit.' || partition) IS NOT NULL THEN
    RETURN;
  END IF;
  -- One maker at a time; whoever waited here finds the partition made.
  LOCK TABLE barometer_audit.event IN SHARE UPDATE EXCLUSIVE MODE;
  IF to_regclass('barometer_audit.' || partition) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format(
    'CREATE TABLE barometer_audit.%I (LIKE barometer_audit.event INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
    partition);
  EXECUTE format(
    'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.%I
       FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change()',
    partition);
  EXECUTE format(
    'ALTER TABLE barometer_audit.event ATTACH PARTITION barometer_audit.%I FOR VALUES FROM (%L) TO (%L)',
    partition, first, first + interval '1 month');
END
$$;

-- Makes the partitions of this month and the next ones; the service calls it at start and every hour.
CREATE FUNCTION barometer_audit.ensure_months_ahead(months integer DEFAULT 3) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
  FOR ahead IN 0 .. least(greatest(months, 0), 12) LOOP
    PERFORM barometer_audit.ensure_month(date_trunc('month', now()) + make_interval(months => ahead));
  END LOOP;
END
$$;

-- What an event says, as 32 bytes: the same whether it came by HTTP or by record(), since both are hashed here.
-- An array of fixed order is unambiguous, and jsonb writes the keys of metadata and changes in one order.
CREATE FUNCTION barometer_audit.content_hash(
  occurred_at timestamptz, actor_type text, actor_id text, actor_name text, actor_email text, action text,
  target_type text, target_id text, target_name text, outcome text, ip text, user_agent text, request_id text,
  trace_id text, metadata jsonb, changes jsonb
) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(jsonb_build_array(
    1, (extract(epoch FROM occurred_at) * 1000000)::bigint, actor_type, actor_id, actor_name, actor_email, action,
    target_type, target_id, target_name, outcome, ip, user_agent, request_id, trace_id, metadata, changes
  )::text, 'UTF8'))
$$;

-- A spreadsheet runs a cell that begins with = + - @ (or their full-width forms), also behind a tab or a line break;
-- an apostrophe before it makes it text. ascii() is the code point of the first character. NUL cannot be stored at all.
CREATE FUNCTION barometer_audit.formula_safe(cell text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN ascii(cell) IN (61, 43, 45, 64, 9, 10, 13, 65309, 65291, 65293, 65312) THEN '''' || cell ELSE cell END
$$;

-- Down Migration

DROP FUNCTION barometer_audit.formula_safe;
DROP FUNCTION barometer_audit.content_hash;
DROP FUNCTION barometer_audit.ensure_months_ahead;
DROP FUNCTION barometer_audit.ensure_month;
DROP TABLE barometer_audit.event_identity;
DROP TABLE barometer_audit.event;
DROP FUNCTION barometer_audit.refuse_change;
