-- Up Migration

-- What was taken out of events at a person's wish. Identities, places and chain stay as they are; here is the hash of what
-- the event says since then, so that it cannot be changed again unseen. Each erasure is an event audit.erase of the log,
-- under the same id, with the number of its events and a hash of its rows here.
CREATE TABLE barometer_audit.event_erasure (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  erasure uuid NOT NULL,
  content_hash bytea NOT NULL CONSTRAINT event_erasure_content_hash CHECK (octet_length(content_hash) = 32)
);
-- The newest erasure of an event.
CREATE INDEX event_erasure_of_event ON barometer_audit.event_erasure (id, number);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.event_erasure
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();

-- A pattern of what is looked for, as whole words; NULL where there is nothing to look for.
CREATE FUNCTION barometer_audit.erasure_pattern(texts text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT '(?<![[:alnum:]])(?:' || string_agg(regexp_replace(said, '([^[:alnum:][:space:]])', '\\\1', 'g'), '|' ORDER BY char_length(said) DESC, said)
    || ')(?![[:alnum:]])'
  FROM unnest(texts) AS said WHERE said <> ''
$$;

-- Text of at most `most` characters without what the pattern finds, in whatever case it is written.
CREATE FUNCTION barometer_audit.erase_text(said text, pattern text, pseudonym text, most integer DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN pattern IS NULL OR said !~* pattern THEN said
    ELSE left(regexp_replace(said, pattern, pseudonym, 'gi'), coalesce(most, 1000000)) END
$$;

-- The same for JSON, keys and values; and whole values that are the person's id: text that is no mere number, and any
-- under a key that ends in id.
CREATE FUNCTION barometer_audit.erase_json(part jsonb, pattern text, person_id text, pseudonym text, key text DEFAULT '') RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  CASE jsonb_typeof(part)
    WHEN 'object' THEN
      RETURN (SELECT coalesce(jsonb_object_agg(barometer_audit.erase_text(each.key, pattern, pseudonym),
        barometer_audit.erase_json(each.value, pattern, person_id, pseudonym, each.key)), '{}') FROM jsonb_each(part) AS each);
    WHEN 'array' THEN
      RETURN (SELECT coalesce(jsonb_agg(barometer_audit.erase_json(item.value, pattern, person_id, pseudonym, key) ORDER BY item.place), '[]')
        FROM jsonb_array_elements(part) WITH ORDINALITY AS item (value, place));
    WHEN 'string', 'number' THEN
      IF part #>> '{}' = person_id AND (key ~* 'ids?$' OR jsonb_typeof(part) = 'string' AND person_id !~ '^[0-9]*$') THEN
        RETURN to_jsonb(pseudonym);
      END IF;
      RETURN CASE jsonb_typeof(part) WHEN 'string' THEN to_jsonb(barometer_audit.erase_text(part #>> '{}', pattern, pseudonym)) ELSE part END;
    ELSE
      RETURN part;
  END CASE;
END
$$;

-- Takes a person out of the log, the error log and what is known of the use of dashboards, and records that in the log; the
-- owner's alone. The person is `person_id` as an admin who acted, as a target of one of `target_types`, and as a login; in
-- free text they are found by `texts`, by the e-mail addresses and the names of two words that the log has for them, and
-- by an id that is no plain word or number.
--   pseudonym  stands for the person afterwards, and follows from nothing
--   actor      who erases, as in record()
--   erasure    the id of the event that records it
-- `searched` is what free text was searched for, `unsearched` names of one word, which may as well be words.
CREATE FUNCTION barometer_audit.erase_person(
  person_id text, texts text[], target_types text[], pseudonym text, actor jsonb, reason text, erasure uuid,
  OUT events bigint, OUT errors bigint, OUT analytics_events bigint, OUT visits bigint, OUT searched text[], OUT unsearched text[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  pattern text;
  -- As it stands in the text of JSON, where some characters are escaped.
  escaped text;
  digest bytea;
BEGIN
  WITH known AS (
    SELECT e.actor_name AS said FROM barometer_audit.event AS e WHERE e.actor_type = 'admin' AND e.actor_id = person_id
    UNION SELECT e.actor_email FROM barometer_audit.event AS e WHERE e.actor_type = 'admin' AND e.actor_id = person_id
    UNION SELECT e.target_name FROM barometer_audit.event AS e WHERE e.target_type = ANY (target_types) AND e.target_id = person_id
  ), judged AS (
    SELECT known.said, known.said ~ '[[:alnum:]][^[:alnum:]]+[[:alnum:]]' AS is_clear
    FROM known WHERE known.said IS NOT NULL AND known.said NOT LIKE 'erased%' AND known.said <> ALL (texts)
  )
  SELECT texts || coalesce(array_agg(judged.said ORDER BY judged.said) FILTER (WHERE judged.is_clear), '{}')
      || CASE WHEN person_id ~ '^[[:alpha:]]+$|^[0-9]+$|^.{0,5}$' OR person_id = ANY (texts) THEN '{}' ELSE ARRAY[person_id] END,
    coalesce(array_agg(judged.said ORDER BY judged.said) FILTER (WHERE NOT judged.is_clear), '{}')
  INTO searched, unsearched FROM judged;
  pattern := barometer_audit.erasure_pattern(searched);
  escaped := barometer_audit.erasure_pattern(ARRAY(SELECT substr(quoted, 2, length(quoted) - 2)
    FROM unnest(searched) AS said, LATERAL (SELECT to_jsonb(said)::text AS quoted) AS q));

  WITH found AS (
    SELECT e.occurred_at, e.id, e.actor_type = 'admin' AND e.actor_id = person_id AS is_actor,
      e.target_type = ANY (target_types) AND e.target_id = person_id AS is_target
    FROM barometer_audit.event AS e
    WHERE e.actor_type = 'admin' AND e.actor_id = person_id OR e.target_type = ANY (target_types) AND e.target_id = person_id
      OR concat_ws(chr(10), e.actor_id, e.actor_email, e.target_id, e.target_name, e.user_agent, e.request_id) ~* pattern
      OR concat_ws(chr(10), e.metadata, e.changes) ~* escaped
      OR strpos(concat_ws(chr(10), e.metadata, e.changes), person_id) > 0
  ), wanted AS (
    SELECT f.*,
      CASE WHEN f.is_actor THEN pseudonym ELSE barometer_audit.erase_text(e.actor_id, pattern, pseudonym, 200) END AS actor_id,
      CASE WHEN f.is_actor THEN 'erased' ELSE e.actor_name END AS actor_name,
      CASE WHEN NOT f.is_actor THEN barometer_audit.erase_text(e.actor_email, pattern, pseudonym, 320) END AS actor_email,
      CASE WHEN f.is_target THEN pseudonym ELSE barometer_audit.erase_text(e.target_id, pattern, pseudonym, 200) END AS target_id,
      CASE WHEN f.is_target THEN 'erased' ELSE barometer_audit.erase_text(e.target_name, pattern, pseudonym, 300) END AS target_name,
      CASE WHEN NOT f.is_actor THEN e.ip END AS ip,
      CASE WHEN NOT f.is_actor THEN barometer_audit.erase_text(e.user_agent, pattern, pseudonym, 1000) END AS user_agent,
      CASE WHEN NOT f.is_actor THEN barometer_audit.erase_text(e.request_id, pattern, pseudonym, 200) END AS request_id,
      CASE WHEN NOT f.is_actor THEN e.trace_id END AS trace_id,
      CASE WHEN NOT f.is_target THEN barometer_audit.erase_json(e.metadata, pattern, person_id, pseudonym) END AS metadata,
      CASE WHEN NOT f.is_target THEN barometer_audit.erase_json(e.changes, pattern, person_id, pseudonym) END AS changes
    FROM found AS f JOIN barometer_audit.event AS e ON e.occurred_at = f.occurred_at AND e.id = f.id
  ), erased AS (
    UPDATE barometer_audit.event AS e
    SET actor_id = w.actor_id, actor_name = w.actor_name, actor_email = w.actor_email, target_id = w.target_id,
      target_name = w.target_name, ip = w.ip, user_agent = w.user_agent, request_id = w.request_id, trace_id = w.trace_id,
      metadata = w.metadata, changes = w.changes
    FROM wanted AS w
    WHERE e.occurred_at = w.occurred_at AND e.id = w.id
      AND (e.actor_id, e.actor_name, e.actor_email, e.target_id, e.target_name, e.ip, e.user_agent, e.request_id, e.trace_id,
          e.metadata, e.changes) IS DISTINCT FROM (w.actor_id, w.actor_name, w.actor_email, w.target_id, w.target_name, w.ip,
          w.user_agent, w.request_id, w.trace_id, w.metadata, w.changes)
    RETURNING e.id, barometer_audit.content_hash(e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action,
      e.target_type, e.target_id, e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata,
      e.changes) AS content_hash
  ), noted AS (
    INSERT INTO barometer_audit.event_erasure (id, erasure, content_hash)
    SELECT erased.id, erasure, erased.content_hash FROM erased ORDER BY erased.id
    RETURNING event_erasure.id, event_erasure.content_hash
  )
  SELECT count(*), sha256(coalesce(string_agg(uuid_send(noted.id) || noted.content_hash, '' ORDER BY noted.id), ''))
  INTO events, digest FROM noted;

  UPDATE barometer_audit.error AS e
  SET message = barometer_audit.erase_text(e.message, pattern, pseudonym, 4000),
    stack = barometer_audit.erase_text(e.stack, pattern, pseudonym, 20000),
    route = barometer_audit.erase_text(e.route, pattern, pseudonym, 500)
  WHERE concat_ws(chr(10), e.message, e.stack, e.route) ~* pattern;
  GET DIAGNOSTICS errors = ROW_COUNT;

  UPDATE barometer_audit.analytics_event AS e
  SET person = CASE WHEN e.person = person_id OR e.person = ANY (searched) THEN pseudonym ELSE e.person END,
    properties = barometer_audit.erase_json(e.properties, pattern, person_id, pseudonym)
  WHERE e.person = person_id OR e.person = ANY (searched)
    OR barometer_audit.erase_json(e.properties, pattern, person_id, pseudonym) <> e.properties;
  GET DIAGNOSTICS analytics_events = ROW_COUNT;

  -- No log: what somebody last chose on a board.
  DELETE FROM barometer_audit.dashboard_visit AS v
  WHERE v.visitor = 'person ' || person_id OR v.visitor = ANY (SELECT 'person ' || said FROM unnest(searched) AS said)
    OR barometer_audit.erase_json(v.variables, pattern, person_id, pseudonym) <> v.variables;
  GET DIAGNOSTICS visits = ROW_COUNT;

  PERFORM barometer_audit.record(actor, 'audit.erase', jsonb_build_object('type', 'person', 'id', pseudonym),
    metadata => jsonb_strip_nulls(jsonb_build_object('events', events, 'sha256', encode(digest, 'hex'), 'errors', errors,
      'analytics_events', analytics_events, 'reason', reason)),
    id => erasure);
END
$$;

-- Takes a month (UTC) out of the log, which must be exactly what was written to the object that is named: so many rows,
-- from this place to that, each sealed and each what was sealed, or what was left of it when a person was erased. The places stay, and so do the identities.
CREATE OR REPLACE FUNCTION barometer_audit.remove_month(
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
          int8send(s.sequence) || uuid_send(e.id) || barometer_audit.time_bytes(e.recorded_at) || i.content_hash)
        OR barometer_audit.content_hash(e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action,
          e.target_type, e.target_id, e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata,
          e.changes) IS DISTINCT FROM coalesce((
            SELECT x.content_hash FROM barometer_audit.event_erasure AS x WHERE x.id = e.id ORDER BY x.number DESC LIMIT 1),
          i.content_hash)) AS amiss
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

CREATE FUNCTION barometer_audit.grant_erasure(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT SELECT ON barometer_audit.event_erasure TO %I', role_name);
END
$$;

REVOKE ALL ON FUNCTION barometer_audit.erasure_pattern, barometer_audit.erase_text, barometer_audit.erase_json,
  barometer_audit.erase_person, barometer_audit.grant_erasure FROM PUBLIC;

-- Down Migration

CREATE OR REPLACE FUNCTION barometer_audit.remove_month(
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

DROP FUNCTION barometer_audit.grant_erasure;
DROP FUNCTION barometer_audit.erase_person;
DROP FUNCTION barometer_audit.erase_json;
DROP FUNCTION barometer_audit.erase_text;
DROP FUNCTION barometer_audit.erasure_pattern;
DROP TABLE barometer_audit.event_erasure;
