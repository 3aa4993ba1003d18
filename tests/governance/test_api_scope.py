"""The API keeps to what a token is for: its models and environments."""

import pytest

from governance import deployments, registration
from governance.models import Authorisation, Dossier, GateDecision
from registry.models import Role
from tests.governance.test_api_hostile import ASK, problem
from tests.governance.test_gate import approved, ask
from tests.world import NOW


@pytest.fixture
def busy(world, clock):
    """Two models, the one approved and deployed in production, each with a dossier."""
    version = approved(world)
    decision = ask(world)
    deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256=world.artifact().sha256,
        permit_id=str(decision.pk),
        by=world.ola,
        at=NOW,
    )
    other = world.version(world.model("credit-lines"))
    for row in (version, other):
        Dossier.objects.create(
            version=row, as_of=NOW, requested_by=world.anna, requested_at=NOW
        )
    registration.register_environment(slug="staging", name="Staging", by=world.ola)
    return world


LISTS = ("approval-requests", "authorisations", "gate/decisions", "deployments")


def models_in(answer) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {row.get("model") or row["slug"] for row in answer.json()}


@pytest.mark.parametrize("path", ["models", "dossiers", *LISTS])
def test_lists_keep_to_the_models_of_the_token(busy, caller, path):
    wide, narrow = caller(user="rita"), caller(user="rita", models_pattern="credit-*")
    assert "mortgage-approval" in models_in(wide.get(path))
    assert models_in(narrow.get(path)) <= {"credit-lines"}
    own = caller(user="rita", models_pattern="mortgage-?pproval")
    assert models_in(own.get(path)) == {"mortgage-approval"}


@pytest.mark.parametrize("path", LISTS)
def test_lists_keep_to_the_environments_of_the_token(busy, caller, path):
    narrow = caller(user="rita", environments=("staging",))
    assert models_in(narrow.get(path)) == set()
    own = caller(user="rita", environments=("production", "staging"))
    assert models_in(own.get(path)) == {"mortgage-approval"}


def test_questions_about_unknown_models_are_for_unbounded_tokens(busy, caller):
    caller(Role.CI).post("gate/decisions", {**ASK, "model": "secret-plan"})
    assert "secret-plan" in models_in(caller(user="rita").get("gate/decisions"))
    narrow = caller(user="rita", models_pattern="mortgage-*")
    assert models_in(narrow.get("gate/decisions")) == {"mortgage-approval"}


def test_single_records_keep_to_the_environments_of_the_token(busy, caller):
    permit = GateDecision.objects.get(allowed=True)
    request = Authorisation.objects.get().request
    for path in (f"permits/{permit.pk}", f"approval-requests/{request.pk}"):
        assert caller(user="rita").get(path).status_code == 200
        for scope in ({"environments": ("staging",)}, {"models_pattern": "credit-*"}):
            problem(caller(user="rita", **scope).get(path), 403)


def test_environments_outside_the_token_are_not_listed(busy, caller):
    narrow = caller(user="rita", environments=("staging",))
    assert [e["slug"] for e in narrow.get("environments").json()] == ["staging"]
