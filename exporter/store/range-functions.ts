import { createHash } from 'node:crypto'
import { currencyDecimals } from '../../catalogue/currencies.ts'
import { keptSets } from '../../catalogue/define.ts'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import type { Fence } from './fence.ts'
import type { RangeFunction } from './figure.ts'
import { partName } from './layout.ts'
import { bucketOf, dayOf, startOf } from './ranges.ts'
import { replaceNames } from './run-figure.ts'

type Settings = Pick<
  SettingsWith<'DATABASE_URL'>,
  'SOURCE_SCHEMA' | 'STORE_SCHEMA' | 'REPORTING_TIMEZONE' | 'ACTIVITY_THRESHOLDS'
>
type Client = Pick<PoolClient, 'query'>

/** The audit API's role: it may call the functions, and read nothing else of the store. Granted once the role is there. */
export const readerRole = 'barometer_audit'

/** A range without a beginning has so many buckets. */
const bucketsUsual = `CASE :period WHEN 'day' THEN 29 ELSE 11 END`
/** 1,200: more than three years of days. One more tells that there are too many. */
const bucketsMax = 1_200

/**
 * Makes the functions by which the audit API reads figures over any range, where they are not as this version and these
 * settings want them. They run with the rights of their owner, so that who calls them needs none on the store's tables or
 * the views; they read and change nothing, and are the whole interface between the two programs.
 */
export async function installRangeFunctions(
  pool: Pool,
  settings: Settings,
  functions: readonly RangeFunction[],
  fence: Fence,
): Promise<void> {
  const wanted = statementsOf(settings, functions)
  if (await isInstalled(pool, settings, wanted)) return
  const store = settings.STORE_SCHEMA
  await transaction(pool, 'BEGIN; SET LOCAL statement_timeout = 10000', async (client) => {
    // Of several that find them missing one makes them; the others see what it made.
    await client.query(`LOCK TABLE ${store}.analytics_definition IN SHARE ROW EXCLUSIVE MODE`)
    await fence.enter(client)
    if (await isInstalled(client, settings, wanted)) return
    for (const name of await analyticsNames(client, store)) await client.query(`DROP FUNCTION ${store}.${name}`)
    for (const statement of wanted) await client.query(statement)
    await client.query(
      `INSERT INTO ${store}.analytics_definition (definition) VALUES ($1)
       ON CONFLICT (only_row) DO UPDATE SET definition = excluded.definition`,
      [digestOf(wanted)],
    )
    await grant(client, store)
    await fence.confirm(client)
  })
}

/** Whether the functions are as this version and these settings want them, and the role may call them. */
async function isInstalled(client: Client, settings: Settings, wanted: readonly string[]): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM ${settings.STORE_SCHEMA}.analytics_definition WHERE definition = $1
     AND NOT EXISTS (
       SELECT FROM pg_roles WHERE rolname = $2 AND NOT has_schema_privilege(oid, $3, 'USAGE')
         AND has_schema_privilege($3, 'USAGE WITH GRANT OPTION'))`,
    [digestOf(wanted), readerRole, settings.STORE_SCHEMA],
  )
  return rowCount === 1
}

const statementsOf = (settings: Settings, functions: readonly RangeFunction[]): string[] => [
  ...fixedFunctions(settings),
  ...functions.map((one) => functionOver(one, settings)),
]

const digestOf = (statements: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(statements)).digest('hex')

async function analyticsNames(client: Client, store: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = $1 AND p.proname LIKE 'analytics\\_%'`,
    [store],
  )
  return rows.map((row) => row.name)
}

async function grant(client: Client, store: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [readerRole])
  const names = await analyticsNames(client, store)
  for (const name of names) await client.query(`REVOKE ALL ON FUNCTION ${store}.${name} FROM PUBLIC`)
  if (rowCount !== 1) return
  await client.query(`GRANT USAGE ON SCHEMA ${store} TO ${readerRole}`)
  for (const name of names) await client.query(`GRANT EXECUTE ON FUNCTION ${store}.${name} TO ${readerRole}`)
}

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Statements are planned with the values that they are called with: a range decides between an index and a whole table. */
const given = { as_of: '$1', period: '$2', since: '$3', until: '$4', filters: '$5' } as const

function put(sql: string, settings: Settings): string {
  const { casual, regular, power } = settings.ACTIVITY_THRESHOLDS
  const values: Record<string, string> = {
    ...given,
    ...Object.fromEntries(
      keptSets.map((set) => [
        `kept_${set}`,
        `(SELECT coalesce(array_agg(value), '{}') FROM kept_value WHERE kept_set = '${set}')::text[]`,
      ]),
    ),
    timezone: `${quote(settings.REPORTING_TIMEZONE)}::text`,
    casual: String(casual),
    regular: String(regular),
    power: String(power),
    currency_decimals: `${quote(JSON.stringify(currencyDecimals))}::jsonb`,
  }
  return replaceNames(sql, Object.keys(values), (name) => values[name] ?? '')
}

