-- Up Migration

-- The functions analytics_… by which the audit API reads the store and the views: one row, a digest of their text and the
-- settings that are in it. They are made when the exporter first builds, and anew when the digest is another.
CREATE TABLE analytics_definition (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  definition text NOT NULL
);

-- Down Migration

DROP TABLE analytics_definition;
