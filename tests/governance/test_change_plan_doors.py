"""Change plans through the API and on pages."""

from django.test import Client

from governance.models import ChangePlan, ChangeRecord
from tests.governance.change_stage import WISH, changed, made, planned_base
from tests.world import PASSWORD, later

TEXTS = {name: getattr(WISH, name) for name in ("changes", "protocol", "impact")}


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_plan_is_filed_read_and_ended_through_the_api(world, caller, clock):
    made(world, world.model(), "1")
    owner = caller(user="anna")
    body = {
        **TEXTS,
        "limits": list(WISH.limits),
        "most_changes": 2,
        "valid_until": later(days=99).isoformat(),
        "password": PASSWORD,
    }
    address = "models/mortgage-approval/versions/1/change-plans"
    answer = owner.post(address, body)
    assert answer.status_code == 201, answer.content
    (listed,) = owner.get("change-plans").json()
    assert listed["subject_sha256"] == ChangePlan.objects.get().subject_sha256
    ended = owner.post(f"change-plans/{listed['id']}/end", {"reason": "Too wide."})
    assert ended.json()["ended_at"] is not None


def test_the_api_shows_limit_by_limit_whether_a_change_is_inside(world, caller, clock):
    plan = planned_base(world)
    made(world, plan.version.model, "2")
    owner = caller(user="anna")
    address = "models/mortgage-approval/versions/2/change-record"
    body = {"plan": str(plan.pk), "changed": "Retrained.", "reason": "Newer data."}
    assert owner.post(address, body).status_code == 201
    assert owner.post(address, body).status_code == 409
    found = owner.get(f"{address}/production").json()
    assert found["light_path"] is True
    assert all(limit["passed"] for limit in found["limits"])
    assert len(owner.get("change-records").json()) == 1


def test_the_pages_file_a_plan_and_record_a_change(world, clock):
    plan = planned_base(world)
    made(world, plan.version.model, "2")
    made(world, plan.version.model, "3")
    owner = as_(world.anna)
    page = "/models/mortgage-approval/versions/2/change"
    assert owner.get(page).status_code == 200
    fields = {"plan": str(plan.pk), "changed": "Retrained.", "reason": "Newer data."}
    assert owner.post(page, fields).status_code == 302
    assert ChangeRecord.objects.get().version.version == "2"
    assert "light path" in owner.get(page).content.decode()
    fields = {
        **TEXTS,
        "limits": "performance; roc_auc; ; 0.78;",
        "most_changes": "2",
        "valid_until": later(days=99).date().isoformat(),
        "user_name": "anna",
        "password": PASSWORD,
    }
    page = "/models/mortgage-approval/versions/3/change-plan"
    wrong = owner.post(page, {**fields, "limits": "roc_auc 0.78"})
    assert "four semicolons" in wrong.content.decode()
    assert owner.post(page, fields).status_code == 302
    assert "Retraining" in owner.get("/change-plans/").content.decode()


def test_the_second_line_ends_a_plan_on_its_page(world, clock):
    plan = planned_base(world)
    changed(world, plan)
    page = f"/change-plans/{plan.pk}/"
    client = as_(world.rita)
    assert "End it for good" in client.get(page).content.decode()
    answer = client.post(page, {"act": "end", "text": "Too wide."})
    assert answer.status_code == 302
    assert ChangePlan.objects.get().end.ended_by == world.rita
