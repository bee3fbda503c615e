import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresVersion } from '../../database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../platform.ts'

let database: PlatformDatabase
/** Logged in as the service's role, as whoever has stolen its password is: there is no other role to go back to. */
let thief: pg.Client

beforeAll(async () => {
  database = await createPlatformDatabase()
  await database.pool.query(`SELECT barometer_audit.record('{"type": "system", "id": "a", "name": "A"}', 'a.b',
    '{"type": "t", "id": "1"}', occurred_at => '2025-05-05Z')`)
  thief = new pg.Client({ connectionString: database.auditUrl })
  await thief.connect()
})
afterAll(async () => {
  await thief.end()
  await database.drop()
})

const event = 'barometer_audit.event'
/** The log, its ids and every partition, whichever there are. */
async function logTables(): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(`
    SELECT 'barometer_audit.event_identity' AS name
    UNION ALL SELECT relid::text FROM pg_partition_tree('barometer_audit.event')`)
  return rows.map((row) => row.name)
}

async function fingerprint(): Promise<unknown> {
  const { rows } = await database.pool.query(`SELECT
    (SELECT md5(string_agg(e::text, ',' ORDER BY id)) FROM barometer_audit.event e) AS events,
    (SELECT string_agg(tgrelid::regclass || tgname || tgenabled::text, ',' ORDER BY tgrelid, tgname) FROM pg_trigger WHERE NOT tgisinternal) AS triggers,
    (SELECT string_agg(relname || relowner || relacl::text, ',' ORDER BY relname) FROM pg_class
      WHERE relnamespace = 'barometer_audit'::regnamespace) AS rights,
    (SELECT count(*) FROM pg_class WHERE relnamespace = 'barometer_audit'::regnamespace) AS relations,
    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'barometer_audit'::regnamespace) AS functions`)
  return rows[0]
}

/** Came with Postgres 15. */
const merges = (table: string) => [
  `MERGE INTO ${table} AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN UPDATE SET occurred_at = now()`,
  `MERGE INTO ${table} AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE`,
]

const changes = (table: string) => [
  `UPDATE ${table} SET occurred_at = now()`,
  `UPDATE ONLY ${table} SET id = id`,
  `DELETE FROM ${table}`,
  `WITH gone AS (DELETE FROM ${table} RETURNING 1) SELECT * FROM gone`,
  `TRUNCATE ${table}`,
  `TRUNCATE ${table} CASCADE`,
  `SELECT * FROM ${table} FOR UPDATE`,
  `DO $$ BEGIN LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE; END $$`,
  `DROP TABLE ${table} CASCADE`,
  `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
  `ALTER TABLE ${table} DISABLE TRIGGER append_only`,
  `ALTER TABLE ${table} OWNER TO CURRENT_USER`,
  `ALTER TABLE ${table} ALTER COLUMN occurred_at DROP NOT NULL`,
  `ALTER TABLE ${table} RENAME TO gone`,
  `ALTER TABLE ${table} SET SCHEMA public`,
  `ALTER TABLE ${table} SET UNLOGGED`,
  `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
  `DROP TRIGGER append_only ON ${table}`,
  `CREATE TRIGGER mine BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION barometer_audit.refuse_change()`,
  `CREATE RULE mine AS ON INSERT TO ${table} DO INSTEAD NOTHING`,
  `CREATE INDEX ON ${table} (occurred_at)`,
  `CREATE POLICY mine ON ${table} USING (false)`,
  `COMMENT ON TABLE ${table} IS 'mine'`,
]

