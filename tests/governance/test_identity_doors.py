"""Trust in pipelines and tokens, by call and by page."""

import pytest
from django.contrib.auth.models import AbstractUser
from django.urls import reverse

from governance import access
from governance.models import RecordSignature, Token, TokenUse, TrustRule
from registry.models import Role
from tests.governance import issuer
from tests.governance.callers import Caller, pointers
from tests.governance.issuer import github, token, trusted
from tests.governance.test_gate import approved
from tests.governance.test_pages import INLINE, as_
from tests.world import NOW, PASSWORD, later

BODY = {
    "name": "mortgage-deploy",
    "kind": "github",
    "issuer": issuer.GITHUB,
    "claims": issuer.CLAIMS,
    "models_pattern": "mortgage-*",
    "environments": ["production"],
    "reason": "Deploys the mortgage model.",
    "jwks": issuer.key_set(),
}
GATE = "gate?model=mortgage-approval&version=1&environment=production"


def test_a_pipeline_asks_the_gate_with_its_own_token(world, clock):
    approved(world)
    trusted(world)
    answer = Caller(token(github())).get(GATE)
    assert answer.json()["decision"] == "allow", answer.content
    assert answer.json()["pipeline"]["run_id"] == "99"
    page = as_(world.rita).get(f"/gate/{answer.json()['decision_id']}/")
    assert "octo-org/octo-repo" in page.content.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tokens", {"name": "x"}),
        ("pipeline-trust", BODY),
        ("environments", {"slug": "x", "name": "X"}),
        ("models", {"slug": "x"}),
    ],
)
def test_a_pipeline_administers_nothing(world, clock, path, body):
    trusted(world)
    caller = Caller(token(github()))
    assert caller.post(path, body).status_code in (403, 422)
    assert Token.objects.count() == 0


def test_what_is_wrong_with_a_token_is_said_with_a_401(world, clock):
    trusted(world)
    answer = Caller(token(github(environment="Staging"))).get("models")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "environment" in answer.json()["detail"]
    assert "Production" not in answer.json()["detail"]


def test_an_issuer_that_does_not_answer_is_a_503(world, clock):
    trusted(world, jwks="", jwks_uri="https://127.0.0.1:1/keys")
    answer = Caller(token(github())).get("models")
    assert answer.status_code == 503
    assert answer.json()["status"] == 503


def test_two_hands_by_call(world, clock, caller):
    adam, rita = caller(user="adam"), caller(user="rita")
    made = adam.post("pipeline-trust", BODY)
    assert (made.status_code, made.json()["state"]) == (201, "proposed"), made.content
    path = f"pipeline-trust/{made.json()['id']}"
    assert Caller(token(github())).get("models").status_code == 401
    proof = {"password": PASSWORD}
    assert adam.post(f"{path}/confirm", proof).status_code == 403
    assert rita.post(f"{path}/confirm", {"password": "wrong"}).status_code == 403
    assert rita.post(f"{path}/confirm", proof).json()["state"] == "trusted"
    assert rita.post(f"{path}/confirm", proof).status_code == 409
    assert RecordSignature.objects.get(record_type="trustrule").role == "risk-manager"
    assert Caller(token(github())).get("models").status_code == 200
    (seen,) = adam.get("pipeline-tokens").json()
    assert seen["claims"]["run_id"] == "99"
    assert pointers(rita.post(f"{path}/end", {"reason": ""})) == ["/reason"]
    assert rita.post(f"{path}/end", {"reason": "Moved."}).json()["state"] == "ended"
    assert rita.post(f"{path}/end", {"reason": "Moved."}).status_code == 409
    assert Caller(token(github())).get("models").status_code == 401
    assert [row["state"] for row in caller(user="ines").get("pipeline-trust").json()]
    assert caller(user="ben").get("pipeline-trust").status_code == 403
    assert caller(user="ben").get("pipeline-tokens").status_code == 403


def test_a_rule_that_trusts_too_much_is_refused_beside_its_field(world, caller):
    adam = caller(user="adam")
    answer = adam.post(
        "pipeline-trust",
        {**BODY, "claims": {"ref": ["refs/heads/main"]}, "issuer": "http://x/"},
    )
    assert set(pointers(answer)) == {"/claims", "/issuer"}
    assert not TrustRule.objects.exists()


