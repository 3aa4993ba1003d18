"""Annex IV and the declaration of conformity: what is answered, and what is missing."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from governance.dossier.annex_iv import coverage_of
from governance.dossier.annex_points import POINTS
from governance.dossier.attachments import dossier_file
from governance.dossier.collect import Collected
from governance.dossier.conformity import conformity_of
from governance.dossier.content import document_of
from governance.dossier.exports import ai_act
from governance.dossier.pages import pages_of
from governance.dossier.render import html_of
from tests.governance.dossier_content import AT, content_of

FIELDS = {
    "system": "Credit PD",
    "provider": "Bank AG",
    "sole_responsibility": "true",
    "conformity": "It conforms.",
    "data_protection": "It complies.",
    "standards": "None: prEN 18286 is not harmonised yet.",
    "notified_body": "None: internal control.",
    "place_and_function": "Frankfurt, member of the board",
}
ASSESSED = {"route": "annex-vi", "completed_on": "2026-11-01", "outcome": "passed"}


def said_with(*rows, **codes):
    """A high-risk system with these declarations: (kind, values)."""
    found = content_of(**{"ai_act_class": "high-annex-iii", **codes})
    one = found.declarations[0]
    return replace(
        found,
        declarations=tuple(
            replace(
                one,
                kind=kind,
                valid_until=None,
                values=tuple((name, text, text) for name, text in values.items()),
            )
            for kind, values in rows
        ),
    )


def complete():
    return said_with(
        ("declaration_of_conformity", FIELDS),
        ("conformity_assessment", ASSESSED),
        ("eu_db_registration", {"number": "EU-1"}),
    )


def covered(said):
    return {p.number: p for h in coverage_of(said) for p in h.points}


def at_pointer(document, pointer):
    for part in pointer.strip("/").split("/"):
        document = document[int(part) if part.isdigit() else part]
    return document


def test_every_point_of_the_annex_is_answered_or_says_who_can_supply_it():
    points = covered(said_with())
    assert list(points) == [point.number for point in POINTS]
    assert {number[0] for number in points} == set("123456789")
    for point in points.values():
        assert (point.coverage == "answered") == (not point.missing)
        assert all(gap.what and gap.who for gap in point.missing)
    assert points["1(e)"].coverage == "missing"
    assert points["9"].coverage == "missing"
    assert points["1(b)"].coverage == "answered"
    assert points["1(a)"].coverage == "partly"


def test_what_only_the_declared_document_says_is_called_stated():
    said = said_with(("annex_iv_document", {"post_market": "We watch it."}))
    point = covered(said)["9"]
    assert point.coverage == "stated"
    assert [answer.text for answer in point.answers] == ["We watch it."]


def test_a_declaration_that_is_over_answers_nothing():
    said = said_with(("pmm_plan", {"metrics": "x"}))
    assert covered(said)["9"].coverage == "answered"
    over = replace(said.declarations[0], valid_until=(AT - timedelta(days=1)).date())
    assert covered(replace(said, declarations=(over,)))["9"].coverage == "missing"


def test_the_pointers_of_the_coverage_lead_into_dossier_json():
    said = said_with(("oversight_plan", {"measures": "x"}))
    document = json.loads(document_of(said))
    coverage = json.loads(ai_act.annex_iv(said))
    assert coverage["counts"]["answered"] == sum(
        point["coverage"] == "answered" for point in coverage["points"]
    )
    for point in coverage["points"]:
        for answer in point["answers"]:
            found = at_pointer(document, answer["pointer"])
            if answer["pointer"].endswith("/value"):
                assert found == answer["text"]


@pytest.mark.parametrize("risk", ["minimal", "not-assessed", "transparency", ""])
def test_other_classes_have_neither_paper(risk):
    said = said_with(ai_act_class=risk)
    assert conformity_of(said) is None
    assert ai_act.annex_iv(said) is None
    assert ai_act.declaration(said) is None


def test_a_declaration_is_complete_when_all_of_it_is_there_and_signed():
    found = conformity_of(complete())
    assert found.missing == ()
    said = json.loads(ai_act.declaration(complete()))
    assert said["complete"] is True
    assert [item["text"] for item in said["items"]] == list(FIELDS.values())
    assert said["signatures"][0]["holds"] is True


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), 10),
        ((("declaration_of_conformity", FIELDS),), 2),
        ((("declaration_of_conformity", {**FIELDS, "standards": ""}),), 3),
        (
            (
                (
                    "declaration_of_conformity",
                    {**FIELDS, "sole_responsibility": "false"},
                ),
            ),
            3,
        ),
        (
            (
                ("declaration_of_conformity", FIELDS),
                ("conformity_assessment", {**ASSESSED, "outcome": "failed"}),
            ),
            2,
        ),
        (
            (
                ("declaration_of_conformity", FIELDS),
                ("conformity_assessment", {**ASSESSED, "route": "annex-vii"}),
            ),
            2,
        ),
    ],
)
def test_an_incomplete_declaration_says_what_is_missing_and_who_signs(rows, expected):
    found = conformity_of(said_with(*rows))
    assert len(found.missing) == expected
    assert not found.complete
    assert "Accountable executive" in found.signers
    assert json.loads(ai_act.declaration(said_with(*rows)))["complete"] is False


def test_a_signature_that_does_not_hold_is_none():
    said = complete()
    row = said.declarations[0]
    broken = replace(row, signatures=(replace(row.signatures[0], holds=False),))
    found = conformity_of(replace(said, declarations=(broken, *said.declarations[1:])))
    assert [gap.what for gap in found.missing] == ["a signature that holds"]


@pytest.mark.parametrize("high", [True, False])
def test_the_audit_dossier_has_the_coverage_in_its_annexes(high):
    said = replace(
        said_with(ai_act_class="high-annex-iii" if high else "minimal"), matrix=None
    )
    collected = Collected(said, (dossier_file(document_of(said)),))
    context = pages_of(collected).context
    page = html_of({**context, "check_url": "", "check_image": ""})
    annexes = page[page.index('id="section-22"') :]
    assert "Coverage of Annex IV" in annexes
    assert ('<table class="coverage">' in annexes) is high
    assert ("Annex IV asks nothing of this model" in annexes) is not high
    for number in covered(said) if high else ():
        assert f'<th scope="row">{number}</th>' in annexes
    linked = set(re.findall(r'href="#([^"]+)"', annexes))
    assert linked <= set(re.findall(r'id="([^"]+)"', page))
    assert bool(linked) is high
