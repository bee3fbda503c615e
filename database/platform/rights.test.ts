import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAnalyticsStore } from '../../audit-api/analytics/sources/store.ts'
import { auditServiceRole, migrateAudit } from '../../audit-api/migrations/migrate.ts'
import { views } from '../../catalogue/views.ts'
import { layout } from '../../exporter/figures/index.ts'
import { migrateStore } from '../../exporter/main.ts'
import { withoutLease } from '../../exporter/store/fence.ts'
import { installRangeFunctions } from '../../exporter/store/range-functions.ts'
import { readSettings } from '../../lib/settings.ts'
import { asSuperuser, createDatabase } from '../../testing/database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { exporterRole, roleUrl } from './install.ts'

let database: PlatformDatabase
let exporter: pg.Client
let recorder: pg.Client
/** Of the whole server, so that this run's are its own. */
const recorderRole = `recorder_${randomUUID().slice(0, 8)}`
const ownerRole = `owner_${randomUUID().slice(0, 8)}`

beforeAll(async () => {
  database = await createPlatformDatabase()
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const pool = new pg.Pool({ connectionString: database.exporterUrl })
  await installRangeFunctions(pool, settings, layout.rangeFunctions, withoutLease)
  await pool.end()
  await asSuperuser(`CREATE ROLE ${recorderRole} LOGIN`)
  await database.pool.query(`SELECT barometer_audit.grant_recorder('${recorderRole}')`)
  exporter = await connectAs(database.exporterUrl)
  recorder = await connectAs(roleUrl(database.url, recorderRole))
})
afterAll(async () => {
  await Promise.all([exporter.end(), recorder.end()])
  await database.drop()
  await asSuperuser(`DROP ROLE IF EXISTS ${recorderRole}`)
  await asSuperuser(`DROP ROLE IF EXISTS ${ownerRole}`)
})

async function connectAs(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}

/** Everything that anybody but the owner of a thing may do with it, by the catalogue itself: `role: right on thing`. */
const grantsOfDatabase = `
WITH place AS (
  SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), thing AS (
  SELECT 'database' AS name, datdba AS owner, coalesce(datacl, acldefault('d', datdba)) AS acl
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema ' || nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
  WHERE oid IN (SELECT oid FROM place)
  UNION ALL
  SELECT relation.oid::regclass::text, relowner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
  FROM pg_class AS relation WHERE relnamespace IN (SELECT oid FROM place) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT attrelid::regclass || '(' || attname || ')', relowner, attacl FROM pg_attribute JOIN pg_class AS relation ON relation.oid = attrelid
  WHERE relnamespace IN (SELECT oid FROM place) AND attacl IS NOT NULL
  UNION ALL
  SELECT proc.oid::regproc || '()', proowner, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc AS proc
  WHERE pronamespace IN (SELECT oid FROM place)
)
SELECT CASE right_.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(right_.grantee) END AS role,
  right_.privilege_type || ' on ' || name AS granted
FROM thing CROSS JOIN LATERAL aclexplode(acl) AS right_
WHERE right_.grantee <> owner
ORDER BY 1, 2`

const columns = (table: string, names: string) => names.split(' ').map((name) => `INSERT on ${table}(${name})`)
const tables = (schema: string, names: string) => names.split(' ').map((name) => `SELECT on ${schema}.${name}`)
const functions = (schema: string, names: string) => names.split(' ').map((name) => `EXECUTE on ${schema}.${name}()`)
const audit = 'barometer_audit'

