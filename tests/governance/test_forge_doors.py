"""Servers that ask: what they send, by call; and what people see, by call and page."""

import json
import shutil

import pytest
from django.test import Client
from django.urls import reverse

from governance.forges import sealed
from governance.models import Forge, ForgePlace, ForgeRequest
from governance.plain_yaml import load
from tests.governance.callers import PROBLEM, pointers
from tests.governance.doors import EXAMPLES
from tests.governance.forge_jobs import run_azure, saying, serve
from tests.governance.forge_world import (
    ISSUERS,
    PLACES,
    agreed,
    ask,
    message,
    pem,
    registered,
    work,
)
from tests.governance.issuer import token
from tests.governance.test_gate import approved
from tests.governance.test_pages import INLINE, as_
from tests.world import NOW, PASSWORD

BODY = {
    "name": "our-github",
    "kind": "github",
    "issuer": ISSUERS["github"],
    "app_id": "4711",
}


def posted(forge: Forge, body: bytes | None = None, **headers: str):
    told, said = message(forge)
    return Client(headers={**told, **headers}).post(
        f"/api/v1/forges/{forge.name}/events", body or said, "application/json"
    )


def test_a_webhook_comes_in_and_is_answered_by_the_worker(world, clock, outside):
    approved(world)
    for kind in PLACES:
        forge, _secret = registered(world, kind, outside.url)
        agreed(world, forge)
        ask(world, kind)
        answer = posted(forge)
        assert (answer.status_code, answer.json()["state"]) == (200, "waiting")
        assert posted(forge).json()["id"] == answer.json()["id"]
    work(world)
    assert {row.allowed for row in ForgeRequest.objects.all()} == {True}
    assert len(outside.answers()) == 3


def test_what_comes_in_without_proof_is_a_problem_and_kept_nowhere(
    world, clock, outside
):
    forge, _secret = registered(world, "github", outside.url)
    wrong = posted(forge, **{"X-Hub-Signature-256": "sha256=0"})
    assert (wrong.status_code, wrong.headers["Content-Type"]) == (401, PROBLEM)
    unknown = Client().post("/api/v1/forges/x/events", b"{}", "application/json")
    assert (unknown.status_code, unknown.json()) == (401, wrong.json())
    large = posted(forge, b" " * (2**20 + 1))
    assert large.status_code == 413
    assert posted(forge, b"{}").status_code == 401
    assert posted(forge, **{"X-GitHub-Event": "ping"}).json()["state"] == "ignored"
    assert Client().get("/api/v1/forges/our-github/events").status_code == 405
    assert not ForgeRequest.objects.exists()


def test_two_hands_by_call(world, clock, outside, caller):
    adam, rita = caller(user="adam"), caller(user="rita")
    body = {**BODY, "address": outside.url, "credential": pem()}
    made = adam.post("forges", body)
    assert made.status_code == 201, made.content
    assert adam.post("forges", body).status_code == 409
    forge = Forge.objects.get()
    assert made.json()["secret"] == sealed.secret_of(forge)
    listed = json.dumps(rita.get("forges").json())
    assert sealed.secret_of(forge) not in listed
    assert forge.secret not in listed
    assert "PRIVATE KEY" not in listed
    place = {**vars(PLACES["github"]), "forge": "our-github"}
    assert pointers(adam.post("forge-places", {**place, "forge": "x"})) == ["/forge"]
    answer = adam.post("forge-places", {**place, "owner_id": "", "environment": "x"})
    assert set(pointers(answer)) == {"/owner_id", "/environment"}
    row = adam.post("forge-places", place).json()
    path = f"forge-places/{row['id']}"
    proof = {"password": PASSWORD}
    assert adam.post(f"{path}/confirm", proof).status_code == 403
    assert rita.post(f"{path}/confirm", {"password": "no"}).status_code == 403
    assert rita.post(f"{path}/confirm", proof).json()["state"] == "trusted"
    assert rita.post(f"{path}/confirm", proof).status_code == 409
    posted(forge)
    work(world)
    (asked,) = adam.get("forge-requests").json()
    assert (asked["state"], asked["allowed"]) == ("answered", False)
    assert "asks the gate" in asked["reason"]
    assert asked["attempts"][0]["status"] == 204
    again = f"forge-requests/{asked['id']}/again"
    assert rita.post(again, {}).status_code == 403
    assert adam.post(again, {}).json()["state"] == "waiting"
    assert adam.post(again, {}).status_code == 409
    end = {"reason": "Moved."}
    assert rita.post(f"{path}/end", end).json()["state"] == "ended"
    assert rita.post(f"{path}/end", end).status_code == 409
    assert rita.post(f"forges/{forge.pk}/end", end).json()["ended_at"]
    assert posted(forge).status_code == 401
    ben = caller(user="ben")
    for path in ("forges", "forge-places", "forge-requests"):
        assert ben.get(path).status_code == 403
    assert ben.post("forges", body).status_code == 403
    narrow = caller(user="adam", models_pattern="credit-*")
    placed = caller(user="adam", environments=("production",))
    for limited in (narrow, placed):
        assert limited.get("forge-requests").status_code == 403
        assert limited.post(again, {}).status_code == 403