const options = ({ SOURCE_SCHEMA: source, STORE_SCHEMA: store }: Settings): string =>
  `LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ${source}, ${store}, pg_temp SET TimeZone = 'UTC' SET jit = off`

const columns = (returns: Readonly<Record<string, string>>): string =>
  Object.entries(returns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ')

/** `until` is cut at as_of: what is dated ahead is not there yet. */
function functionOver({ name, returns, needs, sql }: RangeFunction, settings: Settings): string {
  const needed = quote(`{${[...new Set(needs.map(partName))].map((part) => `"${part}"`).join(',')}}`)
  return `CREATE FUNCTION ${settings.STORE_SCHEMA}.analytics_${name}(
  period text, since timestamptz, until timestamptz, filters jsonb DEFAULT '{}'
) RETURNS TABLE (${columns(returns)}) ${options(settings)} AS $analytics$
DECLARE
  the_as_of CONSTANT timestamptz := ${settings.STORE_SCHEMA}.analytics_as_of(${needed});
BEGIN
  RETURN QUERY EXECUTE $statement$${put(sql, settings)}$statement$
  USING the_as_of, $1, $2, least($3, the_as_of + interval '1 microsecond'), $4;
END
$analytics$`
}

/** What is asked of the store itself, and not over a range. */
function fixedFunctions(settings: Settings): string[] {
  const { STORE_SCHEMA: store, REPORTING_TIMEZONE: timezone } = settings
  const buckets = `
SELECT bucket, greatest(begins, since), least(ends, until), begins >= since AND ends <= until AND ends <= :as_of
FROM (
  SELECT :until AS until, coalesce(:since, ${startOf(
    `${bucketOf(dayOf(':until'))} - ${bucketsUsual} * ('1 ' || :period)::interval`,
  )}) AS since
) AS asked
CROSS JOIN LATERAL (
  SELECT day::date AS bucket, ${startOf('day')} AS begins, ${startOf(`day + ('1 ' || :period)::interval`)} AS ends
  FROM generate_series((${bucketOf(dayOf('since'))})::timestamp, ${dayOf(
    `(least(until, :as_of + interval '1 microsecond') - interval '1 microsecond')`,
  )}::timestamp, ('1 ' || :period)::interval) AS day
  LIMIT ${bucketsMax + 1}
) AS b
ORDER BY 1`
  return [
    `CREATE FUNCTION ${store}.analytics_as_of(parts text[]) RETURNS timestamptz ${options(settings)} AS $analytics$
DECLARE
  missing text;
  as_of timestamptz;
BEGIN
  SELECT last_as_of INTO as_of FROM meta;
  SELECT string_agg(part, ', ') INTO missing FROM unnest(parts) AS part
  WHERE NOT EXISTS (
    SELECT FROM rollup_part
    WHERE name = part AND ready AND (part NOT LIKE 'feed %' OR watermark = as_of)
  );
  IF missing IS NOT NULL OR as_of = '-infinity' THEN
    RAISE EXCEPTION '% not up to date in the store', coalesce(missing, 'all') USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN as_of;
END
$analytics$`,
    `CREATE FUNCTION ${store}.analytics_state() RETURNS TABLE ("as_of" timestamptz, "timezone" text) ${options(settings)}
AS $analytics$
BEGIN
  RETURN QUERY EXECUTE 'SELECT last_as_of, ${quote(timezone).replaceAll("'", "''")}::text FROM meta';
END
$analytics$`,
    `CREATE FUNCTION ${store}.analytics_snapshot() RETURNS TABLE ("as_of" timestamptz, payload bytea) ${options(settings)}
AS $analytics$
BEGIN
  RETURN QUERY EXECUTE 'SELECT as_of, payload FROM snapshot ORDER BY id DESC LIMIT 1';
END
$analytics$`,
    `CREATE FUNCTION ${store}.analytics_buckets(period text, since timestamptz, until timestamptz)
RETURNS TABLE (bucket date, begins_at timestamptz, ends_at timestamptz, complete boolean) ${options(settings)}
AS $analytics$
DECLARE
  the_as_of CONSTANT timestamptz := ${store}.analytics_as_of('{}');
BEGIN
  RETURN QUERY EXECUTE $statement$${put(buckets, settings)}$statement$
  USING the_as_of, $1, $2, coalesce($3, the_as_of + interval '1 microsecond');
END
$analytics$`,
  ]
}