/** What docs/security.md says in words. */
const grants: Record<string, readonly string[]> = {
  [exporterRole]: ['USAGE on schema barometer_source', ...tables('barometer_source', views.join(' '))],
  [auditServiceRole]: [
    `USAGE on schema ${audit}`,
    ...tables(
      audit,
      'analytics_event error error_series event event_erasure event_identity event_seal migration removed_month retention_allowance seal_batch verification',
    ),
    ...columns(
      `${audit}.event`,
      'id occurred_at actor_type actor_id actor_name actor_email action target_type target_id target_name outcome ip user_agent request_id trace_id metadata changes',
    ),
    ...columns(`${audit}.event_identity`, 'id content_hash occurred_at'),
    ...columns(`${audit}.verification`, 'first_sequence last_sequence whole valid finding'),
    `INSERT on ${audit}.analytics_event`,
    `INSERT on ${audit}.error`,
    ...functions(
      audit,
      'add_error_series chain_state content_hash drop_old_errors ensure_error_day ensure_error_days_ahead ensure_month ensure_months_ahead formula_safe record_visit remove_month seal',
    ),
    'USAGE on schema barometer',
    ...functions(
      'barometer',
      'analytics_active_users analytics_as_of analytics_buckets analytics_credits analytics_failures analytics_generating_users analytics_generations analytics_mrr_movements analytics_payments analytics_performance analytics_popular analytics_refunds analytics_retention analytics_sessions analytics_signups analytics_snapshot analytics_state analytics_subscription_changes',
    ),
  ],
  [recorderRole]: [`USAGE on schema ${audit}`, ...functions(audit, 'record')],
}

describe('the rights of each role', () => {
  test('are these and no others, by the catalogue of the database', async () => {
    const { rows } = await database.pool.query<{ role: string; granted: string }>(grantsOfDatabase)
    const found = Map.groupBy(rows, ({ role }) => role)
    for (const [role, expected] of Object.entries(grants)) {
      expect(
        found.get(role)?.map(({ granted }) => granted),
        role,
      ).toEqual(expected.toSorted())
    }
    expect([...found.keys()].toSorted()).toEqual([...Object.keys(grants), 'PUBLIC'].toSorted())
    // Whoever logs in may connect and make tables that only his session sees. The platform's functions are behind its schema.
    const everybody = found.get('PUBLIC')?.map(({ granted }) => granted) ?? []
    expect(everybody.filter((granted) => !granted.startsWith('EXECUTE on platform.'))).toEqual([
      'CONNECT on database',
      'TEMPORARY on database',
    ])
  })

  test('are not more by what they are or belong to', async () => {
    const { rows } = await database.pool.query(
      `SELECT rolname FROM pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
         OR rolbypassrls OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid OR roleid = pg_roles.oid))`,
      [Object.keys(grants)],
    )
    expect(rows).toEqual([])
  })

  test('let none make anything in a schema that is not its own', async () => {
    const { rows } = await database.pool.query(
      `SELECT rolname, nspname FROM pg_roles, pg_namespace WHERE rolname = ANY ($1) AND nspname !~ '^pg_'
         AND has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'CREATE')`,
      [Object.keys(grants)],
    )
    expect(rows).toEqual([{ rolname: exporterRole, nspname: 'barometer' }])
  })
})

test('each function that runs with the rights of its owner says where it looks, and nobody else may put anything there', async () => {
  const { rows } = await database.pool.query<{ name: string; path: string | null; others: string | null }>(`
    SELECT proc.oid::regprocedure::text AS name, path,
      (SELECT string_agg(rolname || ' in ' || place, ', ') FROM pg_roles, unnest(string_to_array(path, ', ')) AS place
       WHERE place <> 'pg_temp' AND rolname !~ '^pg_' AND NOT rolsuper AND pg_roles.oid <> proowner
         AND has_schema_privilege(pg_roles.oid, place, 'CREATE')) AS others
    FROM pg_proc AS proc
    LEFT JOIN LATERAL (
      SELECT substr(setting, length('search_path=') + 1) AS path FROM unnest(proconfig) AS setting
      WHERE setting LIKE 'search_path=%') AS configured ON true
    WHERE prosecdef AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`)
  expect(rows.length).toBeGreaterThan(25)
  for (const { name, path, others } of rows) {
    expect(path, name).toMatch(/^(pg_catalog|barometer_source, barometer), pg_temp$/)
    expect(others, name).toBeNull()
  }
})

