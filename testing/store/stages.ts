import { views } from '../../catalogue/views.ts'
import { migrateStore } from '../../exporter/store/migrate.ts'
import type { Pool } from '../../lib/postgres.ts'
import type { SchemaName } from '../second-implementation/history.ts'
import { Exporter, storeSchema } from './exporter.ts'
import { createTables } from './platform.ts'

/** A database, as the superuser. */
export interface Database {
  url: string
  pool: Pool
  drop(): Promise<void>
}

/** Where one sequence after another is played: empty tables, views over them, and a store that is built or not. */
export interface Stage {
  pool: Pool
  schema: SchemaName
  exporter: Exporter
}

/** When the stores that are there from the start were built: before all that happens. */
export const builtAt = '2025-12-01 00:00:00Z'

/**
 * The store as it is now, to have it again: its tables and what is in them. Later tables are dropped.
 * To empty 90 tables takes some milliseconds; to build them anew would take as long as the rest of a sequence.
 */
const saveStore = `
CREATE SCHEMA saved;
CREATE TABLE saved.known AS
  SELECT relname::text AS name FROM pg_class WHERE relnamespace = '${storeSchema}'::regnamespace AND relkind = 'r';
CREATE FUNCTION saved.save() RETURNS void LANGUAGE plpgsql AS $$
  DECLARE name text; has_rows boolean;
  BEGIN
    FOR name IN SELECT known.name FROM saved.known LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM ${storeSchema}.%I)', name) INTO has_rows;
      IF has_rows THEN EXECUTE format('CREATE TABLE saved.of_%s AS TABLE ${storeSchema}.%I', name, name); END IF;
    END LOOP;
  END $$;
CREATE FUNCTION saved.restore() RETURNS void LANGUAGE plpgsql AS $$
  DECLARE name text;
  BEGIN
    FOR name IN
      SELECT relname FROM pg_class WHERE relnamespace = '${storeSchema}'::regnamespace AND relkind = 'r'
    LOOP
      IF name IN (SELECT known.name FROM saved.known) THEN EXECUTE format('DELETE FROM ${storeSchema}.%I', name);
      ELSE EXECUTE format('DROP TABLE ${storeSchema}.%I', name); END IF;
      IF to_regclass('saved.of_' || name) IS NOT NULL THEN
        EXECUTE format('INSERT INTO ${storeSchema}.%I OVERRIDING SYSTEM VALUE TABLE saved.of_%s', name, name);
      END IF;
    END LOOP;
  END $$;
SELECT saved.save()`

interface Kept extends Stage {
  drop(): Promise<void>
}

/** Stages with ids of one type. */
export class Stages {
  readonly schema: SchemaName
  private readonly createDatabase: () => Promise<Database>
  private readonly kept = new Map<string, Kept>()

  constructor(schema: SchemaName, createDatabase: () => Promise<Database>) {
    this.schema = schema
    this.createDatabase = createDatabase
  }

  /** A stage on which nothing has happened. Whoever had the one before has left its views as they should be. */
  async next({ isBuilt, timezone }: { isBuilt: boolean; timezone: string }): Promise<Stage> {
    const key = `${timezone}${isBuilt ? ', built' : ''}`
    const known = this.kept.get(key)
    if (known !== undefined) {
      const emptied = views.map((view) => `DELETE FROM ${this.schema}.${view}`)
      await known.pool.query([...emptied, 'SELECT saved.restore()'].join(';'))
      return known
    }
    const { pool, url, drop } = await this.createDatabase()
    const exporter = new Exporter(pool, url, timezone)
    const stop = async () => {
      await exporter.stop()
      await drop()
    }
    const stage = { pool, schema: this.schema, exporter, drop: stop }
    this.kept.set(key, stage)
    await createTables(pool, this.schema)
    await migrateStore(exporter.settings)
    if (isBuilt) await exporter.refreshAt(builtAt)
    await pool.query(saveStore)
    return stage
  }

  async drop(): Promise<void> {
    for (const stage of this.kept.values()) await stage.drop()
  }
}
