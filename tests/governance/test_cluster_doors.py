"""What docs/doors.md and docs/reconciliation.md tell clusters and operators."""

import json

import yaml
from django.test import Client
from django.urls import reverse

from governance import access, conditions, reconciliation
from governance.models import DeploymentSource, GateDecision, Rollback
from registry.models import Role
from tests.governance.callers import pointers
from tests.governance.cluster import ELSEWHERE, SHA, review, service
from tests.governance.doors import EXAMPLES, ROOT
from tests.governance.sources import TOKEN
from tests.governance.test_gate import approved
from tests.governance.test_superseding import ask_for, deploy, grant, second, two
from tests.world import NOW, later

FOLDER = EXAMPLES / "kubernetes"
PAGES = "\n".join(
    (ROOT / "docs" / name).read_text() for name in ("doors.md", "reconciliation.md")
)
SOURCE = {
    "name": "production-cluster",
    "kind": "kubernetes",
    "environment": "production",
    "secret": TOKEN,
}


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def manifest(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text())


def test_the_pages_show_the_files_as_they_are():
    names = sorted(path.name for path in FOLDER.iterdir())
    assert len(names) == 8
    for name in names:
        if name != "source-mlflow.json":
            assert (FOLDER / name).read_text() in PAGES, name
    assert (FOLDER / "source-mlflow.json").read_text() in PAGES


def test_the_webhook_fails_closed_in_the_labelled_namespaces():
    (hook,) = manifest("webhook.yaml")["webhooks"]
    assert hook["failurePolicy"] == "Fail"
    assert hook["sideEffects"] == "NoneOnDryRun"
    assert hook["admissionReviewVersions"] == ["v1"]
    assert 5 < hook["timeoutSeconds"] <= 30
    # Kubernetes allows neither users nor queries in the address.
    address = hook["clientConfig"]["url"]
    assert address.startswith("https://")
    assert not set("?#@") & set(address)
    labels = manifest("namespace.yaml")["metadata"]["labels"]
    assert hook["namespaceSelector"]["matchLabels"].items() <= labels.items()
    assert address.endswith(f"/{labels['freigabe/environment']}")
    config = manifest("admission.yaml")["plugins"][0]["configuration"]
    assert config["kubeConfigFile"].endswith("/kubeconfig.yaml")
    (user,) = manifest("kubeconfig.yaml")["users"]
    assert f"https://{user['name']}/" in address
    assert "token" not in user["user"]


def test_the_example_is_admitted_at_the_address_of_the_webhook(world, caller, clock):
    approved(world)
    (hook,) = manifest("webhook.yaml")["webhooks"]
    door = hook["clientConfig"]["url"].partition("/api/v1/")[2]
    made = manifest("inference-service.yaml")
    asked = caller(Role.CI, environments=("production",))
    assert not asked.post(door, review(made)).json()["response"]["allowed"]
    made["metadata"]["annotations"][SHA] = f"sha256:{world.artifact().sha256}"
    assert asked.post(door, review(made)).json()["response"]["allowed"]
    group, plural = "serving.kserve.io", "inferenceservices"
    assert group in hook["rules"][0]["apiGroups"]
    assert plural in hook["rules"][0]["resources"]


def test_the_reader_may_list_what_is_looked_at_and_nothing_else():
    *_rest, role, _binding = yaml.safe_load_all((FOLDER / "reader.yaml").read_text())
    (rule,) = role["rules"]
    assert rule["verbs"] == ["list"]
    assert rule["resources"] == ["inferenceservices", "llminferenceservices"]


def test_the_example_sources_are_configured_but_for_their_address(
    world, caller, cluster
):
    ola = caller(user="ola")
    for name in ("source-cluster.json", "source-mlflow.json"):
        body = json.loads((FOLDER / name).read_text()) | {"url": cluster.url}
        assert ola.post("deployment-sources", body).status_code == 201, name