const elsewhere = [
  `INSERT INTO barometer_audit.event_identity SELECT * FROM barometer_audit.event_identity ON CONFLICT (id) DO UPDATE SET occurred_at = now()`,
  `INSERT INTO ${event} SELECT * FROM ${event} ON CONFLICT (occurred_at, id) DO UPDATE SET actor_id = 'x'`,
  `ALTER TABLE ${event} DETACH PARTITION barometer_audit.event_2025_05`,
  `CREATE TABLE barometer_audit.mine PARTITION OF ${event} FOR VALUES FROM ('2001-01-01') TO ('2001-02-01')`,
  'CREATE TABLE barometer_audit.mine (n int)',
  'CREATE VIEW barometer_audit.mine AS SELECT 1',
  'CREATE SEQUENCE barometer_audit.mine',
  'CREATE TYPE barometer_audit.mine AS (n int)',
  `CREATE FUNCTION barometer_audit.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  `CREATE OR REPLACE FUNCTION barometer_audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
  'ALTER FUNCTION barometer_audit.refuse_change() OWNER TO CURRENT_USER',
  'DROP FUNCTION barometer_audit.refuse_change() CASCADE',
  'DROP SCHEMA barometer_audit CASCADE',
  'ALTER SCHEMA barometer_audit RENAME TO gone',
  'CREATE SCHEMA mine',
  'CREATE TABLE public.mine (n int)',
  'CREATE EXTENSION dblink',
  'SET session_replication_role = replica',
  'SET ROLE postgres',
  'SET SESSION AUTHORIZATION postgres',
  `ALTER ROLE CURRENT_USER SUPERUSER`,
  'CREATE ROLE mine',
  `SELECT barometer_audit.grant_service('barometer_audit')`,
  `SELECT barometer_audit.grant_recorder('barometer_audit')`,
  `COPY ${event} TO PROGRAM 'cat'`,
  `COPY ${event} TO '/tmp/mine'`,
  `COPY barometer_audit.event_identity FROM '/etc/passwd'`,
  `COPY ${event} FROM PROGRAM 'cat /etc/passwd'`,
  `SELECT pg_read_file('/etc/passwd')`,
  `SELECT lo_import('/etc/passwd')`,
  'SELECT pg_rotate_logfile()',
  `ALTER SYSTEM SET session_replication_role = replica`,
  'SELECT * FROM platform.users',
  'SELECT rolpassword FROM pg_authid',
]

describe("with the service's password", () => {
  test('nothing of the log, its partitions and its guards can be changed, by whichever statement', async () => {
    const before = await fingerprint()
    const tables = await logTables()
    expect(tables.length).toBeGreaterThanOrEqual(2 + 5)
    const merging = (await postgresVersion(database.pool)) >= 15 ? tables.flatMap(merges) : []
    for (const statement of [...tables.flatMap(changes), ...merging]) {
      await expect(thief.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    expect(await fingerprint()).toEqual(before)
  })

  test('no right can be given on: Postgres only warns, and gives none', async () => {
    const before = await fingerprint()
    for (const table of await logTables()) await thief.query(`GRANT ALL ON ${table} TO PUBLIC`).catch(() => {})
    expect(await fingerprint()).toEqual(before)
  })

  test.each(elsewhere)('%s', async (statement) => {
    const before = await fingerprint()
    await expect(thief.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    expect(await fingerprint()).toEqual(before)
  })

  test('no partition can be written past the log, by INSERT or COPY', async () => {
    for (const table of (await logTables()).filter((name) => /event_\d/.test(name))) {
      const insert = `INSERT INTO ${table} SELECT * FROM ${event}`
      await expect(thief.query(insert), insert).rejects.toMatchObject({ code: '42501' })
      const copy = `COPY ${table} FROM STDIN`
      await expect(thief.query(copy), copy).rejects.toMatchObject({ code: '42501' })
    }
  })

  test("the owner's functions are not led astray by objects of one's own", async () => {
    await thief.query(`CREATE TEMP TABLE event (n int);
      CREATE FUNCTION pg_temp.date_trunc(text, timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS
        $$ BEGIN UPDATE barometer_audit.event SET actor_id = 'x'; RETURN $2; END $$;
      SET search_path = pg_temp, barometer_audit, public`)
    await thief.query("SELECT barometer_audit.ensure_month('2010-10-10')")
    const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM ${event} WHERE actor_id = 'x'`)
    expect(rows).toEqual([{ n: 0 }])
    const { rows: functions } = await database.pool.query(`SELECT proname FROM pg_proc
      WHERE pronamespace = 'barometer_audit'::regnamespace AND prosecdef
        AND NOT coalesce(proconfig, '{}') && '{"search_path=pg_catalog, pg_temp"}'`)
    expect(functions).toEqual([])
  })
})
