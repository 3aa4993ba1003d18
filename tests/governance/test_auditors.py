"""The auditor's room: access in scope and time only, requests, samples that hold."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from governance import access, audit_scope, auditing, feeding, findings
from governance.auditing import requests
from registry.models import RegisteredModel, User
from tests.governance.auditors_stage import given, outsider, staged
from tests.governance.callers import Caller, pointers
from tests.governance.test_pages_log import as_
from tests.world import NOW, World, later


@pytest.fixture
def stage(db) -> tuple[World, User]:
    return staged()


def test_without_an_access_an_external_auditor_sees_nothing(stage):
    world, iris = stage
    for name in ("inventory", "log_entries", "auditors", "gate", "policy"):
        answer = as_(iris).get(reverse(f"web:{name}"))
        assert answer.status_code == 403, name
        assert b"No access of yours holds now" in answer.content


def test_an_access_opens_its_models_and_nothing_else(stage):
    world, iris = stage
    model = RegisteredModel.objects.get()
    given(world, iris, patterns=[model.slug])
    client = as_(iris)
    assert client.get(reverse("web:model", args=[model.slug])).status_code == 200
    room = client.get(reverse("web:auditors"))
    assert room.status_code == 200
    assert model.name in room.content.decode()
    for name in ("inventory", "log_entries", "log", "gate", "policy", "findings"):
        assert client.get(reverse(f"web:{name}")).status_code == 403, name
    given(world, outsider("jo"), patterns=["other-*"])
    jo = as_(User.objects.get(username="jo"))
    answer = jo.get(reverse("web:model", args=[model.slug]))
    assert answer.status_code == 403
    assert b"not for the model" in answer.content


def test_an_access_ends_by_itself_and_at_once_when_it_is_ended(stage):
    world, iris = stage
    row = given(world, iris)
    now = timezone.now()
    assert audit_scope.slugs(iris, now)
    with pytest.raises(audit_scope.NoAccess):
        audit_scope.slugs(iris, row.ends_at)
    with pytest.raises(audit_scope.NoAccess):
        audit_scope.slugs(iris, row.begins_at - timedelta(seconds=1))
    auditing.end_access(access=row, reason="Done", by=world.cora, at=now)
    with pytest.raises(audit_scope.NoAccess):
        audit_scope.slugs(iris, now)


def test_a_unit_opens_the_models_of_its_owners(stage):
    world, iris = stage
    model = RegisteredModel.objects.get()
    User.objects.filter(pk=model.owner_id).update(unit="Retail")
    now = timezone.now()
    auditing.give_access(
        auditor=iris,
        models_patterns=[],
        units=["Retail"],
        begins_at=now,
        ends_at=now + timedelta(days=1),
        reason="Unit",
        by=world.cora,
        at=now,
    )
    assert model.slug in audit_scope.slugs(iris, now)
    User.objects.filter(pk=model.owner_id).update(unit="Elsewhere")
    assert model.slug not in audit_scope.slugs(iris, now)


def test_only_external_auditors_are_given_access_and_not_by_who_made_them_one(stage):
    world, iris = stage
    with pytest.raises(auditing.CannotGive, match="none of an external auditor"):
        given(world, world.anna)
    with pytest.raises(auditing.CannotGive, match="within 366 days"):
        given(world, iris, days=367)
    with pytest.raises(auditing.CannotGive, match="Name models"):
        given(world, iris, patterns=[" "])
    iris.role_assignments.update(granted_by=world.rita)
    with pytest.raises(auditing.CannotGive, match="does not give the access as well"):
        given(world, iris)


def test_a_pattern_or_unit_that_is_too_long_is_named_and_no_error(stage):
    world, iris = stage
    now = timezone.now()
    terms = {
        "auditor": str(iris.pk),
        "begins_at": f"{now:%Y-%m-%dT%H:%M}",
        "ends_at": f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}",
        "reason": "Audit of the year",
    }
    for wrong in ({"models_patterns": "m" * 201}, {"units": "u" * 121}):
        answer = as_(world.rita).post(reverse("web:give_access"), terms | wrong)
        assert answer.status_code == 200
        assert list(answer.context["form"].errors) == list(wrong)


def test_a_request_is_answered_reopened_and_closed(stage):
    world, iris = stage
    model = RegisteredModel.objects.get()
    given(world, iris, patterns=[model.slug])
    client = as_(iris)
    due = (timezone.now() + timedelta(days=3)).date()
    answer = client.post(
        reverse("web:ask_auditee"),
        {"question": "Who chose the data?", "model": model.slug, "due_on": due},
    )
    address = answer.headers["Location"]
    said = as_(world.anna).post(
        address,
        {"act": "answer", "text": "I did.", "reference": "//evil.example"},
    )
    assert "from its first slash" in said.content.decode()
    place = reverse("web:model", args=[model.slug])
    as_(world.anna).post(
        address, {"act": "answer", "text": "I did.", "reference": place}
    )
    page = client.get(address).content.decode()
    assert "I did." in page
    assert f'<a href="{place}">' in page
    client.post(address, {"act": "reopen", "text": "And when?"})
    row = requests.requests_for(world.ines).get()
    assert requests.state_in(row) == requests.State.OPEN
    client.post(address, {"act": "close", "text": ""})
    row = requests.requests_for(world.ines).get()
    assert requests.state_in(row) == requests.State.CLOSED
    with pytest.raises(auditing.CannotAsk, match="closed"):
        auditing.answer(
            request=row, text="Late", reference="", by=world.anna, at=timezone.now()
        )


def test_what_others_asked_is_hidden_from_an_external_auditor(stage):
    world, iris = stage
    model = RegisteredModel.objects.get()
    given(world, iris, patterns=[model.slug])
    now = timezone.now()
    row = auditing.ask(
        question="Secret?", model=model, due_on=now.date(), by=world.ines, at=now
    )
    address = reverse("web:audit_request", args=[row.pk])
    assert as_(iris).get(address).status_code == 404
    assert as_(world.anna).get(address).status_code == 200


def test_lineage_names_no_model_outside_the_scope(stage):
    world, iris = stage
    version = world.ready("mortgage-mine")
    others = [
        world.model(slug, name=slug.title())
        for slug in ("secret-source", "secret-target")
    ]
    for upstream, model in ((others[0], version.model), (version.model, others[1])):
        feeding.declare(
            upstream=upstream, model=model, note="", ended=False, by=world.anna, at=NOW
        )
    findings.raise_finding(
        model=others[0],
        severity="high",
        title="Secret finding",
        text="It leaks.",
        due_on=later(days=9).date(),
        by=world.vera,
        at=NOW,
    )
    given(world, iris, patterns=["mortgage-mine"])
    slug = version.model.slug
    pages = {
        reverse("web:model", args=[slug]): 1,
        reverse("web:version", args=[slug, version.version]): 1,
        reverse("web:aggregate", args=[slug]): 2,
        reverse("web:model_lineage", args=[slug]): 2,
    }
    for address, least in pages.items():
        page = as_(iris).get(address).content.decode()
        assert "secret" not in page.lower(), address
        assert page.count("outside your scope") >= least, address
        assert "secret-source" in as_(world.rita).get(address).content.decode()
    for address in ("aggregate-risk", "feeds"):
        answer = as_(iris).get(f"/api/v1/models/{slug}/{address}")
        assert answer.status_code in (401, 403), address
        assert b"secret" not in answer.content
    learned = reverse("web:dataset_lineage", args=["applications"])
    assert as_(iris).get(learned).status_code == 403


def test_the_api_is_as_narrow_as_the_pages(stage):
    world, iris = stage
    model = RegisteredModel.objects.get()
    world.model("churn", name="Churn")
    row = given(world, iris, patterns=[model.slug])
    _token, secret = access.issue_token(
        name="iris", user=iris, by=access.system_user(), at=timezone.now()
    )
    caller = Caller(secret)
    assert [one["slug"] for one in caller.get("models").json()] == [model.slug]
    assert caller.get(f"models/{model.slug}").status_code == 200
    assert caller.get("models/churn").status_code == 403
    answer = caller.post("dossiers", {"variant": "portfolio"})
    assert pointers(answer) == ["/variant"], "a portfolio is of all models"
    for path in ("policies", "log/entries/0", "log/objects/registry_user/1", "gate"):
        assert caller.get(path).status_code == 403, path
    due = str(timezone.now().date())
    asked = caller.post("audit-requests", {"question": "?", "due_on": due})
    assert pointers(asked) == ["/model"]
    body = {"question": "Why?", "due_on": due, "model": model.slug}
    made = caller.post("audit-requests", body)
    assert made.status_code == 201
    path = f"audit-requests/{made.json()['id']}"
    assert caller.post(f"{path}/answers", {"text": "x"}).status_code == 403
    assert caller.post(f"{path}/closure", {}).json()["state"] == "closed"
    entries = {"kind": "entries", "begin": due, "end": due, "size": 1, "reason": "x"}
    assert pointers(caller.post("audit-samples", entries)) == ["/kind"]
    auditing.end_access(access=row, reason="Done", by=world.cora, at=timezone.now())
    assert caller.get("models").status_code == 403


def test_an_external_auditor_without_a_person_gets_no_access(stage):
    world, iris = stage
    User.objects.filter(pk=iris.pk).update(is_machine=True)
    iris.refresh_from_db()
    with pytest.raises(auditing.CannotGive, match="none of an external auditor"):
        given(world, iris)


@pytest.mark.parametrize(
    "reference", ["//evil.example", "/\\evil.example", "/\t/evil.example", "evil"]
)
def test_a_reference_that_a_browser_follows_elsewhere_is_refused(stage, reference):
    world, _iris = stage
    now = timezone.now()
    row = auditing.ask(
        question="Why?", model=None, due_on=now.date(), by=world.ines, at=now
    )
    with pytest.raises(auditing.CannotAsk, match="from its first slash"):
        auditing.answer(
            request=row, text="Here.", reference=reference, by=world.rita, at=now
        )
