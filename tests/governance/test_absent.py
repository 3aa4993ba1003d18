"""What readers need not ask for: only kinds of which there is no row at all."""

from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from governance import absent
from governance.case import Case
from governance.requirements import DEPLOY, evaluate
from tests.governance.test_emergencies import allow
from tests.governance.test_number_of_queries import staged
from tests.world import later

# By kind: the table, the column by which it is found, and what that column names.
OWN = {
    "waivers": ("governance_waiver", "model_id", "model"),
    "findings": ("governance_finding", "model_id", "model"),
    "incidents": ("governance_incident", "model_id", "model"),
    "reviews": ("governance_periodicreview", "model_id", "model"),
    "plans": ("governance_changeplan", "version_id", "version"),
    "changes": ("governance_changerecord", "version_id", "version"),
    "emergencies": ("governance_emergency", "version_id", "sibling"),
    "attachments": ("audits_foreignevidence", "version_id", "version"),
    "challenges": ("governance_challenge", "request_id", "request"),
    "conditions": ("governance_condition", "request_id", "request"),
    "draws": ("governance_draw", "authorisation_id", "authorisation"),
    "tier_decisions": ("governance_tierdecision", "assessment_id", "assessment"),
    "demands": ("governance_reassessmentdemand", "assessment_id", "assessment"),
}
GLOBAL = {
    "pack_ends": ("governance_packend", "id", "model"),
    "early_adoptions": ("governance_earlyadoption", "id", "model"),
    "person_links": ("governance_personlink", "id", "model"),
}
# `sibling` is any version of the model.
ABOVE = {
    "sibling": ("registry_modelversion", "model_id", "model"),
    "request": ("governance_approvalrequest", "version_id", "version"),
    "authorisation": ("governance_authorisation", "version_id", "version"),
    "assessment": ("governance_riskassessment", "model_id", "model"),
}


@pytest.fixture
def root(db):
    """A session that may have tables of its own, of the same columns without rules."""
    known = connection.settings_dict
    with psycopg.connect(
        host=known["HOST"], port=known["PORT"], dbname=known["NAME"], user="postgres"
    ) as found:
        yield found


def insert(root, table, values):
    name = sql.Identifier(table)
    root.execute(
        sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {} AS SELECT * FROM public.{} WITH NO DATA"
        ).format(name, name)
    )
    root.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            name,
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )


def put(root, kind, keys):
    table, column, names = (OWN | GLOBAL)[kind]
    if names in ABOVE:
        above, by, what = ABOVE[names]
        keys = keys | {names: uuid4()}
        insert(root, above, {"id": keys[names], by: keys[what]})
    insert(root, table, {column: keys[names]})


def absent_in(root, *around):
    named = {f"{name}s": [keys[name] for keys in around] for name in around[0]}
    cursor = root.execute(absent.ANY, named)
    names = [column.name for column in cursor.description]
    return {n for n, there in zip(names, cursor.fetchone(), strict=True) if not there}


@pytest.mark.parametrize("kind", sorted(OWN | GLOBAL))
def test_a_kind_is_absent_only_while_there_is_no_row_of_it(root, kind):
    keys, others = ({"model": uuid4(), "version": uuid4()} for _ in range(2))
    assert absent_in(root, keys) == OWN.keys() | GLOBAL.keys()
    put(root, kind, keys)
    assert absent_in(root, keys) == (OWN.keys() | GLOBAL.keys()) - {kind}
    assert (kind in absent_in(root, others)) is (kind in OWN)
    assert kind not in absent_in(root, others, keys)


def test_the_rules_answer_the_same_whether_or_not_one_looked_before(world):
    allow(world)
    version = staged(world, "mortgage-approval")
    for one in (version, world.ready("bare")):
        case, looked = (
            Case(one, world.production, later(hours=2)).as_granted() for _ in range(2)
        )
        looked.around.look()
        assert looked.around.none("draws")
        assert evaluate(looked, DEPLOY) == evaluate(case, DEPLOY)
