-- Up Migration

-- How many whole months must be kept before one may be taken out; none may, where the newest row says nothing. Only the
-- owner writes it, so that the service alone cannot empty the log by a setting of its own.
CREATE TABLE barometer_audit.retention_allowance (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  months integer CONSTRAINT retention_allowance_months CHECK (months >= 1),
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.retention_allowance
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

CREATE FUNCTION barometer_audit.allow_retention(months integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO barometer_audit.retention_allowance (months)
  SELECT $1 WHERE $1 IS DISTINCT FROM (
    SELECT a.months FROM barometer_audit.retention_allowance AS a ORDER BY a.number DESC LIMIT 1)
$$;

-- Takes a month (UTC) out of the log, which must be exactly what was written to the object that is named: so many rows,
-- from this place to that, each sealed and each what was sealed. The places stay, and so do the identities.
CREATE FUNCTION barometer_audit.remove_month(
  month date, rows bigint, first_sequence bigint, last_sequence bigint, object_key text, sha256 bytea
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET lock_timeout = '5s' SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  partition CONSTANT text := 'event_' || to_char($1, 'YYYY_MM');
  kept CONSTANT integer := (SELECT a.months FROM barometer_audit.retention_allowance AS a ORDER BY a.number DESC LIMIT 1);
  found record;
BEGIN
  IF kept IS NULL THEN
    RAISE EXCEPTION 'no month may be taken out; expected the owner to have allowed it by barometer migrate with AUDIT_RETENTION_MONTHS'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF $1 <> date_trunc('month', $1) OR NOT $1 + make_interval(months => kept + 1) <= now() THEN
    RAISE EXCEPTION 'month is %; expected the first day of a month that lies % whole months back', $1, kept
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF to_regclass('barometer_audit.' || partition) IS NULL THEN
    RAISE EXCEPTION 'month is %, which has no partition', $1 USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- A late event of this month waits until its partition is gone, and then makes another.
  EXECUTE format('LOCK TABLE barometer_audit.%I IN SHARE MODE', partition);
  EXECUTE format('
    SELECT count(*) AS rows, coalesce(min(s.sequence), 0) AS first_sequence, coalesce(max(s.sequence), 0) AS last_sequence,
      count(*) FILTER (WHERE s.row_hash IS DISTINCT FROM sha256(
        int8send(s.sequence) || uuid_send(e.id) || barometer_audit.time_bytes(e.recorded_at)
        || barometer_audit.content_hash(e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action,
          e.target_type, e.target_id, e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata,
          e.changes))) AS amiss
    FROM barometer_audit.%I AS e
    LEFT JOIN barometer_audit.event_identity AS i ON i.id = e.id AND i.occurred_at = e.occurred_at
    LEFT JOIN barometer_audit.event_seal AS s ON s.xact = i.xact AND s.id = i.id', partition) INTO found;
  IF found.amiss > 0 THEN
    RAISE EXCEPTION '% events of % are not sealed, or not what was sealed', found.amiss, $1
      USING ERRCODE = 'data_exception';
  END IF;
  IF (found.rows, found.first_sequence, found.last_sequence) IS DISTINCT FROM ($2, $3, $4) THEN
    RAISE EXCEPTION '% has % events, from place % to %; expected what was written: %, from % to %',
      $1, found.rows, found.first_sequence, found.last_sequence, $2, $3, $4 USING ERRCODE = 'data_exception';
  END IF;
  IF found.rows > 0 THEN
    INSERT INTO barometer_audit.removed_month (month, last_sequence, first_sequence, rows, object_key, sha256)
      VALUES ($1, $4, $3, $2, $5, $6);
  END IF;
  EXECUTE format('ALTER TABLE barometer_audit.event DETACH PARTITION barometer_audit.%I', partition);
  EXECUTE format('DROP TABLE barometer_audit.%I', partition);
END
$$;

CREATE FUNCTION barometer_audit.grant_retention(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT SELECT ON barometer_audit.retention_allowance TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.remove_month TO %I', role_name);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA barometer_audit FROM PUBLIC;

-- Down Migration

DROP FUNCTION barometer_audit.grant_retention;
DROP FUNCTION barometer_audit.remove_month;
DROP FUNCTION barometer_audit.allow_retention;
DROP TABLE barometer_audit.retention_allowance;
