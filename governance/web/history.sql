-- What happened to a model, told by each table in the same columns: what it is, when,
-- which row, what became of it, about what, whose page tells it in full, by whom
-- (who signed: under the name that stands beside the signature, 21 CFR 11.50).
-- Each gives as many of its newest as may be wanted, before a time and a row.
SELECT e.kind, e.at, e.id, e.what, e.about, e.place,
    coalesce(e.signed_as, nullif(btrim(u.first_name || ' ' || u.last_name), ''),
        u.username) AS who
FROM (
(SELECT 'registered' AS kind, v.registered_at AS at, v.id, '' AS what,
    v.version AS about, v.version AS place, v.registered_by_id AS by,
    NULL::text AS signed_as
FROM registry_modelversion v
WHERE v.model_id = %(model)s AND (v.registered_at, v.id) < (%(at)s, %(id)s)
ORDER BY v.registered_at DESC, v.id DESC LIMIT %(most)s)
UNION ALL
-- The first status comes with the registration, which is told above.
(SELECT 'moved', c.moved_at, c.id, c.status, v.version, v.version, c.moved_by_id, NULL
FROM governance_statuschange c JOIN registry_modelversion v ON v.id = c.version_id
WHERE v.model_id = %(model)s AND c.sequence > 1
    AND (c.moved_at, c.id) < (%(at)s, %(id)s)
ORDER BY c.moved_at DESC, c.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'measured', e.reported_at, e.id, r.kind, v.version, r.id::text,
    r.requested_by_id, NULL
FROM audits_evidencereport e JOIN audits_evidencerun r ON r.id = e.run_id
    JOIN registry_modelversion v ON v.id = r.version_id
WHERE v.model_id = %(model)s AND (e.reported_at, e.id) < (%(at)s, %(id)s)
ORDER BY e.reported_at DESC, e.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'assessed', a.assessed_at, a.id, a.band, a.score::text, '', a.assessed_by_id, NULL
FROM governance_riskassessment a
WHERE a.model_id = %(model)s AND (a.assessed_at, a.id) < (%(at)s, %(id)s)
ORDER BY a.assessed_at DESC, a.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'submitted', r.requested_at, r.id, n.name, v.version, r.id::text,
    r.requested_by_id, NULL
FROM governance_approvalrequest r JOIN registry_modelversion v ON v.id = r.version_id
    JOIN registry_environment n ON n.id = r.environment_id
WHERE v.model_id = %(model)s AND (r.requested_at, r.id) < (%(at)s, %(id)s)
ORDER BY r.requested_at DESC, r.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'signed', s.signed_at, s.id, s.meaning, v.version, r.id::text, s.signed_by_id,
    s.printed_name
FROM governance_signature s JOIN governance_approvalrequest r ON r.id = s.request_id
    JOIN registry_modelversion v ON v.id = r.version_id
WHERE v.model_id = %(model)s AND (s.signed_at, s.id) < (%(at)s, %(id)s)
ORDER BY s.signed_at DESC, s.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'finding', c.changed_at, c.id, c.state, f.title, f.id::text, c.changed_by_id, NULL
FROM governance_findingchange c JOIN governance_finding f ON f.id = c.finding_id
WHERE f.model_id = %(model)s AND (c.changed_at, c.id) < (%(at)s, %(id)s)
ORDER BY c.changed_at DESC, c.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'reviewed', p.reviewed_at, p.id, p.kind, p.outcome, '', p.reviewed_by_id, NULL
FROM governance_periodicreview p
WHERE p.model_id = %(model)s AND (p.reviewed_at, p.id) < (%(at)s, %(id)s)
ORDER BY p.reviewed_at DESC, p.id DESC LIMIT %(most)s)
UNION ALL
(SELECT 'authorisation', c.changed_at, c.id, c.state, v.version, v.version,
    c.changed_by_id, NULL
FROM governance_authorisationchange c
    JOIN governance_authorisation a ON a.id = c.authorisation_id
    JOIN registry_modelversion v ON v.id = a.version_id
WHERE v.model_id = %(model)s AND (c.changed_at, c.id) < (%(at)s, %(id)s)
ORDER BY c.changed_at DESC, c.id DESC LIMIT %(most)s)
UNION ALL
(SELECT CASE WHEN d.decision_id IS NULL THEN 'stray' ELSE 'runs' END, d.reported_at,
    d.id, n.name, v.version, v.version, d.reported_by_id, NULL
FROM registry_deployment d JOIN registry_modelversion v ON v.id = d.version_id
    JOIN registry_environment n ON n.id = d.environment_id
WHERE v.model_id = %(model)s AND (d.reported_at, d.id) < (%(at)s, %(id)s)
ORDER BY d.reported_at DESC, d.id DESC LIMIT %(most)s)
) e JOIN registry_user u ON u.id = e.by
ORDER BY e.at DESC, e.id DESC LIMIT %(most)s
