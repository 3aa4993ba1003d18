"""A draft over the whole portfolio, before it is published."""

import json

import pytest

from audits.evidence import latest_reports, latest_reports_by
from governance import access, policy, publishing, roles, simulation
from governance.case import Case
from governance.models import Simulation
from governance.requirements import DEPLOY, evaluate
from governance.simulation.gathering import active_authorisations, cases
from registry.models import Role
from tests.governance.test_publishing import EXTRA, TEXT, approved, author
from tests.world import NOW, later

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