def test_two_hands_by_page(world, clock):
    adam, rita = as_(world.adam), as_(world.rita)
    lines = [f"{name} = {v}" for name, values in issuer.CLAIMS.items() for v in values]
    form = {**BODY, "environments": "production", "algorithms": "RS256"}
    page = adam.post("/pipelines/", {**form, "claims": "ref"})
    assert "equals sign" in page.content.decode()
    answer = adam.post("/pipelines/", {**form, "claims": "\n".join(lines)})
    row = TrustRule.objects.get()
    assert answer.url == reverse("web:pipeline", args=[row.pk])
    assert row.claims == issuer.CLAIMS
    assert "Sign and confirm" not in adam.get(answer.url).content.decode()
    shown = rita.get(answer.url).content.decode()
    assert row.subject_sha256 in shown
    assert not INLINE.search(shown)
    wrong = rita.post(answer.url, {"user_name": "rita", "password": "no"})
    assert wrong.status_code == 200
    rita.post(answer.url, {"user_name": "rita", "password": PASSWORD})
    row = TrustRule.objects.get()
    assert row.state == "trusted"
    Caller(token(github())).get("models")
    assert "octo-org/octo-repo" in adam.get(answer.url).content.decode()
    end = reverse("web:end_pipeline", args=[row.pk])
    rita.post(end, {"reason": ""})
    rita.post(end, {"reason": "Moved."})
    rita.post(end, {"reason": "Moved."})
    assert "Moved." in as_(world.ines).get(answer.url).content.decode()
    assert "mortgage-deploy" in rita.get("/pipelines/").content.decode()
    assert as_(world.ben).get("/pipelines/").status_code == 403


def test_tokens_are_issued_listed_and_ended_by_call(world, caller):
    adam = caller(user="adam")
    body = {"name": "jenkins", "models_pattern": "mortgage-*", "days": 10}
    made = adam.post("tokens", {**body, "environments": ["production"]}).json()
    assert made["secret"].startswith("frg_")
    jenkins = Caller(made["secret"])
    assert jenkins.get("models").status_code == 200
    listed = {row["name"]: row for row in adam.get("tokens").json()}
    assert "secret" not in listed["jenkins"]
    assert listed["jenkins"]["environments"] == ["production"]
    assert listed["jenkins"]["last_used_on"]
    assert [row["name"] for row in jenkins.get("tokens").json()] == ["jenkins"]
    path = f"tokens/{made['id']}/revoke"
    assert caller(user="ben").post(path, {}).status_code == 404
    assert adam.post(path, {}).json()["revoked_at"]
    assert jenkins.get("models").status_code == 401


def test_a_token_begets_none_that_may_do_or_live_more(world, caller):
    narrow = caller(user="adam", models_pattern="credit-*", days=20)
    assert narrow.post("tokens", {"name": "x", "days": 5}).status_code == 422
    body = {"name": "x", "models_pattern": "credit-*"}
    assert pointers(narrow.post("tokens", {**body, "days": 30})) == ["/days"]
    assert narrow.post("tokens", {**body, "days": 5}).status_code == 201
    placed = caller(user="adam", environments=("production",), days=20)
    assert placed.post("tokens", {"name": "y", "days": 5}).status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [("environments", ["nowhere"]), ("days", 400), ("days", 0), ("name", "\u202ex")],
)
def test_a_token_for_nothing_is_refused(world, caller, field, value):
    answer = caller(user="adam").post("tokens", {"name": "x", "days": 5, field: value})
    assert pointers(answer) == [f"/{field}"]


def test_the_operator_can_make_tokens_shorter(world, caller, settings):
    settings.FREIGABE_TOKEN_MAX_DAYS = 100
    answer = caller(user="adam").post("tokens", {"name": "x", "days": 101})
    assert pointers(answer) == ["/days"]


def test_tokens_are_issued_and_ended_by_page(world, caller):
    adam = as_(world.adam)
    form = {"name": "jenkins", "own": "", "models_pattern": "credit-*", "days": "10"}
    page = adam.post("/tokens/", {**form, "environments": "nowhere"})
    assert "no environment" in page.content.decode()
    page = adam.post("/tokens/", {**form, "environments": "production"})
    assert "frg_" in page.content.decode()
    row = Token.objects.get()
    assert (row.environments, row.user.username) == (["production"], "ci:jenkins")
    listed = adam.get("/tokens/").content.decode()
    assert "frg_" not in listed
    assert not INLINE.search(listed)
    revoke = reverse("web:revoke_token", args=[row.pk])
    assert as_(world.ben).post(revoke).status_code == 404
    adam.post(revoke)
    assert "revoked" in adam.get("/tokens/").content.decode()


def test_a_day_of_use_is_one_row_however_often(world):
    _row, secret = access.issue_token(
        name="ci", role=Role.CI, by=access.system_user(), at=NOW
    )
    for moment in (NOW, later(minutes=1), later(days=1)):
        assert isinstance(access.authenticate(secret, at=moment), AbstractUser)
    assert TokenUse.objects.count() == 2