describe("with the platform's recorder", () => {
  const record = `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.suspend',
    '{"type": "user", "id": "7"}')`

  test('an action is recorded', async () => {
    await recorder.query(record)
    const { rows } = await database.pool.query(`SELECT actor_id FROM barometer_audit.event`)
    expect(rows).toEqual([{ actor_id: 'ada' }])
  })

  test.each([
    ['read the log', 'SELECT FROM barometer_audit.event'],
    ['add past record()', `INSERT INTO barometer_audit.event_identity (id) VALUES (gen_random_uuid())`],
    ['change', 'UPDATE barometer_audit.event SET outcome = outcome'],
    ['delete', 'DELETE FROM barometer_audit.event'],
    ['seal', 'SELECT barometer_audit.seal()'],
    ['make partitions', 'SELECT barometer_audit.ensure_months_ahead()'],
    ['take out a month', `SELECT barometer_audit.remove_month('2020-01-01', 0, 0, 0, 'x', '')`],
    ['allow itself to', 'SELECT barometer_audit.allow_retention(1)'],
    ['give itself more', `SELECT barometer_audit.grant_service('${recorderRole}')`],
    ['read errors', 'SELECT FROM barometer_audit.error'],
    ['read a table of the platform that it was not given', 'SELECT FROM platform.users'],
    ['read the views', 'SELECT FROM barometer_source.users'],
    ['read the store', 'SELECT FROM barometer.snapshot'],
    ['ask the analytics', 'SELECT barometer.analytics_state()'],
    ['make a table', 'CREATE TABLE public.mine (n int)'],
    ['make a function', `CREATE FUNCTION barometer_audit.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`],
    ['become the owner', 'SET ROLE postgres'],
  ])('nobody may %s', async (_, sql) => {
    await expect(recorder.query(sql)).rejects.toMatchObject({ code: '42501' })
  })

  test('record() is not led astray by tables, functions and operators of the session', async () => {
    const before = await database.pool.query('SELECT count(*)::int AS n FROM barometer_audit.event')
    await recorder.query(`CREATE TEMP TABLE event (n int); CREATE TEMP TABLE event_identity (n int);
      CREATE FUNCTION pg_temp.jsonb_typeof(jsonb) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN UPDATE barometer_audit.event SET actor_id = 'x'; RETURN 'object'; END $$;
      CREATE FUNCTION pg_temp.mine(jsonb, text) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN UPDATE barometer_audit.event SET actor_id = 'x'; RETURN 'admin'; END $$;
      CREATE OPERATOR pg_temp.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = pg_temp.mine);
      SET search_path = pg_temp, barometer_audit`)
    await recorder.query(record)
    const after = await database.pool.query(
      'SELECT count(*)::int AS n, min(actor_id), max(actor_id) FROM barometer_audit.event',
    )
    expect(after.rows).toEqual([{ n: before.rows[0].n + 1, min: 'ada', max: 'ada' }])
  })
})

