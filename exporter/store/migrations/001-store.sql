-- Up Migration

-- One row: what the refreshes have in common. Locking it is the fence: of two that believe they lead, one waits.
CREATE TABLE meta (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  last_as_of timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO meta DEFAULT VALUES;

-- What each refresh found, as every replica serves it. Only the newest few are kept.
CREATE TABLE snapshot (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  as_of timestamptz NOT NULL,
  written_by text NOT NULL,
  payload bytea NOT NULL
);

-- Label values from the source that have series of their own, for good.
CREATE TABLE kept_value (
  kept_set text NOT NULL,
  value text NOT NULL,
  position int NOT NULL,
  PRIMARY KEY (kept_set, value)
);

-- The popular items that have series of their own on a day; a day without items is chosen all the same.
CREATE TABLE popular_day (day date PRIMARY KEY);
CREATE TABLE popular_item (
  day date NOT NULL,
  category text NOT NULL,
  time_window text NOT NULL,
  item text NOT NULL,
  PRIMARY KEY (day, category, time_window, item)
);

-- Down Migration

DROP TABLE popular_item, popular_day, kept_value, snapshot, meta;
