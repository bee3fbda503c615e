-- Up Migration

-- The error log. It keeps 30 days, a partition for each day (UTC), and like the audit log is only ever added to: old days
-- go as whole partitions, by the owner's function. What looks like a secret was taken out before it came here.
CREATE TABLE barometer_audit.error (
  id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  service text NOT NULL CONSTRAINT error_service CHECK (char_length(service) BETWEEN 1 AND 100),
  type text NOT NULL CONSTRAINT error_type CHECK (char_length(type) BETWEEN 1 AND 100),
  message text NOT NULL CONSTRAINT error_message CHECK (char_length(message) BETWEEN 1 AND 4000),
  -- 64 bits of a hash in hex: errors with the same one are the same fault.
  fingerprint text NOT NULL CONSTRAINT error_fingerprint CHECK (fingerprint ~ '^[0-9a-f]{16}$'),
  route text CONSTRAINT error_route CHECK (char_length(route) <= 500),
  status integer CONSTRAINT error_status CHECK (status BETWEEN 100 AND 599),
  trace_id text CONSTRAINT error_trace_id CHECK (char_length(trace_id) <= 64),
  stack text CONSTRAINT error_stack CHECK (char_length(stack) <= 20000),
  -- Read backwards this is the order of the list; and an error that is sent again finds itself here.
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);

-- One index for each filter of one column, each in the order of the list.
CREATE INDEX error_by_service ON barometer_audit.error (service, occurred_at, id);
CREATE INDEX error_by_type ON barometer_audit.error (type, occurred_at, id);
CREATE INDEX error_by_fingerprint ON barometer_audit.error (fingerprint, occurred_at, id);

-- Which services and types have a series of their own in the metric of errors; all others are counted as `other`. The
-- same for every replica and over restarts.
CREATE TABLE barometer_audit.error_series (
  service text NOT NULL,
  type text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (service, type)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.error
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.error_series
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

-- Makes the partition of one day where there is none; as with the months of the audit log, the table comes first and is
-- attached then. The limits keep whoever may send errors from filling the catalogue with tables.
CREATE FUNCTION barometer_audit.ensure_error_day(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz;
  partition text;
BEGIN
  IF moment IS NULL OR NOT moment >= now() - interval '30 days' OR NOT moment < now() + interval '15 days' THEN
    RAISE EXCEPTION 'occurred_at is %; expected a time from 30 days ago to 15 days ahead', moment
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  first := date_trunc('day', moment);
  partition := 'error_' || to_char(first, 'YYYY_MM_DD');
  IF to_regclass('barometer_audit.' || partition) IS NOT NULL THEN
    RETURN;
  END IF;
  -- One maker at a time; whoever waited here finds the partition made.
  LOCK TABLE barometer_audit.error IN SHARE UPDATE EXCLUSIVE MODE;
  IF to_regclass('barometer_audit.' || partition) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format(
    'CREATE TABLE barometer_audit.%I (LIKE barometer_audit.error INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
    partition);
  EXECUTE format(
    'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.%I
       FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change()',
    partition);
  EXECUTE format(
    'ALTER TABLE barometer_audit.error ATTACH PARTITION barometer_audit.%I FOR VALUES FROM (%L) TO (%L)',
    partition, first, first + interval '1 day');
END
$$;

-- Makes the partitions of today and the next seven days, so that an upkeep that fails for days loses nothing; the
-- service calls it at start and every hour.
CREATE FUNCTION barometer_audit.ensure_error_days_ahead() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
  FOR ahead IN 0 .. 7 LOOP
    PERFORM barometer_audit.ensure_error_day(now() + make_interval(days => ahead));
  END LOOP;
END
$$;

-- Drops the days that lie wholly more than 30 days back, and returns how many. It takes no number of days: whoever may
-- call it cannot make it drop more. Dropping waits 2 s at most for those who read, since who comes after waits behind it;
-- a day that could not be had goes an hour later.
CREATE FUNCTION barometer_audit.drop_old_errors() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  partition text;
  dropped integer := 0;
BEGIN
  FOR partition IN
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'barometer_audit.error'::regclass AND relname ~ '^error_\d{4}_\d\d_\d\d$'
      AND to_date(substr(relname, 7), 'YYYY_MM_DD') + 1 <= (now() - interval '30 days')::date
    ORDER BY relname
  LOOP
    EXECUTE format('DROP TABLE barometer_audit.%I', partition);
    dropped := dropped + 1;
  END LOOP;
  -- A series that nothing was counted in for as long moves no count when it goes, and makes room. The index tells at once.
  DELETE FROM barometer_audit.error_series AS series
  WHERE since < now() - interval '30 days' AND NOT EXISTS (
    SELECT FROM barometer_audit.error WHERE error.type = series.type AND error.service = series.service);
  RETURN dropped;
END
$$;

-- Gives series to services and types, the first of the list first, as long as there is room: 19 services and 50 types,
-- and 180 pairs of the two; with `other` for each these are 200 series. Returns how many are new.
CREATE FUNCTION barometer_audit.add_error_series(services text[], types text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added integer := 0;
BEGIN
  -- One at a time, or two replicas would both take the last place.
  LOCK TABLE barometer_audit.error_series IN SHARE ROW EXCLUSIVE MODE;
  FOR place IN 1 .. least(cardinality(services), 200) LOOP
    CONTINUE WHEN services[place] IS NULL OR types[place] IS NULL OR services[place] = 'other' OR types[place] = 'other'
      OR EXISTS (SELECT FROM barometer_audit.error_series s WHERE (s.service, s.type) = (services[place], types[place]))
      OR (SELECT count(*) FROM barometer_audit.error_series) >= 180
      OR (SELECT count(DISTINCT s.service) FROM barometer_audit.error_series s WHERE s.service <> services[place]) >= 19
      OR (SELECT count(DISTINCT s.type) FROM barometer_audit.error_series s WHERE s.type <> types[place]) >= 50;
    INSERT INTO barometer_audit.error_series (service, type) VALUES (services[place], types[place]);
    added := added + 1;
  END LOOP;
  RETURN added;
END
$$;

-- What the service may do with the error log. Only the owner can call this: it grants with the caller's own rights.
CREATE FUNCTION barometer_audit.grant_error_log(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT ON barometer_audit.error TO %I', role_name);
  EXECUTE format('GRANT SELECT ON barometer_audit.error_series TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.ensure_error_day, barometer_audit.ensure_error_days_ahead,
    barometer_audit.drop_old_errors, barometer_audit.add_error_series TO %I', role_name);
END
$$;

REVOKE ALL ON FUNCTION barometer_audit.ensure_error_day, barometer_audit.ensure_error_days_ahead,
  barometer_audit.drop_old_errors, barometer_audit.add_error_series, barometer_audit.grant_error_log FROM PUBLIC;

SELECT barometer_audit.ensure_error_days_ahead();

-- Down Migration

DROP FUNCTION barometer_audit.grant_error_log;
DROP FUNCTION barometer_audit.add_error_series;
DROP FUNCTION barometer_audit.drop_old_errors;
DROP FUNCTION barometer_audit.ensure_error_days_ahead;
DROP FUNCTION barometer_audit.ensure_error_day;
DROP TABLE barometer_audit.error_series;
DROP TABLE barometer_audit.error;
