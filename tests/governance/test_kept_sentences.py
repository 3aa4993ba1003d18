"""A check that was kept in English reads as it would have been judged in German."""

import pytest
from django.utils import translation

from governance import gate
from governance.case import Case
from governance.policy import Check
from governance.web import kept
from tests.governance.test_duties import sign, submit
from tests.world import World, later


def new(world: World):
    return world.version(world.model())


def ready(world: World):
    return world.ready()


def waits(world: World):
    return submit(world, world.ready()).version


def rejected(world: World):
    request = submit(world, world.ready())
    sign(request, world.vera, "rejection", comment="Too few cases. High.")
    return request.version


def approved(world: World):
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    return request.version


@pytest.mark.parametrize("days", [0, 800])
@pytest.mark.parametrize("come_to", [new, ready, waits, rejected, approved])
def test_kept_checks_read_as_if_judged_in_the_readers_language(world, come_to, days):
    version = come_to(world)
    at = later(days=days, hours=1)
    english = gate.checks_of(Case(version, world.production, at))
    with translation.override("de"):
        german = gate.checks_of(Case(version, world.production, at))
        rules = kept.rules_of(check.pack for check in english)
        assert [kept.read(check, rules) for check in english] == german
    assert english != german


def observed(text: str) -> str:
    with translation.override("de"):
        return kept.read(Check("x", "X", False, text, ""), {}).observed


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("none for Approved", "keine für Approved"),
        (
            "1 open findings. Open: High (High).",
            "1 offene Feststellungen. Offen: High (Hoch).",
        ),
        (
            "2 open findings. Open: Drift (AUC) (High).",
            "2 offene Feststellungen. Offen: Drift (AUC) (Hoch).",
        ),
        (
            "waived until 2027-01-01: 1 of 2 signatures",
            "Ausnahme bis 2027-01-01: 1 von 2 Unterschriften",
        ),
        ("Anna rejected it: a\nb", "Anna hat abgelehnt: a\nb"),
        ("waived until 2027-01-01: not assessed", None),
        ("What somebody wrote, of no shape.", "What somebody wrote, of no shape."),
    ],
)
def test_words_of_ours_are_told_and_names_and_texts_are_left(text, german):
    told = observed(text)
    assert told == german if german else "not assessed" not in told
