-- The records as they were: today's, with what the log says stood there before each
-- later change. A text that was too long for an entry is known by its digest only.
undone AS (
  SELECT DISTINCT ON (e.pk, field.key) e.pk, field.key, field.value
  FROM audits_entry e
  CROSS JOIN LATERAL jsonb_each(e.body::jsonb -> 'old') AS field
  WHERE e.rel = 'public.registry_registeredmodel' AND e.op = 'U'
    AND e.occurred_at > %(at)s
  ORDER BY e.pk, field.key, e.entry_id
),
before AS (
  SELECT pk, bool_or(jsonb_typeof(value) = 'object') AS untold,
    coalesce(jsonb_object_agg(key, value)
      FILTER (WHERE jsonb_typeof(value) <> 'object'), '{}') AS fields
  FROM undone GROUP BY pk
),
record AS MATERIALIZED (
  SELECT was.*, coalesce(before.untold, false) AS untold
  FROM registry_registeredmodel m
  LEFT JOIN before ON before.pk = m.id::text
  CROSS JOIN LATERAL
    jsonb_populate_record(m, coalesce(before.fields, '{}'::jsonb)) AS was
  WHERE m.registered_at <= %(at)s
)
