"""What the templates are given: sections, numbered figures, short words."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audits.charts import Chart
from audits.charts.base import Row
from governance.dossier.assessed import Matrix
from governance.dossier.collect import Collected
from governance.dossier.content import Content, Evidence
from governance.dossier.tables import Arranged, arranged
from governance.dossier.topics import missing_topics, topics_of
from governance.models.risk import Band

_NARROW = 300  # pixels: such a chart has room for its table beside it
MOST_ROWS = 40  # of a figure's data on paper; dossier.json has them all
_SHORT = 14  # rows of a table that is as high as its chart
# Mostly short: they follow the section before them on the same page.
_FLOWING = frozenset({"risk", "development", "authorisations", "gate"})


@dataclass(frozen=True)
class Drawing:
    """A numbered figure, and where its vector graphic is fetched from."""

    number: int
    chart: Chart

    @property
    def anchor(self) -> str:
        """The figure's name inside the document."""
        return f"figure-{self.number}"

    @property
    def url(self) -> str:
        """The address under which the fetcher knows the graphic."""
        return f"dossier:figure-{self.number}.svg"

    @property
    def numeric(self) -> frozenset[int]:
        """The columns of the table that hold numbers."""
        rows = self.chart.rows
        return frozenset(
            column
            for column in range(len(self.chart.head))
            if not any(isinstance(row[column], str) for row in rows)
        )

    @property
    def printed(self) -> tuple[Row, ...]:
        """The rows of its data that stand on paper."""
        return self.chart.rows[:MOST_ROWS]

    @property
    def left_out(self) -> int:
        """How many rows stand in dossier.json only."""
        return max(0, len(self.chart.rows) - MOST_ROWS)

    @property
    def narrow(self) -> bool:
        """Whether chart and table fit side by side."""
        width = self.chart.spec.get("width", _NARROW + 1)
        rows = len(self.chart.rows)
        return isinstance(width, int) and width <= _NARROW and 0 < rows <= _SHORT

    @property
    def has_table(self) -> bool:
        """Whether its data stand nowhere else: group rates are measurements too."""
        return bool(self.chart.rows) and not self.chart.key.startswith("groups-")


@dataclass(frozen=True)
class Report:
    """An evidence report with its drawings."""

    evidence: Evidence
    drawn: tuple[Drawing, ...]

    @property
    def tables(self) -> Arranged:
        """Its measurements, arranged for paper."""
        return arranged(self.evidence.measurements)


@dataclass(frozen=True)
class Section:
    """A numbered part of the document."""

    number: int
    template: str
    title: str
    empty: bool = False
    report: Report | None = None
    limits: str = ""

    @property
    def anchor(self) -> str:
        """The section's name inside the document."""
        return f"section-{self.number}"

    @property
    def flows(self) -> bool:
        """Whether it may begin in the middle of a page."""
        return self.template in _FLOWING or self.empty

    @property
    def path(self) -> str:
        """The template that fills it."""
        return f"dossier/{self.template}.html"


@dataclass(frozen=True)
class Pages:
    """The context of the templates, and the drawings that they refer to."""

    context: dict[str, Any]
    drawings: tuple[Drawing, ...]


def pages_of(collected: Collected) -> Pages:
    """Arrange the content for the templates, in the language that is active."""
    said = collected.content
    drawings = list[Drawing]()

    def draw(chart: Chart) -> Drawing:
        drawings.append(Drawing(len(drawings) + 1, chart))
        return drawings[-1]

    lineage = draw(said.lineage) if said.lineage else None
    reports = {
        item.kind: Report(item, tuple(draw(chart) for chart in item.figures))
        for item in said.evidence
    }
    fields = {field.name: field.value for field in said.inventory.fields}
    context = {
        "c": said,
        "document": collected.document,
        "files": collected.files,
        "stamp": f"{said.control.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "sections": _sections(said, reports),
        "drawn": {"all": drawings, "lineage": lineage},
        "people": {"owner": fields["owner"], "purpose": fields["purpose"]},
        "counts": _counts(said),
        "matrix_rows": _matrix_rows(said.matrix, said) if said.matrix else (),
        "topics": topics_of(said.declarations),
        "missing": missing_topics(),
        "sources": _sources(said),
        "permits": [
            file.name for file in said.attachments if file.name.startswith("permit-")
        ],
        "glossary": glossary(),
    }
    return Pages(context, tuple(drawings))


