"""The twenty-two sections of a dossier of a version, in the order of an audit file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from governance.dossier.annex_iv import Heading, coverage_of
from governance.dossier.content import Content, Evidence, Field, Foreign
from governance.dossier.figuring import Drawing
from governance.dossier.granted import SECTIONS
from governance.dossier.request import AUTHORISATION
from governance.dossier.tables import Arranged, arranged
from governance.dossier.topics import (
    TOLD,
    Undeclared,
    placed,
    undeclared,
    unplaced,
)
from governance.dossier.verdicts import Declared

# Mostly short: they follow the section before them on the same page.
_OWN_PAGE = frozenset(
    {
        "annex-1",
        "annex-2",
        "inventory",
        "data",
        "performance",
        "fairness",
        "explainability",
        "policy",
        "trail",
        "annexes",
    }
)
_KINDS = {
    "data": ("data_quality",),
    "performance": ("performance",),
    "fairness": ("fairness",),
    "explainability": ("explainability",),
    "robustness": ("robustness",),
    "monitoring": ("drift",),
}


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
class Measuring:
    """A kind of evidence in a section: its report, or none; `limits` in plain words."""

    title: str
    report: Report | None
    limits: str


@dataclass(frozen=True)
class Section:
    """A numbered part of the document."""

    number: int
    name: str
    title: str
    parts: tuple[str, ...]
    empty: bool
    fields: tuple[Field, ...]
    measured: tuple[Measuring, ...]
    declared: tuple[Declared, ...]
    undeclared: tuple[Undeclared, ...]
    foreign: tuple[Foreign, ...]
    heading: Heading | None = None

    @property
    def anchor(self) -> str:
        """The section's name inside the document."""
        return f"section-{self.number}"

    @property
    def flows(self) -> bool:
        """Whether it may begin in the middle of a page."""
        return self.name not in _OWN_PAGE or self.empty

    @property
    def paths(self) -> tuple[str, ...]:
        """The templates that fill it."""
        return tuple(f"dossier/{part}.html" for part in self.parts)


def sections_of(said: Content, reports: Mapping[str, Report]) -> dict[str, Section]:
    """The sections by name, numbered from 1; the cover is section 0."""
    parts = _parts()
    if said.control.variant == AUTHORISATION:
        parts = tuple(part for part in parts if part[0] in SECTIONS)
    return {
        name: _section(number, name, title, templates, said, reports)
        for number, (name, title, templates) in enumerate(parts, start=1)
    }


def annex_sections(said: Content, reports: Mapping[str, Report]) -> dict[str, Section]:
    """The nine points of Annex IV, then the same sections without the summary."""
    nothing: tuple[Any, ...] = ()
    points = {
        f"annex-{heading.number}": Section(
            number=int(heading.number),
            name=f"annex-{heading.number}",
            title=heading.title,
            parts=("annex_iv_point",),
            empty=False,
            fields=nothing,
            measured=nothing,
            declared=nothing,
            undeclared=nothing,
            foreign=nothing,
            heading=heading,
        )
        for heading in coverage_of(said)
    }
    rest = sections_of(said, reports)
    del rest["summary"]
    return points | {
        name: replace(section, number=number)
        for number, (name, section) in enumerate(rest.items(), start=len(points) + 1)
    }