def test_every_act_on_sources_has_a_call(world, caller, cluster):
    ola = caller(user="ola")
    body = SOURCE | {"url": cluster.url}
    answer = ola.post("deployment-sources", body | {"url": "http://10.0.0.1"})
    assert (answer.status_code, pointers(answer)) == (422, ["/url"])
    made = ola.post("deployment-sources", body)
    assert made.status_code == 201
    assert ola.post("deployment-sources", body).status_code == 409
    (listed,) = ola.get("deployment-sources").json()
    assert TOKEN not in made.content.decode() + json.dumps(listed)
    assert "secret" not in listed
    path = f"deployment-sources/{listed['id']}"
    cluster.services = [service(ELSEWHERE)]
    source = DeploymentSource.objects.get()
    reconciliation.reconcile(source=source, by=access.system_user(), at=NOW)
    assert caller(user="rita").post(f"{path}/looks", {}).status_code == 202
    assert ola.get(f"{path}/looks").json()[0]["found"] == 1
    assert ola.post(f"{path}/secret", {"secret": "a b"}).status_code == 422
    assert ola.post(f"{path}/secret", {"secret": "other"}).status_code == 200
    for name in ("anna", "ines", "rita"):
        other = caller(user=name)
        assert other.post("deployment-sources", body).status_code == 403
        assert other.post(f"{path}/end", {"reason": "x"}).status_code == 403
    assert ola.post(f"{path}/end", {"reason": "Moved."}).json()["ended_at"]
    for act in ("end", "secret", "looks"):
        body = {"reason": "x", "secret": "x"}
        assert ola.post(f"{path}/{act}", body).status_code == 409


def test_what_runs_is_listed_within_the_scope_of_a_token(world, caller, cluster, clock):
    version = approved(world)
    cluster.services = [service(ELSEWHERE, "shadow")]
    source = reconciliation.configure(
        wish=reconciliation.Wish(
            name="k", kind="kubernetes", url=cluster.url, environment=world.production
        ),
        by=world.ola,
        at=NOW,
    )
    deploy(world, version, str(ask_for(world, "1", at=NOW).pk), at=NOW)
    answer = caller(user="rita").get("deployments/running").json()
    assert [one["state"] for one in answer["deployments"]] == ["permitted"]
    assert answer["sources"][0]["reached"] is False
    reconciliation.replace_secret(source=source, secret=TOKEN, by=world.ola, at=NOW)
    source.refresh_from_db()
    reconciliation.reconcile(source=source, by=access.system_user(), at=NOW)
    answer = caller(user="rita").get("deployments/running").json()
    states = [one["state"] for one in answer["deployments"]]
    assert states == ["unauthorised", "permitted"]
    rows = caller(user="rita").get("deployments/running?state=unauthorised").json()
    assert rows["deployments"][0]["place"] == "models/InferenceService/shadow"
    narrow = caller(Role.CI, models_pattern="mortgage-*")
    found = narrow.get("deployments/running").json()["deployments"]
    assert [one["model"] for one in found] == ["mortgage-approval"]
    elsewhere = caller(Role.CI, models_pattern="churn-*")
    assert elsewhere.get("deployments/running").json()["deployments"] == []
    assert caller(user="rita").get("deployments/running?state=x").status_code == 422
    page = as_(world.rita).get("/deployments/").content.decode()
    assert "models/InferenceService/shadow" in page
    assert "unauthorised: 1" in page
    page = as_(world.rita).get("/deployments/?state=permitted").content.decode()
    assert "models/InferenceService/shadow" not in page


def test_what_runs_comes_in_pages_that_leave_nothing_out(world, caller, cluster, clock):
    names = [f"shadow-{number}" for number in range(5)]
    cluster.services = [service(ELSEWHERE, name) for name in names]
    source = reconciliation.configure(
        wish=reconciliation.Wish(
            **{key: SOURCE[key] for key in ("name", "kind", "secret")},
            url=cluster.url,
            environment=world.production,
        ),
        by=world.ola,
        at=NOW,
    )
    reconciliation.reconcile(source=source, by=access.system_user(), at=NOW)
    rita, found = caller(user="rita"), []
    following = "/api/v1/deployments/running?limit=2&state=unauthorised"
    while following:
        answer = rita.client.get(following)
        found.append([one["place"] for one in answer.json()["deployments"]])
        following = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert [len(rows) for rows in found] == [2, 2, 1]
    assert sorted(sum(found, [])) == [f"models/InferenceService/{n}" for n in names]
    whole = rita.get("deployments/running?limit=0")
    assert len(whole.json()["deployments"]) == 5
    assert "Link" not in whole.headers
    for cursor in ("x", "\u00e9", "e30=", "WyJ4Il0="):
        path = f"deployments/running?cursor={cursor}"
        assert rita.get(path).status_code == 404, cursor


