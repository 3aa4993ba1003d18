"""What is nearly always absent around versions, found out in one question.

Each kind of record around versions takes a query of its own. Of most kinds they
have none, and one statement says which ones. It asks for more than the readers do (of
the model for what is of a version, at any time, also what has ended): what it finds
absent, they would not find either.
"""

from collections.abc import Iterable

from django.db import connection

from registry.models import ModelVersion

# By the name under which readers ask, whether there is any row at all.
ANY = """SELECT
EXISTS (SELECT FROM governance_waiver WHERE model_id = ANY(%(models)s)) AS waivers,
EXISTS (SELECT FROM governance_finding WHERE model_id = ANY(%(models)s)) AS findings,
EXISTS (SELECT FROM governance_incident WHERE model_id = ANY(%(models)s)) AS incidents,
EXISTS (SELECT FROM governance_periodicreview
    WHERE model_id = ANY(%(models)s)) AS reviews,
EXISTS (SELECT FROM governance_changeplan
    WHERE version_id = ANY(%(versions)s)) AS plans,
EXISTS (SELECT FROM governance_changerecord
    WHERE version_id = ANY(%(versions)s)) AS changes,
EXISTS (SELECT FROM governance_emergency e JOIN registry_modelversion v
    ON v.id = e.version_id WHERE v.model_id = ANY(%(models)s)) AS emergencies,
EXISTS (SELECT FROM governance_challenge c JOIN governance_approvalrequest r
    ON r.id = c.request_id WHERE r.version_id = ANY(%(versions)s)) AS challenges,
EXISTS (SELECT FROM governance_condition c JOIN governance_approvalrequest r
    ON r.id = c.request_id WHERE r.version_id = ANY(%(versions)s)) AS conditions,
EXISTS (SELECT FROM governance_draw d JOIN governance_authorisation a
    ON a.id = d.authorisation_id WHERE a.version_id = ANY(%(versions)s)) AS draws,
EXISTS (SELECT FROM governance_tierdecision t JOIN governance_riskassessment a
    ON a.id = t.assessment_id WHERE a.model_id = ANY(%(models)s)) AS tier_decisions,
EXISTS (SELECT FROM governance_reassessmentdemand d JOIN governance_riskassessment a
    ON a.id = d.assessment_id WHERE a.model_id = ANY(%(models)s)) AS demands,
EXISTS (SELECT FROM audits_foreignevidence WHERE version_id = ANY(%(versions)s))
    AS attachments,
EXISTS (SELECT FROM governance_packend) AS pack_ends,
EXISTS (SELECT FROM governance_earlyadoption) AS early_adoptions,
EXISTS (SELECT FROM governance_personlink) AS person_links"""


def around(versions: Iterable[ModelVersion]) -> frozenset[str]:
    """The kinds of which there is no row: around these, their models, or at all."""
    rows = list(versions)
    named = {
        "versions": [version.pk for version in rows],
        "models": list({version.model_id for version in rows}),
    }
    with connection.cursor() as cursor:
        cursor.execute(ANY, named)
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return frozenset(n for n, there in zip(names, row, strict=True) if there is False)
