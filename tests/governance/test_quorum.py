"""Stages of seats: what fills them, and what a pack may not ask."""

import re
from itertools import permutations

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy import SHIPPED
from governance.quorum import (
    InvalidApprovals,
    Signed,
    complete,
    helps,
    missing,
    open_stage,
    parse,
)
from governance.seats import Approvals, Group, Seat, Stage, ways


def seat(meaning, *roles, count=1):
    return {"meaning": meaning, "roles": list(roles), "count": count}


def stages(*items):
    return parse({"type": "signature_event", "stages": list(items)})


TWO_LINES = stages(
    {
        "id": "committee",
        "seats": seat("approval", "operator", "risk-manager", "compliance", count=2),
        "lines": 2,
    }
)


def signed(person, role, meaning="approval", unit=""):
    return Signed(person, meaning, role, unit)


def test_the_short_form_is_one_stage_of_all_seats():
    old = parse(
        {
            "type": "signature_event",
            "quorum": [seat("review", "validator"), seat("approval", "approver")],
        }
    )
    assert len(old.stages) == 1
    both = [signed("v", "validator", "review"), signed("c", "approver")]
    assert complete(old, both)
    assert complete(old, both[::-1])
    assert not complete(old, both[:1])


def test_no_stage_means_that_nobody_can_approve():
    assert not complete(Approvals(), [signed("c", "approver")])
    assert not helps(Approvals(), [], signed("c", "approver"))


def test_a_greedy_choice_does_not_miss_a_completion():
    found = stages(
        {
            "id": "both",
            "seats": {
                "all": [
                    seat("approval", "approver", "risk-manager"),
                    seat("approval", "approver"),
                ]
            },
        }
    )
    assert complete(found, [signed("a", "approver"), signed("r", "risk-manager")])


def test_two_people_of_one_line_do_not_make_two_lines():
    same = [signed("r", "risk-manager"), signed("c", "compliance")]
    assert not complete(TWO_LINES, same)
    assert helps(TWO_LINES, same, signed("o", "operator"))
    assert not helps(TWO_LINES, same, signed("x", "compliance"))
    assert complete(TWO_LINES, [*same, signed("o", "operator")])


def test_people_without_a_unit_are_of_no_unit():
    found = stages(
        {"id": "two", "seats": seat("approval", "approver", count=2), "units": 2}
    )
    assert not complete(found, [signed("a", "approver"), signed("b", "approver")])
    assert complete(
        found,
        [signed("a", "approver", unit="Risk"), signed("b", "approver", unit="Credit")],
    )


def test_one_person_never_fills_two_seats():
    found = stages({"id": "two", "seats": seat("approval", "approver", count=2)})
    assert not complete(found, [signed("a", "approver"), signed("a", "approver")])


def test_either_of_two_groups_is_enough():
    found = stages(
        {
            "id": "either",
            "seats": {
                "any": [
                    seat("approval", "executive"),
                    {"all": [seat("approval", "approver"), seat("review", "qa")]},
                ]
            },
        }
    )
    assert complete(found, [signed("e", "executive")])
    assert complete(found, [signed("a", "approver"), signed("q", "qa", "review")])
    assert not complete(found, [signed("a", "approver")])


def test_a_later_stage_waits_for_the_first():
    found = stages(
        {"id": "review", "seats": seat("review", "validator")},
        {"id": "approve", "seats": seat("approval", "approver")},
    )
    assert not helps(found, [], signed("c", "approver"))
    reviewed = [signed("v", "validator", "review")]
    assert helps(found, reviewed, signed("c", "approver"))
    assert open_stage(found, reviewed) == 1
    assert open_stage(found, [*reviewed, signed("c", "approver")]) is None


def test_a_stage_is_asked_where_its_condition_holds():
    found = stages(
        {"id": "approve", "seats": seat("approval", "approver")},
        {
            "id": "residual",
            "seats": seat("responsibility", "executive"),
            "when": "residual.score >= 10",
        },
    )
    assert len(found.applying(lambda _text: True).stages) == 2
    assert [s.id for s in found.applying(lambda _text: False).stages] == ["approve"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"quorum": []},
        {"stages": []},
        {"quorum": [seat("approval")]},
        {"quorum": [seat("approval", "king")]},
        {"quorum": [seat("rejection", "approver")]},
        {"quorum": [seat("approval", "approver", count=0)]},
        {"quorum": [seat("approval", "approver", count=13)]},
        {"stages": [{"id": "a", "seats": {"all": []}}]},
        {"stages": [{"id": "a", "seats": seat("review", "qa")}], "quorum": []},
        {"stages": [{"id": "a", "seats": seat("review", "qa", count=2), "lines": 2}]},
        {"stages": [{"id": "a", "seats": seat("review", "qa")}] * 2},
        {
            "stages": [
                {"id": "a", "seats": {"all": [{"any": [seat("review", "qa")] * 9}] * 9}}
            ]
        },
        {"stages": [{"id": "a", "seats": seat("review", "qa"), "when": ""}]},
    ],
)
def test_what_nobody_could_sign_is_refused(data):
    with pytest.raises(InvalidApprovals):
        parse({"type": "signature_event", **data})


