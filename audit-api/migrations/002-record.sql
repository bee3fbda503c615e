-- Up Migration

-- Refuses a part of an event that is no object, has keys it should not, or holds lists and objects where text is due.
CREATE FUNCTION barometer_audit.check_part(field text, part jsonb, known text[], required text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key text;
BEGIN
  IF part IS NULL OR jsonb_typeof(part) <> 'object' THEN
    RAISE EXCEPTION '% is %; expected an object', field, coalesce(jsonb_typeof(part), 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOREACH key IN ARRAY required LOOP
    IF part ->> key IS NULL THEN
      RAISE EXCEPTION '%.% is missing; expected text', field, key USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
  FOR key IN SELECT jsonb_object_keys(part) LOOP
    IF key <> ALL (known) THEN
      RAISE EXCEPTION '%.% is not known; expected only %', field, left(key, 100), array_to_string(known, ', ')
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_typeof(part -> key) IN ('object', 'array') THEN
      RAISE EXCEPTION '%.% is an %; expected text', field, key, jsonb_typeof(part -> key)
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
END
$$;

-- Records an event inside the caller's transaction: the action and its record are committed together or not at all.
--   actor   {type: admin|system|api_key, id, name, email?}
--   target  {type, id, name?}
--   context {ip?, user_agent?, request_id?, trace_id?}
--   changes {before?, after?}
-- Returns the event's id. The same id with the same content stores nothing; with other content it is a unique_violation.
CREATE FUNCTION barometer_audit.record(
  actor jsonb, action text, target jsonb, outcome text DEFAULT 'success', context jsonb DEFAULT '{}',
  metadata jsonb DEFAULT NULL, changes jsonb DEFAULT NULL, occurred_at timestamptz DEFAULT clock_timestamp(),
  id uuid DEFAULT gen_random_uuid()
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_actor CONSTANT jsonb := $1;
  the_target CONSTANT jsonb := $3;
  the_context CONSTANT jsonb := coalesce($5, '{}');
  the_metadata CONSTANT jsonb := nullif($6, 'null');
  the_changes CONSTANT jsonb := nullif($7, 'null');
  the_time CONSTANT timestamptz := coalesce($8, clock_timestamp());
  the_id CONSTANT uuid := coalesce($9, gen_random_uuid());
  the_hash bytea;
BEGIN
  PERFORM barometer_audit.check_part('actor', the_actor, '{type,id,name,email}', '{type,id,name}');
  PERFORM barometer_audit.check_part('target', the_target, '{type,id,name}', '{type,id}');
  PERFORM barometer_audit.check_part('context', the_context, '{ip,user_agent,request_id,trace_id}', '{}');
  IF the_metadata IS NOT NULL AND jsonb_typeof(the_metadata) = 'object'
    AND ((SELECT count(*) FROM jsonb_object_keys(the_metadata)) > 50 OR octet_length(the_metadata::text) > 16384) THEN
    RAISE EXCEPTION 'metadata is too large; expected at most 50 keys and 16384 bytes'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF the_changes IS NOT NULL AND (jsonb_typeof(the_changes) <> 'object' OR (the_changes - '{before,after}'::text[]) <> '{}'
    OR octet_length(the_changes::text) > 65536) THEN
    RAISE EXCEPTION 'changes is not right; expected an object of before and after, at most 65536 bytes'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF the_time > now() + interval '1 day' THEN
    RAISE EXCEPTION 'occurred_at is %; expected no more than one day ahead', the_time
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM barometer_audit.ensure_month(the_time);
  the_hash := barometer_audit.content_hash(
    the_time, the_actor ->> 'type', the_actor ->> 'id', the_actor ->> 'name', the_actor ->> 'email', $2,
    the_target ->> 'type', the_target ->> 'id', the_target ->> 'name', $4, the_context ->> 'ip',
    the_context ->> 'user_agent', the_context ->> 'request_id', the_context ->> 'trace_id', the_metadata, the_changes);
  INSERT INTO barometer_audit.event_identity (id, content_hash, occurred_at)
    VALUES (the_id, the_hash, the_time) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    IF EXISTS (SELECT FROM barometer_audit.event_identity taken WHERE taken.id = the_id AND taken.content_hash = the_hash) THEN
      RETURN the_id;
    END IF;
    RAISE EXCEPTION 'id % is taken by an event of other content', the_id USING ERRCODE = 'unique_violation';
  END IF;
  INSERT INTO barometer_audit.event (
    id, occurred_at, actor_type, actor_id, actor_name, actor_email, action, target_type, target_id, target_name,
    outcome, ip, user_agent, request_id, trace_id, metadata, changes
  ) VALUES (
    the_id, the_time, the_actor ->> 'type', the_actor ->> 'id', the_actor ->> 'name', the_actor ->> 'email', $2,
    the_target ->> 'type', the_target ->> 'id', the_target ->> 'name', $4, the_context ->> 'ip',
    the_context ->> 'user_agent', the_context ->> 'request_id', the_context ->> 'trace_id', the_metadata, the_changes
  );
  RETURN the_id;
END
$$;

-- What the service may do, and no more. Only the owner can call this: it grants with the caller's own rights.
CREATE FUNCTION barometer_audit.grant_service(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA barometer_audit TO %I', role_name);
  EXECUTE format('GRANT SELECT, INSERT ON barometer_audit.event, barometer_audit.event_identity TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.ensure_month, barometer_audit.ensure_months_ahead,
    barometer_audit.content_hash, barometer_audit.formula_safe TO %I', role_name);
END
$$;

-- Lets a role of the platform write the record of its own actions: it can call record(), and read or write nothing else.
CREATE FUNCTION barometer_audit.grant_recorder(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA barometer_audit TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.record TO %I', role_name);
END
$$;

-- A new function may be called by everybody unless that is taken back.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA barometer_audit FROM PUBLIC;

SELECT barometer_audit.ensure_months_ahead();

-- Down Migration

DROP FUNCTION barometer_audit.grant_recorder;
DROP FUNCTION barometer_audit.grant_service;
DROP FUNCTION barometer_audit.record;
DROP FUNCTION barometer_audit.check_part;
