"""What people do on pages: the act's sentence stands beside the field."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits.capture import relation
from audits.models import Entry, EvidenceRun
from governance import approvals, lifecycle, roles
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Dossier,
    RiskAssessment,
    Signature,
    SignatureAttempt,
    Status,
    Withdrawal,
)
from registry.models import RegisteredModel, Role
from tests.governance.test_simulation import granted_of
from tests.world import NOW, PASSWORD, RECORD, later


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """An hour after the world began: pages ask the clock, tests say what it shows."""
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def submitted(world) -> ApprovalRequest:
    return approvals.submit(
        version=world.ready(),
        environment=world.production,
        by=world.anna,
        at=timezone.now(),
    )


def sign(person, request, **fields):
    address = reverse("web:approval", args=[request.pk])
    proof = {"user_name": person.username, "password": PASSWORD}
    fields = {"meaning": "review", "comment": "", **proof, **fields}
    return as_(person).post(address, fields)


def record(world, **fields) -> dict[str, object]:
    return {
        **RECORD,
        "slug": "churn",
        "jurisdictions": "US, EU",
        "ai_act_class": "minimal",
        "owner": world.anna.pk,
        "developer": world.ben.pk,
        **fields,
    }


def test_owner_registers_a_model_and_lands_on_its_page(world):
    answer = as_(world.anna).post(reverse("web:register_model"), record(world))
    assert answer.status_code == 302
    model = RegisteredModel.objects.get(slug="churn")
    assert answer.headers["Location"] == reverse("web:model", args=["churn"])
    assert model.jurisdictions == ["US", "EU"]
    entry = Entry.objects.get(
        rel=relation(RegisteredModel), pk_text=str(model.pk), op="I"
    )
    assert entry.actor == str(world.anna.pk)
    assert '"via": "page"' in entry.body


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"slug": "Not a slug"}, "lower-case letters"),
        ({"purpose": ""}, "This field is required."),
        ({"owner": "00000000-0000-4000-8000-000000000000"}, "valid choice"),
        (
            {"valid_from": "2026-01-02", "valid_until": "2026-01-01"},
            "Validity must end after it begins.",
        ),
    ],
)
def test_wrong_record_is_refused_beside_its_field(world, fields, sentence):
    answer = as_(world.anna).post(
        reverse("web:register_model"), record(world, **fields)
    )
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not RegisteredModel.objects.exists()


def test_same_short_name_is_refused(world):
    world.model("churn")
    answer = as_(world.anna).post(reverse("web:register_model"), record(world))
    assert answer.status_code == 200
    assert RegisteredModel.objects.count() == 1


def test_auditor_registers_nothing(world):
    answer = as_(world.ines).post(reverse("web:register_model"), record(world))
    assert answer.status_code == 403
    assert not RegisteredModel.objects.exists()


def test_edit_changes_only_what_was_changed(world):
    model = world.model()
    fields = record(world, purpose="Another purpose.", validator=world.vera.pk)
    answer = as_(world.anna).post(reverse("web:edit_model", args=[model.slug]), fields)
    assert answer.status_code == 302
    model.refresh_from_db()
    assert model.purpose == "Another purpose."
    assert model.validator == world.vera


SCENARIOS = {
    f"{kind}-{part}": value
    for kind in ("unavailable", "wrong-for-one-case", "decay", "people-gone")
    for part, value in (("likelihood", "2"), ("impact", "3"), ("reason", "It may."))
}


def test_risk_is_assessed_on_the_matrix(world):
    model = world.model()
    answer = as_(world.rita).post(
        reverse("web:assess", args=[model.slug]),
        {"inherent": "5x4", "rationale": "Harm.", "residual": "2x4", **SCENARIOS},
    )
    assert answer.status_code == 302
    found = RiskAssessment.objects.get()
    assert (found.likelihood, found.impact, found.band) == (5, 4, "severe")
    assert (found.residual_likelihood, found.residual_impact) == (2, 4)


@pytest.mark.parametrize("cell", ["", "6x1", "0x0", "4x", "x"])
def test_place_outside_the_matrix_is_refused(world, cell):
    model = world.model()
    answer = as_(world.rita).post(
        reverse("web:assess", args=[model.slug]),
        {"inherent": cell, "rationale": "Harm.", **SCENARIOS},
    )
    assert answer.status_code == 200
    assert not RiskAssessment.objects.exists()


def test_prohibited_practice_gets_a_sentence(world):
    model = world.model(ai_act_class="prohibited")
    answer = as_(world.rita).post(
        reverse("web:assess", args=[model.slug]),
        {"inherent": "5x5", "rationale": "Harm.", **SCENARIOS},
    )
    assert "prohibited practice" in answer.content.decode()


def test_evidence_is_requested_and_watched(world):
    version, data = world.version(world.model()), world.data()
    answer = as_(world.ben).post(
        reverse("web:measure", args=["mortgage-approval", version.version]),
        {"kind": "fairness", "dataset": data.pk},
    )
    run = EvidenceRun.objects.get()
    assert answer.headers["Location"] == reverse("web:evidence", args=[run.pk])
    assert (run.config["threshold"], run.config["favourable"]) == (0.5, 1)
    page = as_(world.ines).get(reverse("web:evidence", args=[run.pk])).content.decode()
    assert "Waiting for a worker" in page
    bar = as_(world.ines).get(reverse("web:progress", args=[run.pk]))
    assert "HX-Refresh" not in bar.headers
    run.state, run.failure = "failed", "The model is broken."
    run.save()
    bar = as_(world.ines).get(reverse("web:progress", args=[run.pk]))
    assert bar.headers["HX-Refresh"] == "true"
    page = as_(world.ines).get(reverse("web:evidence", args=[run.pk])).content.decode()
    assert "The model is broken." in page


def test_what_is_missing_is_listed_on_submitting(world):
    version = world.version(world.model())
    answer = as_(world.anna).post(
        reverse("web:submit", args=["mortgage-approval", version.version]),
        {"environment": world.production.pk},
    )
    page = answer.content.decode()
    assert "cannot be submitted yet" in page
    assert "not assessed" in page
    assert not ApprovalRequest.objects.exists()


def test_validator_signs_and_sees_the_digest_of_the_record(world):
    request = submitted(world)
    page = as_(world.vera).get(reverse("web:approval", args=[request.pk]))
    assert "I, Vera Haas, acting as Validator, have reviewed" in page.content.decode()
    assert sign(world.vera, request, comment="Sound.").status_code == 302
    signature = Signature.objects.get()
    page = as_(world.ines).get(reverse("web:approval", args=[request.pk]))
    assert signature.record_sha256[:8] in page.content.decode()


def test_two_signatures_authorise(world):
    request = submitted(world)
    sign(world.vera, request)
    sign(world.carl, request, meaning="approval")
    assert Authorisation.objects.get().version == request.version
    page = as_(world.ines).get(reverse("web:approval", args=[request.pk]))
    assert "approved" in page.content.decode()


def test_wrong_password_is_told_beside_the_field_and_kept(world):
    request = submitted(world)
    answer = sign(world.vera, request, password="wrong")
    assert answer.status_code == 200
    assert "The password is wrong. Nothing was signed." in answer.content.decode()
    assert not Signature.objects.exists()
    assert SignatureAttempt.objects.count() == 1


def test_developer_cannot_sign_and_is_told_why(world):
    request = submitted(world)
    page = as_(world.ben).get(reverse("web:approval", args=[request.pk]))
    assert "You cannot sign this" in page.content.decode()
    sign(world.ben, request)
    assert not Signature.objects.exists()


def test_rejection_without_a_reason_is_refused(world):
    request = submitted(world)
    answer = sign(world.carl, request, meaning="rejection")
    assert "Say why you reject it." in answer.content.decode()
    assert not Signature.objects.exists()


def test_asker_takes_the_request_back(world):
    request = submitted(world)
    address = reverse("web:withdraw", args=[request.pk])
    as_(world.anna).post(address, {"reason": "A mistake."})
    request.refresh_from_db()
    assert request.withdrawal.reason == "A mistake."


def test_reason_that_cannot_be_stored_is_no_error(world):
    request = submitted(world)
    address = reverse("web:withdraw", args=[request.pk])
    answer = as_(world.anna).post(address, {"reason": "A mistake.\x00"})
    assert "Null characters are not allowed." in answer.content.decode()
    assert "A mistake." in answer.content.decode()
    assert not Withdrawal.objects.exists()


def test_risk_manager_suspends_an_authorisation(world):
    request = submitted(world)
    sign(world.vera, request)
    sign(world.carl, request, meaning="approval")
    authorisation = Authorisation.objects.get()
    address = reverse("web:authorisation", args=[authorisation.pk])
    answer = as_(world.rita).post(address, {"to": "suspended", "reason": "Drift."})
    assert answer.status_code == 302
    assert authorisation.changes.get().state == "suspended"
    answer = as_(world.rita).post(address, {"to": "suspended", "reason": "Again."})
    assert "cannot become" in answer.content.decode()


def test_dossier_is_asked_for_and_not_downloadable_before_it_is_ready(world):
    version = world.version(world.model())
    answer = as_(world.ines).post(
        reverse("web:request_dossier", args=["mortgage-approval", version.version]),
        {"language": "de", "paper": "A4"},
    )
    dossier = Dossier.objects.get()
    assert answer.headers["Location"] == reverse("web:dossier", args=[dossier.pk])
    pdf = as_(world.ines).get(reverse("web:dossier_pdf", args=[dossier.pk]))
    assert pdf.status_code == 404


def test_form_of_another_site_is_refused(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.anna)
    answer = client.post(reverse("web:register_model"), record(world))
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


def test_a_version_is_retired_by_two_signatures_on_pages(world):
    version = world.version(world.model())
    url = reverse("web:retire", args=["mortgage-approval", version.version])
    assert "required" in as_(world.anna).post(url, {"reason": ""}).content.decode()
    body = {"reason": "Replaced by version 2.", "retain_until": "2040-01-01"}
    answer = as_(world.anna).post(
        url, {**body, "user_name": "anna", "password": PASSWORD}
    )
    assert answer.status_code == 302, answer.content.decode()
    assert lifecycle.status_of(version) != Status.RETIRED
    answer = as_(world.rita).post(url, {"user_name": "rita", "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    assert lifecycle.status_of(version) == Status.RETIRED
    assert as_(world.ben).get(url).status_code == 403


def test_retiring_is_offered_to_the_next_hand_alone(world):
    version = world.version(world.model())
    url = reverse("web:retire", args=["mortgage-approval", version.version])
    roles.grant(user=world.anna, role=Role.RISK_MANAGER, by=world.adam, at=NOW)

    def offered() -> set[str]:
        """Who finds the link on the page of the version."""
        address = reverse("web:version", args=["mortgage-approval", version.version])
        return {
            name
            for name in ("anna", "ben", "rita")
            if f'href="{url}"' in text(as_(world.people[name]).get(address))
        }

    signed = {"reason": "Old.", "retain_until": "2040-01-01", "password": PASSWORD}
    assert offered() == {"anna"}
    as_(world.anna).post(url, {**signed, "user_name": "anna"})
    assert offered() == {"rita"}
    refused = as_(world.anna).get(url)
    assert refused.status_code == 403
    assert "Another person confirms a retirement." in refused.content.decode()
    as_(world.rita).post(url, {**signed, "user_name": "rita"})
    assert offered() == set()
    said = text(as_(world.rita).get(url))
    assert "This version is retired." in said
    assert 'type="password"' not in said


def test_what_is_authorised_is_said_to_be_so_before_anybody_signs(world):
    version = world.ready()
    granted_of(world, version)
    url = reverse("web:retire", args=["mortgage-approval", version.version])
    said = text(as_(world.anna).get(url))
    assert "It is still authorised" in said
    assert 'type="password"' not in said