def _sections(said: Content, reports: dict[str, Report]) -> dict[str, Section]:
    kinds: dict[str, tuple[str, str]] = {
        "performance": (_("Performance"), ""),
        "fairness": (
            _("Fairness"),
            _(
                "Covered are the groups in the data that were measured. Groups that "
                "the data do not name, and what happens to people after the decision, "
                "are not covered."
            ),
        ),
        "explainability": (
            _("Explainability"),
            _(
                "SHAP values say what the model used, not what causes the outcome, and "
                "depend on the background data."
            ),
        ),
    }
    kinds |= {k: (r.evidence.label, "") for k, r in reports.items() if k not in kinds}
    parts: list[tuple[str, str, str, bool]] = [
        ("summary", "summary", _("Management summary"), False),
        ("inventory", "inventory", _("Inventory record"), False),
        ("risk", "risk", _("Risk assessment"), not said.assessments),
        ("data", "data", _("Data and lineage"), not said.data),
        ("development", "development", _("Development"), said.run is None),
        *(
            (kind, "evidence", title, kind not in reports)
            for kind, (title, _limits) in kinds.items()
        ),
        ("declarations", "declarations", _("Declarations"), not said.declarations),
        ("policy", "policy", _("Policy evaluation"), not said.evaluations),
        ("approvals", "approvals", _("Approvals and signatures"), not said.approvals),
        (
            "exceptions",
            "exceptions",
            _("Findings, waivers and emergencies"),
            not said.exceptions.any,
        ),
        (
            "authorisations",
            "authorisations",
            _("Authorisations and deployments"),
            not said.authorisations and not said.deployments,
        ),
        ("gate", "gate", _("Gate decisions"), not said.gate.counts),
        ("trail", "trail", _("Audit trail extract"), not said.trail.rows),
        ("annexes", "annexes", _("Annexes"), False),
    ]
    return {
        name: Section(
            number=number,
            template=template,
            title=title,
            empty=empty,
            report=reports.get(name),
            limits=kinds[name][1] if name in kinds else "",
        )
        for number, (name, template, title, empty) in enumerate(parts, start=1)
    }


def _counts(said: Content) -> dict[str, int]:
    return {
        "signatures": sum(len(item.signatures) for item in said.approvals),
        "allowed": sum(yes for _name, yes, _no in said.gate.counts),
        "denied": sum(no for _name, _yes, no in said.gate.counts),
        "findings": sum(item.is_open for item in said.exceptions.findings),
        "waivers": sum(item.active for item in said.exceptions.waivers),
        "emergencies": len(said.exceptions.emergencies),
        "conditions": sum(len(item.conditions) for item in said.approvals),
        "unauthorised": sum(not item.authorised for item in said.deployments),
    }


def _matrix_rows(matrix: Matrix, said: Content) -> list[dict[str, Any]]:
    """The matrix from the highest likelihood down, with the marks I and R."""
    latest = said.assessments[0]
    marks: dict[tuple[int, int], list[str]] = {}
    marks.setdefault((latest.likelihood, latest.impact), []).append(_("I"))
    if latest.residual_likelihood and latest.residual_impact:
        place = (latest.residual_likelihood, latest.residual_impact)
        marks.setdefault(place, []).append(_("R"))
    return [
        {
            "number": row,
            "word": matrix.likelihood[row - 1],
            "cells": [
                {
                    "score": score,
                    "band": band,
                    "label": str(Band(band).label),
                    "marks": " + ".join(marks.get((row, column), [])),
                }
                for column, (score, band) in enumerate(matrix.cells[row - 1], start=1)
            ],
        }
        for row in range(len(matrix.cells), 0, -1)
    ]


def _sources(said: Content) -> list[tuple[str, str]]:
    found = {
        (citation.ref, citation.status_label)
        for evaluation in said.evaluations
        for ruling in evaluation.rulings
        for citation in ruling.citations
    }
    return sorted(found)


def glossary() -> tuple[tuple[str, str], ...]:
    """The words that a reader from outside needs."""
    return (
        (_("Tier"), _("1 (severe) to 4 (low): which requirements apply")),
        (_("Check"), _("one requirement applied to one version at one moment")),
        (_("Evidence report"), _("measurements with the digests of their inputs")),
        (
            _("Authorisation"),
            _("the right of a version to run in an environment until a date"),
        ),
        (_("Permit"), _("a signed answer of the gate to one question, for 24 hours")),
        (
            _("Digest"),
            _("SHA-256 of the stored bytes: one changed bit gives another digest"),
        ),
        (_("Checkpoint"), _("a signed note of the log's size and root hash")),
        (_("Inclusion proof"), _("hashes that tie one log entry to a root hash")),
    )