ROLES = ("validator", "approver", "operator")
SEATS = st.builds(
    Seat,
    meaning=st.sampled_from(["review", "approval"]),
    roles=st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True).map(
        tuple
    ),
    count=st.integers(1, 2),
)
NODES = st.one_of(
    SEATS,
    st.builds(
        Group,
        every=st.booleans(),
        parts=st.lists(SEATS, min_size=1, max_size=2).map(tuple),
    ),
)
STAGES = st.builds(
    Stage,
    id=st.just("s"),
    seats=NODES,
    people=st.integers(1, 3),
    lines=st.integers(0, 2),
    units=st.integers(0, 2),
)
ASKED = st.lists(STAGES, min_size=1, max_size=2).map(
    lambda found: Approvals(stages=tuple(found))
)
GIVEN = st.lists(
    st.builds(
        Signed,
        person=st.sampled_from("abcdef"),
        meaning=st.sampled_from(["review", "approval"]),
        role=st.sampled_from(ROLES),
        unit=st.sampled_from(["", "Risk", "Credit"]),
    ),
    max_size=5,
    unique_by=lambda s: s.person,
)
LINE = {"validator": 2, "approver": 2, "operator": 1}


def filled(stage, people):
    """By brute force: these people, no more and no fewer, complete this stage."""
    if len(people) < stage.people:
        return False
    if len({LINE[p.role] for p in people}) < stage.lines:
        return False
    if len({p.unit for p in people if p.unit}) < stage.units:
        return False
    mentioned = {
        (s.meaning, r) for way in ways(stage.seats) for s in way for r in s.roles
    }
    return any(
        len(order) >= len(way)
        and all(
            p.meaning == s.meaning and p.role in s.roles
            for p, s in zip(order, way, strict=False)
        )
        and all((p.meaning, p.role) in mentioned for p in order[len(way) :])
        # Nobody is there beside the seats but for the numbers.
        for way in ways(stage.seats)
        for order in permutations(people)
        if len(people) == max(len(way), stage.people, stage.lines, stage.units)
    )


def oracle(asked, given):
    """Whether any division of the people among the stages completes them all."""
    if not asked.stages:
        return True
    stage, rest = asked.stages[0], Approvals(stages=asked.stages[1:])
    for chosen in range(1 << len(given)):
        mine = [s for i, s in enumerate(given) if chosen >> i & 1]
        others = [s for i, s in enumerate(given) if not chosen >> i & 1]
        if filled(stage, mine) and oracle(rest, others):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(ASKED, GIVEN)
def test_it_agrees_with_trying_everything(asked, given):
    assert complete(asked, given) == oracle(asked, given)


@settings(max_examples=200, deadline=None)
@given(ASKED, GIVEN, st.randoms())
def test_the_order_of_signatures_does_not_matter(asked, given, random):
    shuffled = list(given)
    random.shuffle(shuffled)
    assert len(missing(asked, given)) == len(missing(asked, shuffled))


@settings(max_examples=200, deadline=None)
@given(ASKED, GIVEN)
def test_one_more_signature_never_undoes_a_quorum(asked, given):
    for count in range(len(given)):
        fewer, more = given[:count], given[: count + 1]
        assert len(missing(asked, more)) <= len(missing(asked, fewer))
        if complete(asked, fewer):
            assert complete(asked, more)


@settings(max_examples=200, deadline=None)
@given(ASKED, GIVEN)
def test_a_complete_quorum_has_distinct_people(asked, given):
    twice = [Signed("a", s.meaning, s.role, s.unit) for s in given]
    need = sum(min(len(way) for way in ways(s.seats)) for s in asked.stages)
    assert not complete(asked, twice) or need <= 1


@settings(max_examples=200, deadline=None)
@given(ASKED, GIVEN)
def test_signing_where_it_helps_leads_to_the_end(asked, given):
    taken = []
    for more in given:
        if helps(asked, taken, more):
            left = len(missing(asked, taken))
            taken.append(more)
            assert len(missing(asked, taken)) <= left
    assert not complete(asked, taken) or complete(asked, given)


def test_every_stage_of_a_shipped_pack_has_a_german_name():
    texts = [path.read_text("utf-8") for path in SHIPPED.glob("*.yaml")]
    ids = {
        name for text in texts for name in re.findall(r"- id: (\S+)\n +seats:", text)
    }
    assert len(ids) > 4
    with translation.override("de"):
        same = {one for one in ids if str(Stage(one, Group(True, ())).name) == one}
    assert same == set()


def test_a_stage_of_a_pack_of_ones_own_is_called_by_its_id():
    assert Stage("model-board", Group(True, ())).name == "model board"
