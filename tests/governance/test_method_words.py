"""What evaluators wrote is read in the reader's language, or marked as English."""

import importlib
import pkgutil

import pytest
from django.utils import translation

from audits import evaluators
from audits.evaluators.fairness import limits as fairness
from audits.measuring import job
from governance.web.method_words import SENTENCES, told
from tests.governance.test_german import entries


def kept() -> set[str]:
    """The sentences without numbers that evaluators write."""
    found = {job.RECOMPUTED, job.DATA_ALONE, job.DECLARED}
    found |= {fairness._TARGET, fairness._NO_TARGET, fairness._CLASSES}
    found |= set(fairness._ALWAYS)
    for module in pkgutil.walk_packages(evaluators.__path__, "audits.evaluators."):
        found |= set(getattr(importlib.import_module(module.name), "LIMITS", ()))
    return found


def test_every_limit_of_a_method_has_its_german():
    german = {e["msgid"]: e["msgstr"] for e in entries() if "msgstr" in e}
    assert len(kept()) > 25
    assert kept() <= set(SENTENCES)
    for sentence in SENTENCES:
        assert german.get(sentence), sentence


def test_german_readers_read_german_and_english_readers_what_is_kept():
    one = "Rows without a group are counted and left out of all comparisons."
    with translation.override("de"):
        (read,) = told([one])
        assert read.text.startswith("Zeilen ohne Gruppe")
        assert read.lang == ""
    with translation.override("en"):
        assert told([one])[0].text == one


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        (
            "race: too few rows in 2 of 9 groups (a; b (c)).",
            "race: zu wenige Zeilen in 2 von 9 Gruppen (a; b (c)).",
        ),
        (
            "a: b: 12 rows have no group and are left out.",
            "a: b: 12 Zeilen haben keine Gruppe und bleiben heraus.",
        ),
        (
            "The sensitive feature 'sex' is among the principal reasons of 3 of 40 "
            "adverse outcomes.",
            "Das sensible Merkmal 'sex' ist unter den Hauptgründen von 3 der 40 "
            "nachteiligen Ergebnisse.",
        ),
    ],
)
def test_a_sentence_with_numbers_keeps_them(kept, read):
    with translation.override("de"):
        assert told([kept])[0].text == read


def test_what_nobody_translated_is_marked_as_english():
    with translation.override("de"):
        (read,) = told(["A sentence of another evaluator: <b>%(name)s</b>."])
    assert read.text == "A sentence of another evaluator: <b>%(name)s</b>."
    assert read.lang == "en"
