"""Editions for outside readers: also charts and quotations withhold."""

import json
from dataclasses import replace
from typing import Any

from audits import charts, commitments
from governance.dossier.content import document_of
from governance.dossier.figures import svg_of
from governance.dossier.redaction import PEOPLE, TEXTS, Edition, edition_of
from registry.lineage import Edge, Graph, Node
from tests.governance.dossier_content import content_of

SEED = b"seed" * 8


def proved(edition: Edition) -> bytes:
    """The document, to which every disclosed value can be proved."""
    body = document_of(edition.content)
    said = json.loads(body)
    for item in edition.disclosed:
        salt = bytes.fromhex(item["salt"])
        assert commitments.holds(said, item["pointer"], salt, item["value"]), item
    return body


def named(name: str, chart: Any) -> Any:
    said = content_of()
    return replace(
        said, control=replace(said.control, requested_by=name), lineage=chart
    )


def test_a_name_inside_of_a_chart_is_withheld_and_the_chart_is_drawn():
    data = Node("dataset:1", "dataset", "Loans of Vera Haas 1")
    made = Node("version:1", "version", "credit 1")
    chart = charts.lineage(Graph((data, made), (Edge(data.id, made.id, "training"),)))
    assert chart is not None
    assert "Haas" in svg_of(chart, language="en")
    edition = edition_of(named("Vera Haas", chart), {PEOPLE}, seed=SEED)
    assert b"Haas" not in proved(edition)
    drawn = svg_of(edition.content.lineage, language="en")
    assert "Haas" not in drawn
    assert "withheld" in drawn
    assert "credit 1" in drawn
    assert edition.content.lineage.spec["$schema"] == chart.spec["$schema"]


def test_a_person_who_is_called_like_a_mark_breaks_no_chart():
    data = Node("dataset:1", "dataset", "loans")
    chart = charts.lineage(Graph((data,), ()))
    assert chart is not None
    edition = edition_of(named("text rule name", chart), {PEOPLE}, seed=SEED)
    assert "loans" in svg_of(edition.content.lineage, language="en")


def test_a_sentence_that_quotes_a_withheld_text_is_withheld():
    said = content_of()
    reason = "The vendor is late"
    (waiver, *_more), (verdict, *_others) = said.exceptions.waivers, said.evaluations
    waiver = replace(waiver, reason=reason, outcome=f"refused: {reason}")
    ruling = verdict.rulings[0]
    check = replace(ruling.check, because=f"Waiver asked for by Anna: {reason}")
    check = replace(check, observed="0.31 (limit 0.25)")
    told = replace(
        said,
        exceptions=replace(said.exceptions, waivers=(waiver,)),
        evaluations=(replace(verdict, rulings=(replace(ruling, check=check),)),),
    )
    assert reason.encode() in document_of(told)
    body = proved(edition_of(told, {TEXTS}, seed=SEED))
    assert reason.encode() not in body
    assert b"0.31 (limit 0.25)" in body, "what was measured is no text of people"
