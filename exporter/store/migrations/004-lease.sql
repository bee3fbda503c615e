-- Up Migration

-- Who leads: no row before the first exporter, then one. The number grows with each takeover. It stands in a unique index so
-- that a takeover, and not a renewal, conflicts with the FOR KEY SHARE by which a writer confirms that it still leads.
CREATE TABLE lease (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  owner text NOT NULL,
  description text NOT NULL,
  fencing bigint NOT NULL UNIQUE,
  since timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

-- The number of the lease under which a snapshot was written; NULL where a command by hand or an earlier version wrote it.
ALTER TABLE snapshot ADD COLUMN fencing bigint;

-- Down Migration

ALTER TABLE snapshot DROP COLUMN fencing;
DROP TABLE lease;
