"""Incidents and their clock, reviews by tier, the executive's attestation."""

import json
from datetime import timedelta

import pytest

from governance import attestations, incidents, records, remedying, reviews, roles
from governance.lifecycle import State, state_of
from governance.models import Attestation, Authorisation, Incident, Severity
from governance.signatures import Proof, WrongPassword
from registry.digests import sha256_hex
from tests.governance.test_findings import raised
from tests.governance.test_gate import approved
from tests.world import NOW, PASSWORD, World, later

PROOF = Proof(password=PASSWORD)
Kind = Incident.Kind


def happened(world: World, model, kind=Kind.SERIOUS, **more) -> Incident:
    facts = {
        "title": "Wrong refusals",
        "text": "Forty households were refused by mistake.",
        "aware_at": NOW,
        **more,
    }
    account = incidents.Account(model=model, kind=kind, **facts)
    return incidents.record(account=account, by=world.ola, at=NOW)


@pytest.mark.parametrize(
    ("kind", "days"), [(Kind.SERIOUS, 15), (Kind.DEATH, 10), (Kind.WIDESPREAD, 2)]
)
def test_the_clock_of_article_73_runs_from_awareness(world, kind, days):
    row = happened(world, world.model(), kind)
    assert row.report_due_at == later(days=days)
    assert not incidents.overdue(row, later(days=days, seconds=-1))
    assert incidents.overdue(row, later(days=days))


def test_a_serious_incident_suspends_at_once_whoever_recorded_it(world):
    version = approved(world)
    happened(world, version.model)
    assert state_of(Authorisation.objects.get()) == State.SUSPENDED


def test_a_minor_incident_suspends_nothing(world):
    version = approved(world)
    assert happened(world, version.model, Kind.MINOR).report_due_at is None
    assert state_of(Authorisation.objects.get()) == State.ACTIVE


def test_a_serious_incident_is_closed_after_the_authority_was_told(world):
    row = happened(world, world.model())
    end = {
        "incident": row,
        "root_cause": "A wrong default.",
        "corrective_action": "Corrected.",
        "by": world.cora,
        "at": NOW,
    }
    with pytest.raises(incidents.WrongState, match="authority"):
        incidents.close(**end)
    incidents.report(
        incident=row,
        authority="BNetzA",
        reference="",
        sent_at=NOW,
        by=world.cora,
        at=NOW,
    )
    incidents.close(**end)


def test_awareness_does_not_lie_in_the_future(world):
    with pytest.raises(records.Refused):
        happened(world, world.model(), aware_at=later(hours=1))


@pytest.mark.parametrize(
    ("cell", "days"), [((5, 5), 182), ((4, 4), 365), ((1, 1), 730)]
)
def test_reviews_fall_due_by_tier(world, cell, days):
    model = world.model()
    world.assessed(model, *cell)
    found = reviews.due(model, reviews.Kind.REVIEW, NOW)
    assert found.due_on == later(days=days).date()
    assert found.overdue(later(days=days + 1))


def test_a_signed_review_moves_the_next_one(world):
    model = world.model()
    world.assessed(model)
    facts = {
        "model": model,
        "kind": reviews.Kind.REVIEW,
        "outcome": reviews.Outcome.FIT,
        "text": "Looked at the numbers.",
        "at": later(days=300),
    }
    with pytest.raises(WrongPassword):
        reviews.complete(proof=Proof(password="guess"), by=world.rita, **facts)
    reviews.complete(proof=PROOF, by=world.rita, **facts)
    found = reviews.due(model, reviews.Kind.REVIEW, later(days=301))
    assert found.due_on == later(days=665).date()


def test_owners_do_not_review_their_model(world):
    model = world.model()
    roles.grant(user=world.anna, role="risk-manager", by=world.adam, at=NOW)
    with pytest.raises(roles.NotAllowed):
        reviews.complete(
            model=model,
            kind=reviews.Kind.REVIEW,
            outcome=reviews.Outcome.FIT,
            text="Fine.",
            proof=PROOF,
            by=world.anna,
            at=NOW,
        )


YES = dict.fromkeys(attestations.QUESTIONS, attestations.Answer(True))


def attested(world: World, answers=YES, by=None, **period) -> Attestation:
    last = NOW.date()
    made = attestations.Period(last - timedelta(days=90), last, **period)
    return attestations.attest(
        period=made, answers=answers, proof=PROOF, by=by or world.eva, at=NOW
    )


def test_an_attestation_signs_a_snapshot_with_its_digest(world):
    approved(world)
    row = attested(world)
    assert row.snapshot_sha256 == sha256_hex(row.snapshot.encode())
    (model,) = json.loads(row.snapshot)["models"]
    assert (model["model"], model["tier"]) == ("mortgage-approval", 2)


def test_nobody_attests_while_a_critical_finding_is_open(world):
    finding = raised(world, severity=Severity.CRITICAL)
    with pytest.raises(attestations.CriticalFindings, match="self-employed"):
        attested(world)
    for act, by in (
        (remedying.resolve, world.anna),
        (remedying.verify, world.rita),
    ):
        act(finding=finding, text="Done.", by=by, at=NOW)
    attested(world)


def test_only_the_executive_attests(world):
    world.model()
    with pytest.raises(roles.NotAllowed):
        attested(world, by=world.rita)


@pytest.mark.parametrize(
    "answers",
    [{}, {**YES, "risk": attestations.Answer(False)}, {**YES, "x": YES["risk"]}],
)
def test_every_question_is_answered_and_a_no_has_its_reason(world, answers):
    world.model()
    with pytest.raises(records.Refused):
        attested(world, answers)


def test_a_scope_without_models_is_not_attested(world):
    world.model()
    with pytest.raises(records.Refused):
        attested(world, scope="nothing-*")
