-- platform_characters: plain SQL, which defines it
SELECT count(*) AS value
FROM characters c
JOIN users u USING (user_id)
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND c.created_at <= :as_of AND (c.deleted_at IS NULL OR c.deleted_at > :as_of);

-- platform_characters: from the store
SELECT coalesce(sum(characters), 0) AS value
FROM rollup_characters;

-- platform_characters: what changed it, for its past
WITH live AS MATERIALIZED (
  SELECT * FROM (
    SELECT u.user_id, CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
      date_bin('1 hour', least(greatest(u.created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(u.deleted_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
    FROM users u
    WHERE NOT u.is_internal
  ) AS seen
  WHERE since < until
)
SELECT edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT greatest(l.since, date_bin('1 hour', least(greatest(c.created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch)) AS since,
        least(l.until, date_bin('1 hour', least(greatest(coalesce(c.deleted_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch)) AS until
  FROM characters c JOIN live l USING (user_id) OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;
