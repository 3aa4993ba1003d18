"""Incidents, reviews and attestations by page and through the API."""

from django.test import Client
from django.urls import reverse

from governance import attestations
from governance.models import Attestation, Incident, PeriodicReview, Severity
from tests.governance.test_findings import raised
from tests.world import NOW, PASSWORD, World, later


def browser(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


def proof(name: str) -> dict[str, str]:
    return {"user_name": name, "password": PASSWORD}


def test_an_incident_is_recorded_reported_and_closed_on_pages(world, clock):
    model = world.model()
    answer = browser(world, "ola").post(
        reverse("web:record_incident"),
        {
            "model": str(model.pk),
            "kind": "serious",
            "title": "Wrong refusals",
            "text": "Forty households.",
            "hours": "2",
        },
    )
    row = Incident.objects.get()
    page = reverse("web:incident", args=[row.pk])
    assert answer.url == page
    cora = browser(world, "cora")
    cora.post(page, {"act": "report", "authority": "BNetzA", "reference": "1"})
    body = {"act": "close", "root_cause": "A default.", "corrective_action": "Fixed."}
    assert cora.post(page, body).status_code == 302
    assert "closed" in cora.get(reverse("web:incidents")).content.decode()


def test_a_review_is_signed_on_its_page(world, clock):
    model = world.model()
    body = {"kind": "review", "outcome": "fit", "text": "Looked.", **proof("rita")}
    page = reverse("web:review", args=[model.slug])
    assert browser(world, "rita").post(page, body).status_code == 302
    assert PeriodicReview.objects.get().reviewed_by == world.rita
    assert model.name in browser(world, "rita").get("/reviews/").content.decode()


def test_the_fleet_is_attested_on_its_page(world, clock):
    world.model()
    body = {
        "period_from": later(days=-90).date().isoformat(),
        "period_until": NOW.date().isoformat(),
        "scope": "*",
        **dict.fromkeys(attestations.QUESTIONS, "on"),
        **proof("eva"),
    }
    eva = browser(world, "eva")
    answer = eva.post(reverse("web:attest"), body)
    row = Attestation.objects.get()
    assert row.snapshot_sha256 in eva.get(answer.url).content.decode()
    assert "*" in eva.get(reverse("web:attestations")).content.decode()


def test_the_api_records_reviews_and_attests(world, caller, clock):
    model = world.model()
    ola, rita, eva = (caller(user=name) for name in ("ola", "rita", "eva"))
    told = ola.post(
        "incidents",
        {
            "model": model.slug,
            "kind": "death",
            "title": "T",
            "text": "X",
            "aware_at": NOW.isoformat(),
        },
    )
    assert told.json()["report_due_at"], told.content
    at = f"incidents/{told.json()['id']}"
    early = rita.post(f"{at}/closure", {"root_cause": "a", "corrective_action": "b"})
    assert early.status_code == 409
    sent = {"authority": "BNetzA", "sent_at": NOW.isoformat()}
    assert rita.post(f"{at}/report", sent).status_code == 201
    body = {
        "model": model.slug,
        "kind": "review",
        "outcome": "fit",
        "text": "Looked.",
        "password": PASSWORD,
    }
    assert rita.post("reviews", body).status_code == 201
    due = rita.get("reviews/due").json()
    assert {one["kind"] for one in due} == {"review", "revalidation"}
    attested = {
        "period_from": later(days=-90).date().isoformat(),
        "period_until": NOW.date().isoformat(),
        "answers": {name: {"yes": True} for name in attestations.QUESTIONS},
        "password": PASSWORD,
    }
    answer = eva.post("attestations", attested)
    assert answer.status_code == 201, answer.content
    raised(world, model, severity=Severity.CRITICAL)
    assert eva.post("attestations", attested).status_code == 409
    assert len(eva.get("attestations").json()) == 1
