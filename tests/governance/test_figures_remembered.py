"""Figures that were remembered never outlive a change of what they rest on."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from governance import (
    assessing,
    feeding,
    findings,
    portfolio,
    roles,
    saved_views,
    tier_decisions,
)
from governance.models import RiskAssessment, Severity
from governance.portfolio import Moment, remembering
from governance.signatures import Proof
from governance.web.work.counting import counts
from governance.web.work.me import Me
from registry.models import RegisteredModel
from tests.world import NOW, PASSWORD, World, later, log_verified

MOMENT = Moment(later(minutes=1))
YESTERDAY = Moment(later(minutes=-1), past=True)


@pytest.fixture
def stage(fresh_database, django_db_blocker) -> Iterator[World]:
    """Two models, one of them assessed as of tier 4; all rows are committed."""
    with django_db_blocker.unblock():
        log_verified()
        world = World()
        low = world.model("low", ai_act_class="minimal")
        assessing.assess(
            model=low,
            likelihood=1,
            impact=1,
            rationale="It harms nobody.",
            by=world.rita,
            at=NOW,
        )
        world.model("high")
        yield world


def told(moment=MOMENT):
    return portfolio.overview(moment, waivers=5)


def anew(monkeypatch, moment=MOMENT):
    """What the database says without anything remembered."""
    with monkeypatch.context() as forgetful:
        forgetful.setattr(remembering, "_kept", remembering.OrderedDict())
        return told(moment)


def reads_of_models() -> int:
    with CaptureQueriesContext(connection) as seen:
        told()
    queries = [query["sql"] for query in seen.captured_queries]
    return sum("judged AS (" in q or "WITH moved AS" in q for q in queries)


def test_the_second_look_counts_nothing_again(stage):
    first = told()
    assert reads_of_models() == 0
    assert told() == first


def reassess(world, models):
    world.assessed(models["low"])


def register(world, models):
    world.model("third")


def edit(world, models):
    models["low"].refresh_from_db()
    models["low"].credit = True
    models["low"].save(update_fields=["credit"])


def raise_tier(world, models):
    tier_decisions.override(
        assessment=RiskAssessment.objects.get(model=models["low"]),
        tier=2,
        reason="Its users are children.",
        proof=Proof(password=PASSWORD),
        by=world.cora,
        at=NOW,
    )


def feed(world, models):
    world.assessed(models["high"], 5, 5)
    feeding.declare(
        model=models["high"],
        upstream=models["low"],
        note="Its score is a feature.",
        by=world.anna,
        at=NOW,
    )


def register_version(world, models):
    world.version(models["low"])


def raise_finding(world, models):
    findings.raise_finding(
        model=models["low"],
        severity=Severity.HIGH,
        title="Wide of the mark",
        text="It misses.",
        due_on=later(days=9).date(),
        by=world.vera,
        at=NOW,
    )


@pytest.mark.parametrize(
    "change",
    [reassess, register, edit, raise_tier, feed, register_version, raise_finding],
)
def test_what_changes_the_figures_is_seen_at_once(stage, monkeypatch, change):
    models = {model.slug: model for model in RegisteredModel.objects.all()}
    before, before_then = told(), told(YESTERDAY)
    change(stage, models)
    after = told()
    assert after == anew(monkeypatch)
    assert after != before
    assert told(YESTERDAY) == anew(monkeypatch, YESTERDAY) == before_then


def test_what_they_do_not_rest_on_changes_nothing(stage):
    told()
    saved_views.keep(name="Mine", query="tier=1", by=stage.rita, at=NOW)
    assert reads_of_models() == 0


def test_a_finding_leaves_what_was_judged_of_the_models(stage):
    told()
    raise_finding(stage, {"low": RegisteredModel.objects.get(slug="low")})
    assert reads_of_models() == 1  # of those that are waived, of which there is none
    assert reads_of_models() == 0


def test_another_day_and_a_minute_later_they_are_counted_again(stage, monkeypatch):
    told()
    assert reads_of_models() == 0
    with CaptureQueriesContext(connection) as seen:
        told(Moment(later(days=1)))
    assert any("judged AS (" in query["sql"] for query in seen.captured_queries)
    monkeypatch.setattr(remembering.time, "monotonic", lambda: 1e12)
    assert reads_of_models() == 3


def test_days_that_are_over_are_remembered_each_for_itself(stage):
    today = told()
    earlier = told(YESTERDAY)
    later_on = told(Moment(later(minutes=2), past=True))
    assert earlier.figures.models == 0
    assert later_on.figures.models == today.figures.models == 2
    with CaptureQueriesContext(connection) as seen:
        assert told(YESTERDAY) == earlier
    assert not any("judged AS (" in query["sql"] for query in seen.captured_queries)


def test_what_waits_is_counted_once_until_somebody_acts(stage):
    def waits():
        at = MOMENT.at
        return counts(Me.of(stage.anna, roles.roles_of(stage.anna), at))

    first = waits()
    with CaptureQueriesContext(connection) as seen:
        assert waits() == first
    assert not any("_counted" in query["sql"] for query in seen)
    raise_finding(stage, {"low": RegisteredModel.objects.get(slug="low")})
    assert waits()["findings"] == first["findings"] + 1


def test_what_is_not_committed_is_never_remembered(stage):
    before = told()
    with transaction.atomic():
        stage.model("never")
        inside = told()
        assert inside != before
        transaction.set_rollback(True)
    assert told() == before
