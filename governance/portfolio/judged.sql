-- The tier that binds every model, by the rules of governance/risk.py, for many at once.
-- tests/governance/test_portfolio.py holds the two together. Beside it stand `record`
-- and, where not all models are judged, `wanted`.
latest AS (
  SELECT DISTINCT ON (a.model_id)
    a.id, a.model_id, a.matrix_id, a.tier, a.likelihood, a.impact, a.score, a.band,
    a.residual_likelihood, a.residual_impact, a.residual_score, a.residual_band,
    a.exposure, a.purpose_class, a.review_due_on
  FROM governance_riskassessment a
  WHERE a.assessed_at <= %(known_until)s::timestamptz AND {wanted:a.model_id}
  ORDER BY a.model_id, a.sequence DESC
),
cells AS (
  SELECT * FROM jsonb_to_recordset(%(cells)s::jsonb) AS cell(
    matrix_id uuid, same boolean, likelihood smallint, impact smallint, tier smallint)
),
decided AS (
  SELECT DISTINCT ON (d.assessment_id, d.kind)
    d.assessment_id, d.kind, d.tier, d.feeds_tier_1
  FROM governance_tierdecision d WHERE d.decided_at <= %(at)s
  ORDER BY d.assessment_id, d.kind, d.sequence DESC
),
-- Few assessments are decided on: only there it matters why one must be made anew.
deciding AS MATERIALIZED (
  SELECT assessment_id AS id,
    coalesce(bool_or(kind = 'reduction' AND tier IS NOT NULL), false) AS reduced,
    min(tier) FILTER (WHERE kind = 'override') AS override_tier,
    coalesce(bool_or(feeds_tier_1) FILTER (WHERE kind = 'override'), false) AS aware
  FROM decided GROUP BY assessment_id HAVING count(tier) > 0
),
compared AS MATERIALIZED (
  SELECT a.id, a.judged, (
    SELECT to_jsonb(told) FROM (SELECT {judged_fields}) AS told) AS fields
  FROM deciding JOIN governance_riskassessment a USING (id)
  JOIN record r ON r.id = a.model_id
  WHERE {wanted:r.id}
),
undermined(id) AS (
  SELECT assessment_id FROM governance_reassessmentdemand
  WHERE demanded_at <= %(at)s AND assessment_id IS NOT NULL
  UNION
  SELECT c.id FROM compared c
  WHERE c.judged <> c.fields AND EXISTS (
    SELECT FROM unnest(%(judged_fields)s::text[]) AS field
    WHERE (c.judged ? field OR c.judged = '{}'::jsonb)
      AND coalesce(c.judged -> field, 'null'::jsonb) <> c.fields -> field)
),
decisions AS MATERIALIZED (
  SELECT d.*, d.id IN (SELECT id FROM undermined) AS undermined FROM deciding d
),
placed AS (
  SELECT r.id, a.id AS assessment_id, a.matrix_id, a.tier AS assessed_tier,
    a.likelihood, a.impact, a.score, a.band,
    a.residual_likelihood, a.residual_impact, a.residual_score, a.residual_band,
    a.review_due_on, here.tier AS here_tier, there.tier AS there_tier,
    d.reduced, d.override_tier, d.aware,
    d.undermined OR NOT here.same OR a.review_due_on < %(day)s::date AS lapsed,
    CASE WHEN r.ai_act_class IN ('high-annex-i', 'high-annex-iii')
      OR (r.ai_act_class = 'not-assessed' AND (cardinality(r.jurisdictions) = 0
        OR EXISTS (SELECT FROM unnest(r.jurisdictions) AS code
          WHERE split_part(code, '-', 1) = ANY(%(eu)s::text[]))))
      OR coalesce(r.aedt, false) OR coalesce(r.gxp, false) OR r.credit
      OR (a.exposure = 'large' AND (a.purpose_class = ANY(%(material)s::text[])
        OR r.purpose_class = ANY(%(material)s::text[])))
      THEN 2 ELSE 4 END AS floor_tier
  FROM record r
  LEFT JOIN latest a ON a.model_id = r.id
  LEFT JOIN cells here ON here.matrix_id = a.matrix_id
    AND here.likelihood = a.likelihood AND here.impact = a.impact
  LEFT JOIN cells there ON there.matrix_id = a.matrix_id
    AND there.likelihood = a.residual_likelihood AND there.impact = a.residual_impact
  LEFT JOIN decisions d ON d.id = a.id
  WHERE {wanted:r.id}
  OFFSET 0
),
alone AS (
  SELECT p.*, CASE WHEN p.reduced AND NOT p.lapsed AND p.there_tier IS NOT NULL
      THEN GREATEST(inherent, LEAST(p.floor_tier, p.there_tier))
      ELSE inherent END AS computed
  FROM (SELECT p.*, CASE WHEN p.assessment_id IS NULL THEN 1
      ELSE LEAST(p.assessed_tier, p.floor_tier, p.here_tier) END AS inherent
    FROM placed p) AS p
),
bound AS MATERIALIZED (
  SELECT a.*, CASE WHEN a.override_tier IS NULL THEN a.computed
    WHEN a.lapsed THEN LEAST(a.computed, a.override_tier)
    ELSE LEAST(a.override_tier, a.floor_tier) END AS alone_tier
  FROM alone a
),
feeds AS (
  SELECT upstream_id, model_id FROM (
    SELECT DISTINCT ON (upstream_id, model_id) upstream_id, model_id, ended
    FROM registry_modelfeed WHERE declared_at <= %(known_until)s::timestamptz
    ORDER BY upstream_id, model_id, sequence DESC) AS told
  WHERE NOT ended
),
feeding(id) AS (
  SELECT f.upstream_id FROM feeds f
  JOIN bound b ON b.id = f.model_id AND b.alone_tier = 1
  UNION
  SELECT f.upstream_id FROM feeds f JOIN feeding g ON g.id = f.model_id
),
judged AS (
  SELECT b.*, CASE WHEN raised THEN LEAST(b.computed, 3) ELSE b.computed END
      AS computed_tier,
    CASE WHEN NOT raised OR b.override_tier IS NULL
        THEN CASE WHEN raised THEN LEAST(b.computed, 3) ELSE b.alone_tier END
      WHEN b.lapsed OR NOT b.aware
        THEN LEAST(b.computed, 3, b.override_tier)
      ELSE LEAST(b.override_tier, b.floor_tier) END AS tier
  FROM bound b CROSS JOIN LATERAL (
    SELECT (b.computed = 4 OR coalesce(b.override_tier = 4, false))
      AND b.id IN (SELECT id FROM feeding) AS raised) AS fed
)
