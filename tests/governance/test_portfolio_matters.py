"""What runs out and what is open: the portfolio's queries beside the judges of one."""

import random
from datetime import timedelta

from governance import findings as finding_acts
from governance import lifecycle, portfolio, waived
from governance.models import (
    Authorisation,
    AuthorisationChange,
    Finding,
    FindingChange,
    Status,
    StatusChange,
    Waiver,
)
from governance.portfolio import Moment
from tests.governance.test_simulation import granted_of
from tests.governance.test_waivers import granted, staged
from tests.world import NOW, later

DAY = timedelta(days=1)


def test_permits_in_force_are_those_that_stand(world):
    for slug in ("one", "two", "three", "four", "five"):
        granted_of(world, world.ready(slug))
    one, two, three, _four, _five = Authorisation.objects.order_by("version__model")
    for number, (row, state) in enumerate(((one, "suspended"), (one, "active"))):
        change(world, row, state, number + 1)
    change(world, two, "revoked", 1)
    StatusChange.objects.create(
        version=three.version,
        status=Status.RETIRED,
        moved_by=world.rita,
        moved_at=NOW,
        sequence=99,
    )
    for at in (NOW, later(days=300), later(days=5000)):
        everything = Authorisation.objects.prefetch_related("changes")
        standing = lifecycle.standing_among(everything, at=at)
        found = portfolio.permits_in_force(Moment(at))
        assert set(found.values_list("pk", flat=True)) == standing
    soon = one.valid_until - DAY
    assert one in portfolio.expiring(Moment(soon))
    assert two not in portfolio.expiring(Moment(soon))
    assert not portfolio.expiring(Moment(one.valid_until)).exists()


def change(world, row, state, sequence, at=NOW):
    AuthorisationChange.objects.create(
        authorisation=row,
        state=state,
        reason="So.",
        changed_by=world.rita,
        changed_at=at,
        sequence=sequence,
    )


def test_open_findings_are_those_that_stand_open(world):
    model = world.model()
    chance = random.Random(2)  # noqa: S311
    for n in range(60):
        finding = Finding.objects.create(
            model=model,
            source="validation",
            title=f"Finding {n}",
            text="It misses.",
            raised_by=world.vera,
            raised_at=NOW - chance.randint(0, 400) * DAY,
        )
        for sequence in range(1, chance.randint(2, 4)):
            state = chance.choice(FindingChange.State.values)
            until = NOW + chance.choice([-1, 0, 1]) * DAY
            FindingChange.objects.create(
                finding=finding,
                state=state,
                severity=chance.choice(["critical", "high", "medium", "low"]),
                owner=world.anna,
                due_on=(NOW + chance.choice([-1, 0, 1]) * DAY).date(),
                accepted_until=until if state == "accepted" else None,
                text="So.",
                changed_by=world.vera,
                changed_at=NOW - DAY,
                sequence=sequence,
            )
    told = [finding_acts.standing(row, NOW) for row in finding_acts.told()]
    expected = {row.finding.pk for row in told if row.is_open}
    moment = Moment(NOW)
    assert {row.pk for row in portfolio.open_findings(moment)} == expected
    overdue = {row.finding.pk for row in told if row.overdue}
    assert {row.pk for row in portfolio.overdue_findings(moment)} == overdue
    counts = portfolio.findings_by_age(moment)
    assert sum(counts.values()) == len(expected)
    for (age, severity), count in counts.items():
        rows = portfolio.open_findings(moment, age=age).filter(severity=severity)
        assert rows.count() == count


def test_a_permit_of_a_past_day_is_what_was_in_force_then(world):
    granted_of(world, world.ready("one"))
    row = Authorisation.objects.get()
    change(world, row, "revoked", 1, at=later(days=5))
    before, after = Moment(later(days=4), past=True), Moment(later(days=6), past=True)
    assert portfolio.permits_in_force(before).get() == row
    assert not portfolio.permits_in_force(after).exists()


def ending(at):
    """Active waivers that end soon by the judge of single waivers, the next first."""
    rows = waived.told().filter(decision__isnull=False)
    active = [row for row in waived.endings(rows, at) if row.state(at) == "active"]
    soon = [row for row in active if row.ends_at <= at + portfolio.SOON]
    return sorted(soon, key=lambda row: row.ends_at)


def test_waivers_end_where_the_judge_of_waivers_says(world):
    version = staged(world, 3)
    granted(world, version, tier=3, days=80)
    model = version.model
    expected_end = waived.ends_at(Waiver.objects.get(), NOW)
    for at in (NOW, later(days=49), later(days=51), later(days=79), later(days=80)):
        expected = ending(at)
        count, found = portfolio.ending_waivers(Moment(at), most=9)
        assert count == len(found) == len(expected)
        told = [(row.waiver_id, row.ends_at) for row in found]
        assert told == [(row.waiver.pk, row.ends_at) for row in expected]
        units, soon = portfolio.waivers_by_unit(Moment(at), within=portfolio.SOON)
        assert soon == len(expected)
        assert units == ({} if at >= expected_end else {"": 1})
    world.assessed(model, 5, 5)
    waiver = Waiver.objects.get()
    sooner = waived.ends_at(waiver, NOW)
    assert sooner < waiver.valid_until
    _count, (row,) = portfolio.ending_waivers(Moment(NOW), most=9)
    assert row.ends_at == sooner
