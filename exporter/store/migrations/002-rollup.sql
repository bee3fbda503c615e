-- Up Migration

-- What the rollup is made of: feeds of the views, and domains of entities. Their own tables (rollup_…) are made when they
-- are first built, since the ids have the types that the views give them, and made anew when a definition changes.
CREATE TABLE rollup_part (
  name text PRIMARY KEY,
  definition text NOT NULL,
  ready boolean NOT NULL,
  walked text,
  watermark timestamptz
);

-- What the last reconcile found that was not as it should be, and mended.
CREATE TABLE rollup_drift (
  part text PRIMARY KEY,
  drifted_rows bigint NOT NULL,
  reconciled_at timestamptz NOT NULL
);

-- Down Migration

DROP TABLE rollup_drift, rollup_part;