describe("with the exporter's role", () => {
  test.each([
    ['read the log', 'SELECT FROM barometer_audit.event'],
    ['record an action', `SELECT barometer_audit.record('{}', 'a.b', '{}')`],
    ['seal', 'SELECT barometer_audit.seal()'],
    ['read errors', 'SELECT FROM barometer_audit.error'],
    ['lock rows of the platform', 'SELECT FROM barometer_source.users FOR SHARE'],
    ['lock a table of the platform', 'DO $$ BEGIN LOCK TABLE barometer_source.users IN ROW SHARE MODE; END $$'],
    ['replace a view', 'CREATE OR REPLACE VIEW barometer_source.visits AS SELECT 1'],
    ['become the service', `SET ROLE ${auditServiceRole}`],
  ])('nobody may %s', async (_, sql) => {
    await expect(exporter.query(sql)).rejects.toMatchObject({ code: '42501' })
  })

  test("a function that was put in an analytics function's place writes nothing with the service's rights", async () => {
    await exporter.query(`DROP FUNCTION barometer.analytics_state();
      CREATE FUNCTION barometer.analytics_state() RETURNS TABLE (as_of timestamptz, timezone text) LANGUAGE plpgsql AS $$
      BEGIN
        SET TRANSACTION READ WRITE;
        INSERT INTO barometer_audit.event_identity (id, content_hash, occurred_at)
          VALUES (gen_random_uuid(), sha256('x'), now());
        RETURN QUERY SELECT now(), 'UTC';
      END $$;
      GRANT EXECUTE ON FUNCTION barometer.analytics_state() TO ${auditServiceRole}`)
    const pool = new pg.Pool({ connectionString: database.auditUrl })
    const count = 'SELECT count(*)::int AS n FROM barometer_audit.event_identity'
    const before = await database.pool.query(count)
    const store = createAnalyticsStore({ pool, schema: 'barometer', staleAfterMs: 1 })
    await expect(store.read(async ({ asOf }) => asOf)).rejects.toMatchObject({ code: '25001' })
    await exporter.query(`ALTER FUNCTION barometer.analytics_state() RENAME TO mine`)
    expect((await database.pool.query(count)).rows).toEqual(before.rows)
    await pool.end()
  })
})

describe('with an owner of the log who is no superuser', () => {
  let owned: Awaited<ReturnType<typeof createDatabase>>
  let owner: pg.Client

  beforeAll(async () => {
    owned = await createDatabase()
    // As docs/security.md has it: since Postgres 15 it is so from the start.
    await owned.pool.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
    await asSuperuser(`CREATE ROLE ${ownerRole} LOGIN; GRANT CREATE ON DATABASE ${owned.name} TO ${ownerRole}`)
    await migrateAudit(roleUrl(owned.url, ownerRole), { recorderRoles: [recorderRole] })
    owner = await connectAs(roleUrl(owned.url, ownerRole))
  })
  afterAll(async () => {
    await owner.end()
    await owned.drop()
  })

  test('all is laid out, and can be brought up to date again', async () => {
    expect(await migrateAudit(roleUrl(owned.url, ownerRole))).toEqual([])
    const { rows } = await owned.pool.query(`SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class
      WHERE relnamespace = 'barometer_audit'::regnamespace`)
    expect(rows).toEqual([{ owner: ownerRole }])
  })

  test('the service and the platform write as they do elsewhere', async () => {
    const service = await connectAs(roleUrl(owned.url, auditServiceRole))
    const platform = await connectAs(roleUrl(owned.url, recorderRole))
    await platform.query(
      `SELECT barometer_audit.record('{"type": "admin", "id": "a", "name": "A"}', 'a.b', '{"type": "t", "id": "1"}')`,
    )
    const { rows } = await service.query('SELECT sealed FROM barometer_audit.seal()')
    expect(rows).toEqual([{ sealed: 1 }])
    await Promise.all([service.end(), platform.end()])
  })

  test('not even a superuser changes the log by mistake: the owner alone may', async () => {
    await expect(owned.pool.query('DELETE FROM barometer_audit.event')).rejects.toMatchObject({ code: '42501' })
    await expect(owned.pool.query('TRUNCATE barometer_audit.event CASCADE')).rejects.toMatchObject({ code: '42501' })
  })

  test.each([
    ['a role', 'CREATE ROLE mine'],
    ['a table in public', 'CREATE TABLE public.mine (n int)'],
    ['a file of the server', `SELECT pg_read_file('/etc/passwd')`],
    ['somebody else', 'SET ROLE postgres'],
  ])('it does not reach %s', async (_, sql) => {
    await expect(owner.query(sql)).rejects.toMatchObject({ code: '42501' })
  })
})
