"""A pipeline comes in with its own server's token, and only the one that is meant."""

import json
from pathlib import Path

import pytest

from audits.models import Entry
from governance import gate, identities, roles
from governance.access import InvalidToken
from governance.models import GateDecision, PipelineToken
from registry.acts import came_from, through
from tests.governance import issuer
from tests.governance.issuer import github, token, trusted
from tests.governance.test_gate import approved
from tests.world import NOW, later

FIXTURES = (
    Path(__file__).resolve().parents[3]
    / "shared/schemas/fixtures/ci_identity_and_callbacks.json"
)


def enter(claims=None, at=NOW, **more):
    text = token(claims if claims is not None else github(), **more)
    return identities.authenticate(text, at=at, address="192.0.2.7")


def test_a_pipeline_is_a_machine_with_the_scope_of_its_rule(world):
    trusted(world)
    user = enter()
    assert (user.is_machine, user.scope.environments) == (True, ("production",))
    assert roles.roles_of(user) == {"ci"}
    assert roles.may(user, "ask the gate", model="mortgage-x", environment="production")
    assert not roles.may(user, "ask the gate", model="credit-x")
    assert not roles.may(user, "ask the gate", environment="staging")
    assert not user.has_usable_password()


def test_it_neither_signs_nor_administers(world):
    trusted(world)
    user = enter()
    allowed = {right for right in roles.RIGHTS if roles.may(user, right)}
    assert allowed == {
        *("read", "register versions", "upload artifacts", "register data sets"),
        *("request evidence", "attach evidence", "ask the gate", "report deployments"),
        "report lineage",
    }


def test_what_ran_where_is_recorded_once_and_no_name_of_a_person(world):
    trusted(world)
    enter()
    enter(at=later(minutes=1))
    row = PipelineToken.objects.get()
    assert row.claims["repository"] == "octo-org/octo-repo"
    assert (row.claims["run_id"], row.claims["sha"]) == ("99", "a" * 40)
    assert (row.address, row.first_used_at) == ("192.0.2.7", NOW)
    assert "octocat" not in json.dumps(row.claims)
    entry = Entry.objects.get(rel="public.governance_pipelinetoken", op="I")
    assert row.sha256 not in entry.body
    assert entry.actor == str(row.rule.user_id)


def test_a_decision_says_which_pipeline_asked(world):
    approved(world)
    trusted(world)
    question = gate.Question("production", "mortgage-approval", "1")
    user = enter()
    with through("api"):
        came_from({"token": "t", **user.scope.run})
        decision = gate.decide(question=question, by=user, at=NOW)
    assert decision.pipeline_token.claims["run_id"] == "99"
    entry = Entry.objects.filter(rel="public.governance_gatedecision").latest(
        "entry_id"
    )
    assert json.loads(entry.body)["ctx"]["run"]["sha"] == "a" * 40
    assert GateDecision.objects.filter(pipeline_token__claims__run_id="99").exists()


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_each_algorithm_of_the_rule_opens_and_no_other(world, algorithm):
    key = issuer.ec_key() if algorithm == "ES256" else issuer.rsa_key("ours")
    keys = issuer.key_set(issuer.jwk(key=key))
    trusted(world, algorithms=[algorithm], jwks=keys)
    assert enter(key=key, algorithm=algorithm).is_machine
    other = "PS256" if algorithm == "RS256" else "RS256"
    with pytest.raises(InvalidToken, match="signed with"):
        enter(algorithm=other)


@pytest.mark.parametrize(
    "sub",
    [
        "repo:octo-org/octo-repo:environment:Production",
        "repo:octo-org@123456/octo-repo@456789:environment:Production",
    ],
)
def test_both_forms_of_sub_come_in_because_nobody_reads_it(world, sub):
    trusted(world)
    assert enter(github(sub=sub)).is_machine


GITLAB_CLAIMS = {
    "project_id": ["20"],
    "ref_protected": ["true"],
    "environment": ["production"],
    "environment_protected": ["true"],
}


