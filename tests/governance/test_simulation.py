"""A draft over the whole portfolio, before it is published."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audits.evidence import latest_reports, latest_reports_by
from governance import (
    access,
    approvals,
    evaluations,
    findings,
    policy,
    publishing,
    roles,
    simulation,
)
from governance.case import Case
from governance.gathering import active_authorisations, cases
from governance.models import PolicyPack, Severity, Simulation
from governance.requirements import DEPLOY, denials, evaluate
from governance.signatures import Proof
from registry.models import RegisteredModel, Role
from tests.governance.test_publishing import EXTRA, TEXT, approved, author
from tests.world import EVERYWHERE, NOW, PASSWORD, later

__all__ = ["author"]


def simulated(world, author, text):
    revision = publishing.write(text=text, by=author, at=later(hours=1))
    return simulation.simulate(revision=revision, by=author, at=later(hours=1))


def test_a_simulation_names_who_would_lose_the_permit_and_why(world, author):
    approved(world)
    row = simulated(world, author, TEXT + EXTRA)
    assert (row.examined, row.losing) == (1, 1)
    (loss,) = json.loads(row.document)["losses"]
    assert loss["model"] == "mortgage-approval"
    assert [f["requirement"] for f in loss["failing"]] == ["first-011"]
    assert row.revision.draft.version == "2026.12.0"


def test_a_simulation_names_rules_in_the_language_of_who_reads(world, author):
    approved(world)
    row = simulated(world, author, TEXT + EXTRA)
    for language, title in (("en", "A strict screen"), ("de", "Eine strenge Prüfung")):
        reader = Client()
        reader.force_login(world.rita)
        reader.cookies["django_language"] = language
        page = reader.get(reverse("web:simulation", args=[row.pk])).content.decode()
        assert f"<td>{title} <small><code>first-011</code>" in page


def test_a_simulation_changes_nothing_and_an_equal_draft_loses_nothing(world, author):
    granted = approved(world)
    row = simulated(world, author, TEXT)
    assert (row.examined, row.losing) == (1, 0)
    case = Case(granted.version, world.production, later(hours=2)).as_granted()
    assert [item.pack.version for item in case.packs] == ["2026.11.0"]


def test_what_is_denied_already_is_not_counted_as_lost(world, author):
    approved(world)
    strict = policy.FIRST_POLICY.read_text("utf-8").replace("2026.11.0", "2026.11.1")
    policy.publish(text=strict + EXTRA, by=access.system_user(), at=later(minutes=1))
    row = simulated(world, author, TEXT + EXTRA)
    assert (row.losing, json.loads(row.document)["denied_already"]) == (0, 1)


def test_what_is_read_for_many_is_what_is_read_for_one(world):
    granted = approved(world)
    at = later(hours=1)
    keys = active_authorisations(at)
    assert keys == [granted.pk]
    (many,) = cases(keys, at=at, shelf=policy.shelf(at=at))
    one = Case(granted.version, world.production, at).as_granted()
    assert evaluate(many, DEPLOY) == evaluate(one, DEPLOY)
    by_version = latest_reports_by([granted.version])[granted.version_id]
    assert by_version == latest_reports(granted.version)


def test_not_everybody_simulates(world, author):
    revision = publishing.write(text=TEXT, by=author, at=NOW)
    with pytest.raises(roles.NotAllowed):
        simulation.simulate(revision=revision, by=world.ben, at=NOW)
    assert Role.DEVELOPER not in roles.RIGHTS["simulate policy"]
    assert not Simulation.objects.exists()


@pytest.mark.parametrize("recorded", [{}, EVERYWHERE], ids=["first", "all packs"])
def test_a_portfolio_is_judged_as_its_versions_one_by_one(world, recorded):
    for slug in ("one", "two", "three"):
        version = world.version(world.model(slug, **recorded))
        world.measured(version, world.data(slug))
        world.assessed(version.model)
        granted_of(world, version)
    around_two(world)
    at = later(hours=1)
    shelf = policy.shelf(at=at, packs=all_packs())
    for many in cases(active_authorisations(at), at=at, shelf=shelf):
        one = Case(many.version, many.environment, at).as_granted()
        one.knowing(shelf=shelf)
        assert evaluate(many, DEPLOY) == evaluate(one, DEPLOY)
        fresh = Case(many.version, many.environment, at).as_granted()
        fresh.knowing(shelf=shelf)
        assert denials(fresh, DEPLOY) == [c for c in evaluate(one, DEPLOY) if c.blocks]


def test_a_record_of_evaluation_agrees_with_the_simulation_to_the_letter(world):
    for slug in ("one", "two"):
        version = world.version(world.model(slug, **EVERYWHERE))
        world.measured(version, world.data(slug))
        world.assessed(version.model)
        granted_of(world, version)
    around_two(world)
    at = later(hours=1)
    shelf = policy.shelf(at=at, packs=all_packs())
    found = simulation.run(at=at, shelf=shelf)
    for loss in found.losses:
        row = RegisteredModel.objects.get(slug=loss.model)
        case = Case(row.versions.get(), world.production, at).as_granted()
        recorded = evaluations.document(case.knowing(shelf=shelf))
        denying = [
            simulation.Failing(r["requirement"], r["pack"], r["title"], r["observed"])
            for r in recorded["results"]
            if not r["passed"] and r["severity"] != "warn"
        ]
        assert recorded["passed"] is False
        assert list(loss.failing) == denying
    assert [loss.model for loss in found.losses] == ["one", "two"]


def test_the_number_of_queries_does_not_grow_with_the_portfolio(world):
    at = later(hours=1)
    shelf = policy.shelf(at=at, packs=all_packs())

    def queries():
        with CaptureQueriesContext(connection) as found:
            simulation.run(at=at, shelf=shelf)
        return len(found)

    granted_of(world, world.ready("one"))
    first = queries()
    for slug in ("two", "three"):
        granted_of(world, world.ready(slug))
    assert queries() == first


def granted_of(world, version, *more):
    """Anna submits, Vera and Carl sign, and who else approves."""
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW
    )
    approving = ((who, "approval") for who in (world.carl, *more))
    for who, meaning in ((world.vera, "review"), *approving):
        proof = Proof(password=PASSWORD)
        approvals.sign(request=request, meaning=meaning, proof=proof, by=who, at=NOW)


def around_two(world):
    """What is recorded around the model `two` alone."""
    model = RegisteredModel.objects.get(slug="two")
    findings.raise_finding(
        model=model,
        severity=Severity.HIGH,
        title="Wide of the mark",
        text="It misses.",
        due_on=NOW.date(),
        by=world.vera,
        at=NOW,
    )


def all_packs():
    """The shipped packs as if they were in force."""
    return [
        PolicyPack(
            slug=slug,
            version=policy.parse(text).version,
            document=text,
            sha256=policy.parse(text).sha256,
            effective_from=NOW,
            published_at=NOW,
        )
        for slug, text in publishing.shipped().items()
    ]


MORE_APPROVERS = """pack: committee
version: 2026.11.0
title: {en: Committee, de: Ausschuss}
legal_basis: [House rules]
applies_when: always
approvals:
  T2:
    stages:
    - id: committee
      seats: {meaning: approval, roles: [approver, compliance], count: 3}
    max_days: 365
rules:
- id: committee-001
  title: {en: Separates, de: Trennt}
  text: {en: The model separates the outcomes., de: Das Modell trennt.}
  citations: [{ref: House rule, status: voluntary}]
  evidence:
  - {type: performance_report, measurement: roc_auc, at_least: 0.5}
  severity: block
  tiers: [T1, T2, T3, T4]
  gate: approve
  waivable: false
"""


def test_a_rule_on_signatures_counts_those_of_its_own_pack(world, author):
    approved(world)
    (loss,) = json.loads(simulated(world, author, MORE_APPROVERS).document)["losses"]
    (failing,) = loss["failing"]
    assert failing["requirement"] == "first-008"
    assert failing["observed"] == ("2 of 2 signatures; committee: 1 of 3 signatures")