def test_two_hands_by_page(world, clock, outside):
    adam, rita = as_(world.adam), as_(world.rita)
    form = {**BODY, "address": outside.url, "credential": "x"}
    page = adam.post("/forges/", form).content.decode()
    assert "no private key" in page
    page = adam.post("/forges/", {**form, "credential": pem(), "app_id": ""})
    assert "number of the GitHub App" in page.content.decode()
    assert "PRIVATE KEY" not in page.content.decode()
    assert not Forge.objects.exists()
    page = adam.post("/forges/", {**form, "credential": pem()}).content.decode()
    forge = Forge.objects.get()
    assert sealed.secret_of(forge) in page
    assert "PRIVATE KEY" not in page
    listed = rita.get("/forges/").content.decode()
    assert "our-github" in listed
    assert sealed.secret_of(forge) not in listed
    assert forge.secret not in listed
    there = reverse("web:forge", args=[forge.pk])
    assert "every question is answered no" in adam.get(there).content.decode()
    answer = adam.post(there, vars(PLACES["github"]))
    row = ForgePlace.objects.get()
    assert answer.url == reverse("web:forge_place", args=[row.pk])
    assert "Sign and confirm" not in adam.get(answer.url).content.decode()
    assert row.subject_sha256 in rita.get(answer.url).content.decode()
    rita.post(answer.url, {"user_name": "rita", "password": PASSWORD})
    posted(forge)
    work(world)
    page = adam.get(there).content.decode()
    assert "octo-org/octo-repo" in page
    assert "asks the gate" in page
    assert "204" in page
    assert sealed.secret_of(forge) not in page
    assert not INLINE.search(page)
    asked = ForgeRequest.objects.get()
    again = reverse("web:forge_again", args=[asked.pk])
    assert as_(world.rita).post(again).status_code == 403
    adam.post(again)
    assert ForgeRequest.objects.get().state == "waiting"
    end = reverse("web:end_forge_place", args=[row.pk])
    for reason in ("", "Moved.", "Moved."):
        rita.post(end, {"reason": reason})
    assert "Moved." in as_(world.ines).get(answer.url).content.decode()
    rita.post(reverse("web:end_forge", args=[forge.pk]), {"reason": "Gone."})
    assert "Gone." in adam.get(there).content.decode()
    for page in ("/forges/", there, answer.url):
        assert as_(world.ben).get(page).status_code == 403


def test_the_check_of_azure_sends_what_is_read(world, clock, outside):
    check = json.loads((EXAMPLES / "azure-devops/check-callback.json").read_text())
    forge, _secret = registered(world, "azure-devops", outside.url, name="our-azure")
    assert check["urlSuffix"] == f"/api/v1/forges/{forge.name}/events"
    told, said = message(forge)
    assert set(check["headers"]) == {"Content-Type", *told}
    assert set(check["body"]) == set(json.loads(said))
    assert check["completionEvent"] == "Callback"
    assert check["timeBetweenEvaluationsMinutes"] == 0