def gitlab(**more):
    if not FIXTURES.exists():
        pytest.skip("../shared is not here")
    example = json.loads(FIXTURES.read_text())["gitlab_id_token_example"]
    times = {name: example[name] - example["iat"] for name in ("iat", "nbf", "exp")}
    start = issuer.seconds(NOW)
    return {
        **example,
        **{name: start + ago for name, ago in times.items()},
        "aud": issuer.AUDIENCE,
        "ref_protected": "true",
        "environment": "production",
        "environment_protected": "true",
        **more,
    }


@pytest.fixture
def gitlab_rule(world):
    return trusted(
        world, kind="gitlab", issuer="https://gitlab.example.com", claims=GITLAB_CLAIMS
    )


def test_a_protected_job_of_gitlab_comes_in(gitlab_rule):
    run = enter(gitlab()).scope.run
    assert (run["pipeline_id"], run["project_path"]) == ("574", "my-group/my-project")
    assert "sample-user" not in json.dumps(run)


@pytest.mark.parametrize(
    "claims",
    [
        {"ref_protected": "false"},
        {"ref_protected": True},
        {"environment_protected": "false"},
        {"environment": "test-environment2"},
        {"project_id": "21"},
        {"project_id": 20},
        {"pipeline_source": "merge_request_event"},
    ],
)
def test_an_unprotected_or_foreign_job_of_gitlab_does_not(gitlab_rule, claims):
    with pytest.raises(InvalidToken):
        enter(gitlab(**claims))


def test_the_claims_that_github_promises_are_those_that_rules_name():
    if not FIXTURES.exists():
        pytest.skip("../shared is not here")
    promised = set(json.loads(FIXTURES.read_text())["github_actions_oidc"]["claims"])
    # `sha` is in every token of GitHub, and missing in the fixture's list.
    assert set(identities.TERMS["github"].names) <= promised
    assert set(identities.TERMS["github"].kept) - {"sha"} <= promised


AZURE = "https://vstoken.dev.azure.com/8d1f"


def azure(**more):
    return {
        "iss": AZURE,
        "aud": "api://AzureADTokenExchange",
        "jti": "az-1",
        "sub": "p://example/test/test",
        "iat": issuer.seconds(NOW),
        "nbf": issuer.seconds(NOW) - 600,
        "exp": issuer.seconds(NOW) + 600,
        "org_id": "8d1f",
        "prj_id": "77aa",
        "def_id": "12",
        "rpo_ref": "refs/heads/main",
        "rpo_ver": "b" * 40,
        "run_id": "5",
        **more,
    }


def test_a_pipeline_of_azure_comes_in_by_its_ids(world):
    named = {"org_id": "8d1f", "prj_id": "77aa", "def_id": "12"}
    claims = {**{k: [v] for k, v in named.items()}, "rpo_ref": ["refs/heads/main"]}
    trusted(world, kind="azure-devops", issuer=AZURE, claims=claims)
    assert enter(azure()).scope.run["run_id"] == "5"
    for other in ({"def_id": "13"}, {"rpo_ref": "refs/pull/7/merge"}, {"prj_id": "x"}):
        with pytest.raises(InvalidToken):
            enter(azure(**other))


def test_a_service_account_of_a_cluster_comes_in_by_its_uid(world):
    cluster = "https://kubernetes.default.svc.cluster.local"
    claims = {"serviceaccount_uid": ["u-1"], "namespace": ["models"]}
    trusted(world, kind="kubernetes", issuer=cluster, claims=claims)

    def presented(uid="u-1", namespace="models"):
        account = {"name": "gate", "uid": uid}
        return {
            **{name: github()[name] for name in ("iat", "exp", "jti")},
            "iss": cluster,
            "aud": [issuer.AUDIENCE],
            "kubernetes.io": {"namespace": namespace, "serviceaccount": account},
        }

    assert enter(presented()).scope.run["serviceaccount_name"] == "gate"
    for other in (presented(uid="u-2"), presented(namespace="default")):
        with pytest.raises(InvalidToken):
            enter(other)


def test_the_second_use_of_a_token_costs_two_questions(
    world, django_assert_num_queries
):
    trusted(world)
    enter()
    with django_assert_num_queries(2):
        enter()
