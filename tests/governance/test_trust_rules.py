"""A rule that would trust too much is never made, and never by one hand."""

import json

import pytest

from governance import identities, roles
from governance.models import TrustRule
from governance.records import AlreadyRegistered, Refused
from governance.signatures import Proof, WrongPassword
from registry.models import Role, User
from tests.governance import issuer
from tests.governance.issuer import CLAIMS, wish
from tests.world import LONG_AGO, NOW, PASSWORD, later

PROOF = Proof(password=PASSWORD)
GITLAB = {"project_id": ["20"], "ref_protected": ["true"]}
AZURE = {n: ["1"] for n in ("org_id", "prj_id", "def_id")} | {"rpo_ref": ["refs/x"]}


def propose(world, **more):
    return identities.propose(wish=wish(**more), by=world.adam, at=NOW)


def without(claims, *names):
    return {name: values for name, values in claims.items() if name not in names}


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("github", {}),
        ("github", without(CLAIMS, "repository_id")),
        ("github", without(CLAIMS, "repository_owner_id")),
        ("github", {**without(CLAIMS, "repository_id"), "repository": ["o/r"]}),
        ("github", {**CLAIMS, "sub": ["repo:o/r:environment:Production"]}),
        ("github", {**CLAIMS, "actor": ["octocat"]}),
        ("github", without(CLAIMS, "event_name")),
        ("github", without(CLAIMS, "environment", "ref")),
        ("github", {**CLAIMS, "event_name": ["push", "pull_request_target"]}),
        ("github", {**CLAIMS, "event_name": ["issue_comment"]}),
        ("github", {**CLAIMS, "ref": ["refs/heads/*"]}),
        ("github", {**CLAIMS, "ref": ["refs/pull/1/merge"]}),
        ("github", {**CLAIMS, "repository_id": []}),
        ("github", {**CLAIMS, "repository_id": [""]}),
        ("github", {**CLAIMS, "repository_id": ["1\x00"]}),
        ("github", {**CLAIMS, "repository_id": ["1"] * 21}),
        ("github", {**CLAIMS, "job_workflow_ref": ["o/r/.github/workflows/d.yml"]}),
        ("github", {**CLAIMS, "job_workflow_ref": ["o/r/.github/w/d.yml@main"]}),
        ("gitlab", without(GITLAB, "project_id")),
        ("gitlab", without(GITLAB, "ref_protected")),
        ("gitlab", {**GITLAB, "ref_protected": ["false"]}),
        ("gitlab", {**GITLAB, "ref_protected": ["true", "false"]}),
        ("gitlab", {**GITLAB, "environment": ["production"]}),
        ("gitlab", {**GITLAB, "project_path": ["g/p"]}),
        ("gitlab", {**GITLAB, "pipeline_source": ["merge_request_event"]}),
        ("azure-devops", without(AZURE, "prj_id")),
        ("azure-devops", without(AZURE, "def_id")),
        ("azure-devops", without(AZURE, "rpo_ref")),
        ("kubernetes", {"namespace": ["a"], "serviceaccount_name": ["b"]}),
    ],
)
def test_a_rule_without_what_never_changes_hands_is_refused(world, kind, claims):
    with pytest.raises(Refused) as refused:
        propose(world, kind=kind, claims=claims)
    assert set(refused.value.errors) == {"claims"}
    assert not User.objects.filter(username__startswith="pipeline:").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Not A Slug"),
        ("kind", "jenkins"),
        ("issuer", "http://token.actions.githubusercontent.com"),
        ("issuer", "https://user@host.example"),
        ("issuer", "https://[::1"),
        ("issuer", ""),
        ("issuer", "https://a.example\n"),
        ("jwks_uri", "file:///etc/passwd"),
        ("audience", "https://github.com/octo-org"),
        ("audience", "sts.amazonaws.com"),
        ("algorithms", []),
        ("algorithms", ["HS256"]),
        ("algorithms", ["RS256", "none"]),
        ("jwks", "{}"),
        ("jwks", "[" * 50_000),
        ("jwks", "x" * 70_000),
        ("jwks", json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]})),
        ("jwks", json.dumps({"keys": [{**issuer.jwk(), "d": "AQAB"}]})),
        ("models_pattern", " "),
        ("environments", []),
        ("environments", ["production", "nowhere"]),
        ("reason", " "),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(world, field, value):
    with pytest.raises(Refused) as refused:
        propose(world, **{field: value})
    assert set(refused.value.errors) == {field}


def test_a_name_is_taken_once_and_for_ever(world):
    rule = propose(world)
    identities.end(rule=rule, reason="Mistaken.", by=world.adam, at=NOW)
    with pytest.raises(AlreadyRegistered):
        propose(world)


def test_no_account_that_is_there_becomes_a_pipeline(world):
    User.objects.create_user("pipeline:mortgage-deploy")
    with pytest.raises(AlreadyRegistered):
        propose(world)
    assert not TrustRule.objects.exists()


def test_who_made_it_does_not_confirm_it(world):
    rule = propose(world)
    with pytest.raises(roles.NotAllowed):
        identities.confirm(rule=rule, proof=PROOF, by=world.adam, at=NOW)


def test_the_same_human_with_another_account_does_not_confirm_it(world):
    rule = propose(world)
    world.rita.email = world.adam.email
    world.rita.save()
    with pytest.raises(identities.SameHand):
        identities.confirm(rule=rule, proof=PROOF, by=world.rita, at=NOW)


def test_who_cannot_prove_it_confirms_nothing(world):
    rule = propose(world)
    with pytest.raises(WrongPassword):
        identities.confirm(rule=rule, proof=Proof(password="x"), by=world.rita, at=NOW)
    assert TrustRule.objects.get().state == "proposed"


@pytest.mark.parametrize("who", ["anna", "ben", "vera", "carl", "ola", "ines", "adam"])
def test_only_the_second_line_confirms(world, who):
    rule = propose(world)
    with pytest.raises(roles.NotAllowed):
        identities.confirm(rule=rule, proof=PROOF, by=getattr(world, who), at=NOW)


def test_an_ended_rule_is_not_confirmed(world):
    rule = propose(world)
    identities.end(rule=rule, reason="Mistaken.", by=world.cora, at=NOW)
    with pytest.raises(identities.WrongState):
        identities.confirm(rule=rule, proof=PROOF, by=world.rita, at=later(hours=1))
    assert roles.roles_of(TrustRule.objects.get().user) == frozenset()


def test_the_signature_names_what_it_confirms(world):
    rule = propose(world)
    text = identities.statement(rule, world.rita, Role.RISK_MANAGER)
    for said in (rule.subject_sha256, rule.issuer, "mortgage-*", "production"):
        assert said in text
    assert rule.proposed_at > LONG_AGO