def test_the_criteria_of_azure_are_met_by_a_yes_for_this_model_alone(
    world, clock, caller
):
    check = json.loads((EXAMPLES / "azure-devops/check-api-response.json").read_text())
    approved(world)
    ours = caller(user="ola")
    met = {"decision": "allow", "model": "pricing-cars", "environment": "production"}
    for name, value in met.items():
        assert f"eq(root['{name}'], '{value}')" in check["successCriteria"]
    path = check["urlSuffix"].removeprefix("/api/v1/")
    body = {**check["body"], "model": "mortgage-approval", "version": "1"}
    yes = ours.post(path, body).json()
    assert {name: yes[name] for name in met} == {**met, "model": "mortgage-approval"}
    assert ours.post(path, {**body, "version": "9"}).json()["decision"] == "deny"


def test_the_job_of_azure_ends_well_with_a_permit_alone(
    stage, live, clock, settings, tmp_path
):
    if not all(map(shutil.which, ("curl", "jq", "bash"))):
        pytest.skip("curl, jq and bash are not installed")
    approved(stage)
    ask(stage, "azure-devops")
    from_azure = {
        **{"org_id": PLACES["azure-devops"].project_id[:-1] + "0", "def_id": "12"},
        **{"prj_id": PLACES["azure-devops"].project_id, "run_id": "99"},
        **{"rpo_ref": "refs/heads/main", "aud": "api://AzureADTokenExchange"},
        **{"iss": ISSUERS["azure-devops"], "jti": "live"},
        **{"iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 300},
    }
    made: list = []
    tokens = serve(saying(json.dumps({"oidcToken": token(from_azure)})), made)
    asked = {"FREIGABE": live.url, "OIDC": tokens, "MODEL": "mortgage-approval"}
    done = run_azure(tmp_path, **asked)
    assert done.returncode == 0, done
    no = {
        "another version": {"VERSION": "9"},
        "nothing": {"FREIGABE": serve(saying(""), made)},
        "a log-in page": {"FREIGABE": serve(saying("<html>ALLOW"), made)},
        "another yes": {"FREIGABE": serve(saying("ALLOW id x 1 production\n"), made)},
        "a redirect": {"FREIGABE": serve(saying("", 302, Location="/"), made)},
        "nobody there": {"FREIGABE": "http://127.0.0.1:1"},
        "no token": {"OIDC": serve(saying("{}"), made)},
    }
    for case, more in no.items():
        done = run_azure(tmp_path, **asked | more)
        assert done.returncode == 1, (case, done)
    for one in made:
        one.shutdown()
        one.server_close()
    stages = load((EXAMPLES / "azure-devops/azure-pipelines.yml").read_text())["stages"]
    assert stages[1]["dependsOn"] == stages[0]["stage"]


def test_a_secret_and_a_credential_are_replaced_by_call_and_by_page(
    world, clock, outside, caller
):
    forge, first = registered(world, "gitlab", outside.url)
    adam, rita = caller(user="adam"), caller(user="rita")
    path = f"forges/{forge.pk}"
    second = adam.post(f"{path}/secret", {}).json()["secret"]
    assert first != second == sealed.secret_of(forge)
    answer = adam.post(f"{path}/credential", {"credential": "glpat-by-call"})
    assert answer.status_code == 200
    assert "glpat" not in answer.content.decode()
    assert sealed.credential_of(forge) == "glpat-by-call"
    refused = adam.post(f"{path}/credential", {"credential": "a b"})
    assert (refused.status_code, pointers(refused)) == (422, ["/credential"])
    for call in ("secret", "credential"):
        body = {"credential": "glpat-of-rita"}
        assert rita.post(f"{path}/{call}", body).status_code == 403
    client, page = as_(world.adam), f"/forges/{forge.pk}/secrets/"
    assert page in client.get(f"/forges/{forge.pk}/").content.decode()
    shown = client.post(page).content.decode()
    assert second != sealed.secret_of(forge) in shown
    assert sealed.secret_of(forge) not in client.get(page).content.decode()
    refused = client.post(page, {"credential": "glpat with spaces"}).content.decode()
    assert "scope api" in refused
    assert "glpat with" not in refused
    client.post(page, {"credential": "glpat-by-page"})
    assert sealed.credential_of(forge) == "glpat-by-page"
    listed = client.get(page).content.decode()
    assert listed.count(world.adam.printed_name) >= 4
    assert not INLINE.search(listed)
    assert as_(world.rita).get(page).status_code == 403
