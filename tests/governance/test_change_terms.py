"""What a change plan must say, who files it, and what a pack may refuse."""

import pytest

from governance import changing, quorum, records, roles
from governance.models import (
    ChangePlan,
)
from tests.governance.change_stage import (
    LIMITS,
    filed,
    made,
    planned_base,
)
from tests.world import NOW, later


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ((), "between 1"),
        (({"kind": "performance", "name": "roc_auc"},), "at least"),
        (({"kind": "performance", "name": "gini", "at_least": 0.1},), "no such"),
        (({**LIMITS[0], "at_least": 0.9},), "itself is outside"),
        (({**LIMITS[0], "at_least": float("nan")},), "is a number"),
        (({**LIMITS[0], "at_least": float("inf")},), "is a number"),
    ],
)
def test_bounds_that_bind_nothing_are_refused(world, limits, text):
    version = made(world, world.model(), "1")
    with pytest.raises(records.Refused, match=text):
        filed(world, version, limits=limits)
    assert not ChangePlan.objects.exists()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"most_changes": 0}, "most_changes"),
        ({"most_changes": 13}, "most_changes"),
        ({"valid_until": NOW}, "valid_until"),
        ({"valid_until": later(days=367)}, "valid_until"),
        ({"protocol": " "}, "protocol"),
    ],
)
def test_a_plan_without_terms_is_refused(world, more, field):
    version = made(world, world.model(), "1")
    with pytest.raises(records.Refused) as refusal:
        filed(world, version, **more)
    assert field in refusal.value.errors


def test_what_is_not_recorded_cannot_be_planned(world):
    version = made(world, world.model(), "1", method="")
    with pytest.raises(changing.NotPossible, match="algorithm"):
        filed(world, version)


def test_only_owners_file_plans_and_only_makers_record_changes(world):
    plan = planned_base(world)
    version = made(world, plan.version.model, "2")
    with pytest.raises(roles.NotAllowed):
        filed(world, version, by=world.vera)
    with pytest.raises(roles.NotAllowed):
        changing.record_change(
            version=version, plan=plan, changed="x", reason="x", by=world.vera, at=NOW
        )


STATED = {
    "stages": [
        {"id": "a", "seats": {"meaning": "review", "roles": ["validator"]}},
        {
            "id": "b",
            "seats": {"meaning": "approval", "roles": ["approver"], "count": 2},
        },
    ],
    "max_days": 100,
    "challenges_closed": True,
}


def test_tier_1_has_a_light_path_only_where_the_pack_says_so():
    assert quorum.lighter(STATED, 1) is STATED
    asked = quorum.parse(quorum.lighter({**STATED, "light_path": True}, 1))
    assert len(quorum.missing(asked, ())) == 2


def test_a_pack_may_refuse_the_light_path_and_keeps_its_other_terms():
    refused = {**STATED, "light_path": False}
    assert quorum.lighter(refused, 2) is refused
    asked = quorum.parse(quorum.lighter(STATED, 2))
    assert (asked.max_days, asked.challenges_closed) == (100, True)


def test_the_light_path_asks_for_no_more_than_the_pack():
    short = {"quorum": [{"meaning": "approval", "roles": ["approver"]}]}
    assert quorum.lighter(short, 3) is short