def _parts() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, title and templates of each section."""
    return (
        ("summary", _("Management summary"), ("summary",)),
        ("scope", _("Scope and use"), ("fields", "declared")),
        ("inventory", _("Inventory record"), ("inventory",)),
        ("risk", _("Risk assessment"), ("risk", "declared")),
        ("data", _("Data"), ("data", "evidence", "declared")),
        ("development", _("Development"), ("development", "declared")),
        ("performance", _("Tests and performance"), ("evidence", "declared")),
        ("fairness", _("Fairness"), ("evidence", "declared")),
        ("explainability", _("Explainability"), ("evidence", "declared")),
        ("robustness", _("Robustness and security"), ("evidence", "declared")),
        ("validation", _("Validation"), ("declared", "findings", "reviews")),
        ("oversight", _("Human oversight"), ("declared", "overrides")),
        ("policy", _("Policy evaluation"), ("policy",)),
        ("approvals", _("Approvals and signatures"), ("approvals",)),
        (
            "authorisations",
            _("Authorisations and deployments"),
            ("authorisations", "gate"),
        ),
        (
            "monitoring",
            _("Monitoring and outcomes"),
            ("evidence", "incidents", "triggers", "declared"),
        ),
        ("changes", _("Changes"), ("changes", "declared")),
        ("exceptions", _("Exceptions"), ("exceptions",)),
        ("privacy", _("Privacy"), ("fields", "declared")),
        (
            "third_parties",
            _("Third parties"),
            ("fields", "vendors", "feeds", "declared"),
        ),
        ("trail", _("Audit trail extract"), ("trail",)),
        ("annexes", _("Annexes"), ("annexes",)),
    )


def _section(
    number: int,
    name: str,
    title: str,
    parts: tuple[str, ...],
    said: Content,
    reports: Mapping[str, Report],
) -> Section:
    at_the_end = name == "annexes"
    declared = (
        unplaced(said.declarations) if at_the_end else placed(name, said.declarations)
    )
    foreign = unplaced(said.foreign) if at_the_end else placed(name, said.foreign)
    there = {row.kind for row in declared} | {row.kind for row in foreign}
    measured = tuple(_measuring(kind, reports) for kind in _kinds(name, reports))
    own = _own(said)
    empty = not own.get(name, True) and not declared and not foreign
    return Section(
        number=number,
        name=name,
        title=title,
        parts=parts,
        empty=empty and not any(item.report for item in measured),
        fields=_fields(name, said),
        measured=measured,
        declared=declared,
        undeclared=undeclared(name, there),
        foreign=foreign,
    )


def _kinds(name: str, reports: Mapping[str, Report]) -> tuple[str, ...]:
    """The kinds of reports in a section; one that is new stands with the tests."""
    known = {kind for kinds in _KINDS.values() for kind in kinds}
    new = tuple(kind for kind in reports if kind not in known)
    return _KINDS.get(name, ()) + (new if name == "performance" else ())


def _measuring(kind: str, reports: Mapping[str, Report]) -> Measuring:
    titles = {
        "performance": _("Performance"),
        "fairness": _("Fairness"),
        "explainability": _("Explainability"),
        "robustness": _("Robustness"),
        "data_quality": _("Data quality"),
        "drift": _("Drift"),
    }
    limits = {
        "fairness": _(
            "Covered are the groups in the data that were measured. Groups that "
            "the data do not name, and what happens to people after the decision, "
            "are not covered."
        ),
        "explainability": _(
            "SHAP values say what the model used, not what causes the outcome, and "
            "depend on the background data."
        ),
    }
    report = reports.get(kind)
    title = titles.get(kind) or (report.evidence.label if report else kind)
    return Measuring(title, report, limits.get(kind, ""))


def _fields(name: str, said: Content) -> tuple[Field, ...]:
    """The fields of the inventory record that the section tells."""
    told = {field for fields in TOLD.values() for field in fields}
    fields = {field.name: field for field in said.inventory.fields}
    if name == "inventory":
        return tuple(field for field in fields.values() if field.name not in told)
    return tuple(fields[field] for field in TOLD.get(name, ()) if field in fields)


def _own(said: Content) -> dict[str, bool]:
    """Whether a section has records of its own, beside declarations and reports."""
    fields = {field.name: field.value for field in said.inventory.fields}
    return {
        "risk": bool(said.assessments),
        "data": bool(said.data),
        "development": said.run is not None,
        "performance": False,
        "fairness": False,
        "explainability": False,
        "robustness": False,
        "validation": bool(said.exceptions.findings or said.life.reviews),
        "oversight": bool(said.overrides),
        "policy": bool(said.evaluations),
        "approvals": bool(said.approvals),
        "authorisations": bool(
            said.authorisations or said.deployments or said.gate.counts
        ),
        "monitoring": bool(said.life.incidents or said.life.triggers),
        "changes": said.life.any_change,
        "exceptions": bool(said.exceptions.waivers or said.exceptions.emergencies),
        "third_parties": bool(
            fields.get("vendor") or said.life.vendor_notices or said.life.feeds
        ),
        "trail": bool(said.trail.rows),
    }
