"""Asking for a dossier: who may, and what is refused."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance import access, roles
from governance.dossier.request import CannotBuild, request_dossier
from governance.models import Dossier
from registry.models import Role
from tests.governance.callers import Caller
from tests.world import NOW, World, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def test_auditor_gets_a_pending_row_as_of_now(world):
    version = world.version(world.model())
    row = request_dossier(version=version, by=world.ines, at=later(hours=1))
    assert row.state == Dossier.State.PENDING
    assert row.as_of == later(hours=1)
    assert row.requested_by == world.ines


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("variant", {"variant": "portfolio"}),
        ("variant", {"variant": ""}),
        ("language", {"language": "fr"}),
        ("language", {"language": "de-AT"}),
        ("as_of", {"as_of": later(hours=2)}),
        ("as_of", {"as_of": later(days=-1)}),
    ],
)
def test_what_does_not_exist_is_refused_by_field(world, field, wrong):
    version = world.version(world.model())
    with pytest.raises(CannotBuild) as refused:
        request_dossier(version=version, by=world.ines, at=later(hours=1), **wrong)
    assert refused.value.field == field
    assert not Dossier.objects.exists()


@pytest.mark.parametrize(
    ("variant", "record"),
    [
        ("annex-iv", {"ai_act_class": "high-annex-iii", "annex_iii_point": "5b"}),
        ("declaration-of-conformity", {"ai_act_class": "high-annex-i"}),
        ("ll144-summary", {"aedt": True, "aedt_output": "score"}),
    ],
)
def test_a_paper_is_refused_where_the_record_says_that_it_is_for_others(
    world, variant, record
):
    other = world.version(world.model())
    with pytest.raises(CannotBuild) as refused:
        request_dossier(
            version=other, variant=variant, by=world.ines, at=later(hours=1)
        )
    assert refused.value.field == "variant"
    assert "inventory record" in str(refused.value)
    fits = world.version(world.model(slug="fits", name="Fits", **record))
    asked = {"version": fits, "variant": variant, "by": world.ines}
    row = request_dossier(at=later(hours=1), **asked)
    assert row.variant == variant


def test_ci_token_and_administrator_may_not_ask(world):
    version = world.version(world.model())
    token, _secret = access.issue_token(
        name="pipeline", role=Role.CI, by=access.system_user(), at=NOW
    )
    for by in (token.user, world.adam):
        with pytest.raises(roles.NotAllowed):
            request_dossier(version=version, by=by, at=NOW)


def test_a_list_does_not_read_what_dossiers_say(world):
    version = world.version(world.model())
    row = request_dossier(version=version, by=world.ines, at=later(hours=1))
    _token, secret = access.issue_token(
        name="auditor", role=Role.AUDITOR, by=access.system_user(), at=NOW
    )
    with CaptureQueriesContext(connection) as asked:
        (listed,) = Caller(secret).get("dossiers").json()
    assert listed["id"] == str(row.pk)
    for column in ("document", "disclosure"):
        read = f'"governance_dossier"."{column}"'
        assert not [q for q in asked if read in q["sql"]], column
