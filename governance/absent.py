"""What is nearly always absent around a version, found out in one question.

Each kind of record around a version takes a query of its own. Of most kinds a version
has none, and one statement says of all of them which ones. It asks for more than the
readers do (of the model for what is of a version, at any time, also what has ended):
what it finds absent, they would not find either.
"""

from typing import Any

from django.db import connection

from registry.models import ModelVersion

# By the name under which readers ask, whether there is any row at all.
ANY = """SELECT
EXISTS (SELECT FROM governance_waiver WHERE model_id = %(model)s) AS waivers,
EXISTS (SELECT FROM governance_finding WHERE model_id = %(model)s) AS findings,
EXISTS (SELECT FROM governance_incident WHERE model_id = %(model)s) AS incidents,
EXISTS (SELECT FROM governance_periodicreview WHERE model_id = %(model)s) AS reviews,
EXISTS (SELECT FROM governance_changeplan WHERE version_id = %(version)s) AS plans,
EXISTS (SELECT FROM governance_changerecord WHERE version_id = %(version)s) AS changes,
EXISTS (SELECT FROM governance_emergency WHERE version_id = %(version)s) AS emergencies,
EXISTS (SELECT FROM governance_challenge c JOIN governance_approvalrequest r
    ON r.id = c.request_id WHERE r.version_id = %(version)s) AS challenges,
EXISTS (SELECT FROM governance_condition c JOIN governance_approvalrequest r
    ON r.id = c.request_id WHERE r.version_id = %(version)s) AS conditions,
EXISTS (SELECT FROM governance_draw d JOIN governance_authorisation a
    ON a.id = d.authorisation_id WHERE a.version_id = %(version)s) AS draws,
EXISTS (SELECT FROM governance_tierdecision t JOIN governance_riskassessment a
    ON a.id = t.assessment_id WHERE a.model_id = %(model)s) AS tier_decisions,
EXISTS (SELECT FROM governance_reassessmentdemand d JOIN governance_riskassessment a
    ON a.id = d.assessment_id WHERE a.model_id = %(model)s) AS demands,
EXISTS (SELECT FROM audits_foreignevidence WHERE version_id = %(version)s)
    AS attachments,
EXISTS (SELECT FROM governance_packend) AS pack_ends,
EXISTS (SELECT FROM governance_earlyadoption) AS early_adoptions,
EXISTS (SELECT FROM governance_personlink) AS person_links"""


def around(version: ModelVersion) -> frozenset[str]:
    """The kinds of which there is no row: around the version, its model, or at all."""
    named: dict[str, Any] = {"version": version.pk, "model": version.model_id}
    with connection.cursor() as cursor:
        cursor.execute(ANY, named)
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return frozenset(n for n, there in zip(names, row, strict=True) if there is False)
