"""Retention rules and legal holds: the longest wins, and a hold stops everything."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import keeping as rules
from audits.models import Entry, LegalHold, RetentionRule
from governance import keeping, roles
from governance.keeping import set_shipped_rules
from tests.world import NOW, cast

RECORDED = datetime(2026, 1, 31, 23, 0, tzinfo=UTC)


@pytest.fixture
def people(db):
    return cast()


def _set(people, basis, months, *, who="rita", at=NOW, **more):
    return keeping.set_rule(
        basis=basis, record="records", months=months, by=people[who], at=at, **more
    )


def test_an_installation_has_the_shipped_rules_and_keeps_ten_years(people):
    bases = {rule.basis for rule in rules.rules_in_force()}
    assert "Regulation (EU) 2024/1689, Art. 18(1)" in bases
    assert "MaRisk, AT 6" in bases
    assert rules.kept_until(RECORDED) == date(2036, 1, 31)


def test_shipped_rules_never_come_back_over_those_of_the_institution(people):
    _set(people, "MaRisk, AT 6", 72)
    count = RetentionRule.objects.count()
    assert set_shipped_rules(by=people["rita"], at=NOW) == 0
    assert RetentionRule.objects.count() == count


def test_the_longest_rule_in_force_decides(people):
    _set(people, "House rule", 200)
    assert rules.longest().basis == "House rule"
    assert rules.kept_until(RECORDED) == rules.add_months(date(2026, 1, 31), 200)


def test_a_later_rule_replaces_the_former_one_of_its_basis(people):
    _set(people, "House rule", 200)
    _set(people, "House rule", 150, at=NOW + timedelta(days=1))
    assert rules.longest().months == 150


def test_an_ended_rule_decides_nothing(people):
    _set(people, "House rule", 200)
    _set(people, "House rule", 200, at=NOW + timedelta(days=1), in_force=False)
    assert rules.longest().months == 120


def test_without_any_rule_nothing_may_leave(people):
    for rule in rules.rules_in_force():
        _set(people, rule.basis, 1, at=NOW + timedelta(days=1), in_force=False)
    with pytest.raises(rules.NoRule, match="set one before"):
        rules.kept_until(RECORDED)


@pytest.mark.parametrize(
    ("day", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 11, 21), 120, date(2036, 11, 21)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_months_are_those_of_the_calendar(day, months, end):
    assert rules.add_months(day, months) == end


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.integers(1, 1200),
    st.integers(1, 1200),
)
def test_more_months_never_end_sooner(day, fewer, more):
    fewer, more = sorted([fewer, more])
    assert day < rules.add_months(day, fewer) <= rules.add_months(day, more)


@pytest.mark.parametrize("who", ["adam", "anna", "ines", "carl"])
def test_others_may_not_set_a_rule(people, who):
    with pytest.raises(roles.NotAllowed, match="set retention rules"):
        _set(people, "House rule", 200, who=who)


@pytest.mark.parametrize(
    ("basis", "months"), [("", 1), ("  ", 1), ("x", 0), ("x", 1201), ("x", -5)]
)
def test_an_impossible_rule_is_refused(people, basis, months):
    with pytest.raises(rules.InvalidRule):
        _set(people, basis, months)


def test_a_rule_and_a_hold_stand_in_the_log_with_their_author(people):
    rule = _set(people, "House rule", 200)
    hold = keeping.place_hold(because="Case 1 C 2/26.", by=people["cora"], at=NOW)
    for row, who in ((rule, "rita"), (hold, "cora")):
        entry = Entry.objects.get(pk_text=str(row.pk))
        assert entry.actor == str(people[who].pk)


def _hold(people, **what) -> LegalHold:
    return keeping.place_hold(because="Case 1.", by=people["cora"], at=NOW, **what)


@pytest.mark.parametrize(
    ("what", "stops"),
    [
        ({}, True),
        ({"rel": "public.registry_user"}, True),
        ({"rel": "public.registry_user", "pk": "7"}, True),
        ({"rel": "public.registry_user", "pk": "8"}, False),
        ({"rel": "public.registry_registeredmodel"}, False),
    ],
)
def test_a_hold_stops_what_it_covers_and_nothing_else(people, what, stops):
    _hold(people, **what)
    if stops:
        with pytest.raises(rules.UnderLegalHold, match=r"Case 1\. It must be released"):
            rules.require_free(rel="public.registry_user", pk="7")
    else:
        rules.require_free(rel="public.registry_user", pk="7")


def _second_officer(people):
    roles.grant(user=people["vera"], role="compliance", by=people["adam"], at=NOW)
    return people["vera"]


def test_a_hold_is_released_by_another_person_than_it_was_placed_by(people):
    hold = _hold(people)
    with pytest.raises(rules.SamePerson, match="four eyes"):
        keeping.release_hold(hold=hold, because="Over.", by=people["cora"], at=NOW)
    other = _second_officer(people)
    keeping.release_hold(hold=hold, because="Over.", by=other, at=NOW)
    rules.require_free(rel="public.registry_user", pk="7")
    with pytest.raises(rules.AlreadyReleased):
        keeping.release_hold(hold=hold, because="Over.", by=other, at=NOW)


@pytest.mark.parametrize("who", ["adam", "rita", "anna", "ines"])
def test_others_may_neither_place_nor_release_a_hold(people, who):
    hold = _hold(people)
    with pytest.raises(roles.NotAllowed, match="hold records"):
        keeping.place_hold(because="x", by=people[who], at=NOW)
    with pytest.raises(roles.NotAllowed, match="hold records"):
        keeping.release_hold(hold=hold, because="x", by=people[who], at=NOW)


@pytest.mark.parametrize(
    "what",
    [
        {"pk": "7"},
        {"rel": "public.no_such_table"},
        {"rel": "registry_user"},
        {"rel": "public.registry_user; DROP TABLE x"},
        {"rel": "public.audits_leaf"},
        {"rel": "pg_catalog.pg_class"},
    ],
)
def test_a_hold_on_nothing_is_refused(people, what):
    with pytest.raises(rules.InvalidHold):
        _hold(people, **what)


def test_a_hold_needs_a_reason(people):
    with pytest.raises(rules.InvalidHold, match="Say why"):
        keeping.place_hold(because=" ", by=people["cora"], at=NOW)
