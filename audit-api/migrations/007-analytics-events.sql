-- Up Migration

-- What admins did with the dashboards: who, when, and what of it. Few a day, so they are kept in one table.
CREATE TABLE barometer_audit.analytics_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at timestamptz NOT NULL,
  event text NOT NULL CHECK (event IN
    ('admin_dashboard_viewed', 'admin_analytics_filtered', 'admin_analytics_exported', 'admin_audit_log_viewed')),
  dashboard text NOT NULL CHECK (length(dashboard) <= 100),
  -- The login behind a grafana token; NULL for the anonymous and for other tokens.
  person text CHECK (length(person) <= 200),
  token_id text NOT NULL CHECK (length(token_id) <= 100),
  properties jsonb NOT NULL CHECK (octet_length(properties::text) <= 4096)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON barometer_audit.analytics_event
  FOR EACH STATEMENT EXECUTE FUNCTION barometer_audit.refuse_change();
CREATE INDEX analytics_event_time ON barometer_audit.analytics_event (occurred_at);

-- When somebody last asked for a board, and with which variables: what decides whether the next time is
-- another view. It is no log: each time replaces the one before, by record_visit alone.
CREATE TABLE barometer_audit.dashboard_visit (
  visitor text NOT NULL CHECK (length(visitor) <= 300),
  dashboard text NOT NULL CHECK (length(dashboard) <= 100),
  asked_at timestamptz NOT NULL,
  variables jsonb NOT NULL CHECK (octet_length(variables::text) <= 16384),
  PRIMARY KEY (visitor, dashboard)
);

-- Notes that a board was asked for, and records what follows from it: a view where that visitor has not asked for it in
-- the 15 minutes before, and a filter for each variable whose value is another than it was and away from its default.
-- The row is locked, so that of several replicas that are asked at once one records.
--   variables {name: [values]}, without those that are at their default
-- Returns what was recorded.
CREATE FUNCTION barometer_audit.record_visit(
  visitor text, dashboard text, variables jsonb, person text, token_id text, asked_at timestamptz
) RETURNS SETOF barometer_audit.analytics_event
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  earlier barometer_audit.dashboard_visit%ROWTYPE;
  is_view boolean := true;
  before jsonb := '{}';
BEGIN
  INSERT INTO barometer_audit.dashboard_visit (visitor, dashboard, asked_at, variables)
  VALUES ($1, $2, $6, $3) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO earlier FROM barometer_audit.dashboard_visit v WHERE v.visitor = $1 AND v.dashboard = $2 FOR UPDATE;
    is_view := earlier.asked_at <= $6 - interval '15 minutes';
    IF NOT is_view THEN
      before := earlier.variables;
    END IF;
    UPDATE barometer_audit.dashboard_visit v SET asked_at = greatest(v.asked_at, $6), variables = $3
    WHERE v.visitor = $1 AND v.dashboard = $2;
  END IF;
  RETURN QUERY
  INSERT INTO barometer_audit.analytics_event (occurred_at, event, dashboard, person, token_id, properties)
  SELECT $6, what.event, $2, $4, $5, what.properties
  FROM (
    SELECT 1 AS place, 'admin_dashboard_viewed' AS event, jsonb_build_object('tab', $2) AS properties WHERE is_view
    UNION ALL
    SELECT 2, 'admin_audit_log_viewed', '{}' WHERE is_view AND $2 = 'barometer-audit'
    UNION ALL
    SELECT 3, 'admin_analytics_filtered', jsonb_build_object('dashboard', $2, 'filter_type', variable.key)
    FROM jsonb_each($3) AS variable
    WHERE variable.value IS DISTINCT FROM before -> variable.key
  ) AS what
  ORDER BY what.place, what.properties::text
  RETURNING *;
END
$$;

-- What the service may do with these. Only the owner can call this: it grants with the caller's own rights.
CREATE FUNCTION barometer_audit.grant_analytics_events(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT ON barometer_audit.analytics_event TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION barometer_audit.record_visit TO %I', role_name);
END
$$;

REVOKE ALL ON FUNCTION barometer_audit.record_visit, barometer_audit.grant_analytics_events FROM PUBLIC;

-- Down Migration

DROP FUNCTION barometer_audit.grant_analytics_events;
DROP FUNCTION barometer_audit.record_visit;
DROP TABLE barometer_audit.dashboard_visit;
DROP TABLE barometer_audit.analytics_event;