def test_a_source_is_configured_looked_at_and_ended_on_its_pages(world, cluster, clock):
    ola, list_page = as_(world.ola), reverse("web:sources")
    form = SOURCE | {"url": "http://10.0.0.1", "interval_minutes": "5", "places": "a b"}
    assert "not public" in ola.post(list_page, form).content.decode()
    ola.post(list_page, form | {"url": cluster.url})
    row = DeploymentSource.objects.get()
    assert row.places == ["a", "b"]
    address = reverse("web:source", args=[row.pk])
    shown = ola.get(address).content.decode() + ola.get(list_page).content.decode()
    assert TOKEN not in shown
    assert row.secret not in shown
    clock(later(minutes=1))
    as_(world.rita).post(reverse("web:look", args=[row.pk]))
    row.refresh_from_db()
    assert row.asked_at == later(minutes=1)
    wrong = ola.post(address, {"act": "secret", "secret": "a b"}).content.decode()
    assert "visible ASCII" in wrong
    ola.post(address, {"act": "secret", "secret": "other"})
    assert (
        as_(world.rita).post(address, {"act": "end", "reason": "x"}).status_code == 403
    )
    ola.post(address, {"act": "end", "reason": "Moved."})
    row.refresh_from_db()
    assert (row.ended_reason, row.secret) == ("Moved.", "")
    assert "Look now" not in ola.get(address).content.decode()
    assert as_(world.adam).get(list_page).status_code == 200


def test_the_way_back_needs_a_permit_as_any_other(world, caller, clock):
    older, newer = two(world)
    first, latest = older.version, newer.version
    ask_for(world, "1", at=NOW)
    clock(later(minutes=10))
    permit = ask_for(world, "2")
    deploy(world, latest, str(permit.pk))
    ola = caller(user="ola")
    path = "models/mortgage-approval/rollbacks"
    offered = ola.get(f"{path}?environment=production").json()
    assert offered["running"] == "2"
    (one,) = offered["candidates"]
    assert (one["version"], one["allowed"]) == ("1", False)
    body = {"environment": "production", "version": "1", "reason": "Refuses too many."}
    answer = ola.post(path, body)
    assert answer.status_code == 200
    assert (answer.json()["decision"], answer.json()["permit"]) == ("deny", None)
    row = Rollback.objects.get()
    assert (row.from_version, row.decision.version) == (latest, first)
    assert not row.decision.allowed
    assert ola.post(path, body | {"version": "2"}).status_code == 409
    assert ola.post(path, body | {"reason": " "}).status_code == 422
    assert ola.post(path, body | {"version": "9"}).status_code == 404
    narrow = caller(Role.CI, models_pattern="churn-*")
    assert narrow.post(path, body).status_code == 403
    assert narrow.get(f"{path}?environment=production").status_code == 403
    address = reverse("web:way_back", args=["mortgage-approval", "production"])
    there = reverse("web:version", args=["mortgage-approval", "2"])
    assert address in as_(world.ola).get(there).content.decode()
    page = as_(world.ola).get(address).content.decode()
    assert "It would deny." in page
    assert "superseded by" in page
    done = as_(world.ola).post(address, {"version": "1", "reason": "Again."})
    assert done.status_code == 302
    assert Rollback.objects.count() == 2


def test_the_way_back_from_a_share_of_the_traffic_is_open(world, caller, clock):
    first = approved(world)
    assert ask_for(world, "1", at=NOW).allowed
    share = conditions.Stated("traffic", {"at_most_percent": 10})
    version = second(world, first)
    grant(world, version, stated=[share])
    clock(later(minutes=10))
    deploy(world, version, str(ask_for(world, "2").pk))
    path = "models/mortgage-approval/rollbacks"
    body = {"environment": "production", "version": "1", "reason": "Refuses too many."}
    answer = caller(user="ola").post(path, body, **{"Idempotency-Key": "back-1"})
    assert answer.json()["decision"] == "allow"
    assert answer.json()["permit"]
    again = caller(user="ola")
    assert again.get(f"{path}?environment=production").json()["candidates"][0][
        "allowed"
    ]
    assert Rollback.objects.get().decision.allowed
    assert GateDecision.objects.filter(version=first, allowed=True).count() == 2


def test_before_anything_ran_there_is_no_way_back(world, caller):
    approved(world)
    path = "models/mortgage-approval/rollbacks"
    found = caller(user="ola").get(f"{path}?environment=production").json()
    assert (found["running"], found["candidates"]) == (None, [])
    body = {"environment": "production", "version": "1", "reason": "x"}
    assert caller(user="ola").post(path, body).status_code == 409
    assert not Rollback.objects.exists()
