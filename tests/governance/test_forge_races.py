"""Servers that ask: the same at the same moment counts once."""

from governance import forges
from governance.models import ForgePlaceConfirmation, ForgeRequest
from governance.signatures import Proof
from tests.governance.forge_world import (
    PLACES,
    agreed,
    ask,
    registered,
    send,
)
from tests.governance.racing import at_once
from tests.governance.test_gate import approved
from tests.world import NOW, PASSWORD


def test_a_delivery_that_comes_four_times_at_once_is_answered_once(stage, outside):
    approved(stage)
    forge, _secret = registered(stage, "github", outside.url)
    agreed(stage, forge)
    ask(stage, "github")
    rows = at_once((), *[lambda: send(forge)] * 4)
    assert {row.pk for row in rows} == {ForgeRequest.objects.get().pk}
    decided = at_once((), *[lambda: forges.decide_next(by=stage.adam, at=NOW)] * 2)
    assert len([row for row in decided if row]) == 1
    answered = at_once((), *[lambda: forges.answer_next(by=stage.adam, at=NOW)] * 2)
    assert len([row for row in answered if row]) == 1
    assert [one["state"] for one in outside.answers()] == ["approved"]


def test_of_two_places_that_are_confirmed_at_once_one_counts(stage, outside):
    forge, _secret = registered(stage, "github", outside.url)
    rows = [
        forges.propose(forge=forge, place=PLACES["github"], by=stage.adam, at=NOW)
        for _ in range(2)
    ]
    hands = [stage.rita, stage.rolf]
    done = at_once(
        (forges.WrongState,),
        *(
            lambda row=row, by=by: forges.confirm(
                place=row, proof=Proof(password=PASSWORD), by=by, at=NOW
            )
            for row, by in zip(rows, hands, strict=True)
        ),
    )
    assert len([one for one in done if isinstance(one, forges.WrongState)]) == 1
    assert ForgePlaceConfirmation.objects.count() == 1
