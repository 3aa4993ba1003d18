"""What the templates are given: sections, figures, counts for the first pages."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audits.charts import Chart
from governance.dossier.collect import Collected
from governance.dossier.content import Content
from governance.dossier.figuring import Drawing
from governance.dossier.papers import ANNEX_IV, short_paper
from governance.dossier.plane import heat_of, plane_of
from governance.dossier.portfolio import Portfolio
from governance.dossier.redaction import CATEGORIES
from governance.dossier.request import AUTHORISATION
from governance.dossier.sections import Report, annex_sections, sections_of
from governance.dossier.topics import missing_topics
from governance.dossier.variants import title_of_variant
from governance.dossier.verdicts import Citation, Evaluation


@dataclass(frozen=True)
class Pages:
    """The context of the templates, and the drawings that they refer to."""

    context: dict[str, Any]
    drawings: tuple[Drawing, ...]


def pages_of(collected: Collected) -> Pages:
    """Arrange the content for the templates, in the language that is active."""
    said = collected.content
    if isinstance(said, Portfolio):
        return _portfolio_pages(said, collected)
    short = short_paper(said, collected)
    if short is not None:
        return Pages(short, ())
    return _version_pages(said, collected)


def _portfolio_pages(said: Portfolio, collected: Collected) -> Pages:
    titles = (
        ("overview", _("Overview")),
        ("models", _("Models")),
        ("findings", _("Open findings")),
        ("waivers", _("Active waivers")),
        ("trail", _("Audit trail extract")),
        ("annexes", _("Annexes")),
    )
    context = {
        "page": "dossier/portfolio.html",
        "c": said,
        "kind": _("Portfolio dossier"),
        "document": collected.document,
        "files": collected.files,
        "stamp": f"{said.control.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "sections": {
            name: {"number": number, "title": title, "anchor": f"section-{number}"}
            for number, (name, title) in enumerate(titles, start=1)
        },
        "withheld": [str(CATEGORIES[name]) for name in said.control.withheld],
        "heat": heat_of(said.matrix, said.heat) if said.matrix else None,
        "totals": {
            "findings": len(said.findings),
            "overdue": sum(row.overdue for row in said.findings),
            "waivers": len(said.waivers),
            "reviews": sum(bool(row.due) for row in said.lines),
            "unauthorised": sum(row.unauthorised for row in said.lines),
        },
        "glossary": glossary(),
        "abbreviations": abbreviations(),
    }
    return Pages(context, ())


def _version_pages(said: Content, collected: Collected) -> Pages:
    drawings = list[Drawing]()

    def draw(chart: Chart) -> Drawing:
        drawings.append(Drawing(len(drawings) + 1, chart))
        return drawings[-1]

    whole = said.control.variant != AUTHORISATION
    lineage = draw(said.lineage) if said.lineage and whole else None
    reports = {
        item.kind: Report(item, tuple(draw(chart) for chart in item.figures))
        for item in (said.evidence if whole else ())
    }
    fields = {field.name: field.value for field in said.inventory.fields}
    points = said.control.variant == ANNEX_IV
    sections = (annex_sections if points else sections_of)(said, reports)
    titles = {
        AUTHORISATION: _("Dossier of an authorisation"),
    }
    context = {
        "c": said,
        "kind": titles.get(
            said.control.variant, title_of_variant(said.control.variant)
        ),
        "document": collected.document,
        "files": collected.files,
        "stamp": f"{said.control.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "sections": sections,
        "numbers": {name: section.number for name, section in sections.items()},
        "drawn": {"all": drawings, "lineage": lineage},
        "people": {"owner": fields["owner"], "purpose": fields["purpose"]},
        "counts": _counts(said),
        "plane": plane_of(said.matrix, said.assessments[0]) if said.matrix else None,
        "open": _open(said),
        "rules": tuple(_ruled(item) for item in said.evaluations),
        "challenges": [
            (item, row) for item in said.approvals for row in item.challenges
        ],
        "missing": missing_topics(),
        "sources": _sources(said),
        "withheld": [str(CATEGORIES[name]) for name in said.control.withheld],
        "permits": [
            file.name for file in said.attachments if file.name.startswith("permit-")
        ],
        "glossary": glossary(),
        "abbreviations": abbreviations(),
    }
    return Pages(context, tuple(drawings))


def _counts(said: Content) -> dict[str, int]:
    return {
        "signatures": sum(len(item.signatures) for item in said.approvals),
        "allowed": sum(yes for _name, yes, _no in said.gate.counts),
        "denied": sum(no for _name, _yes, no in said.gate.counts),
        "findings": sum(item.is_open for item in said.exceptions.findings),
        "waivers": sum(item.active for item in said.exceptions.waivers),
        "emergencies": len(said.exceptions.emergencies),
        "conditions": sum(len(item.conditions) for item in said.approvals),
        "overdue": sum(
            item.is_open and item.overdue for item in said.exceptions.findings
        ),
        "incidents": sum(item.closed_at is None for item in said.life.incidents),
        "unauthorised": sum(not item.authorised for item in said.deployments),
    }


def _open(said: Content) -> dict[str, tuple[Any, ...]]:
    """What the reader of the first pages has to know of, each in full further on."""
    told = said.exceptions
    return {
        "conditions": tuple(row for item in said.approvals for row in item.conditions),
        "findings": tuple(row for row in told.findings if row.is_open),
        "waivers": tuple(row for row in told.waivers if row.active),
        "emergencies": told.emergencies,
        "incidents": tuple(row for row in said.life.incidents if not row.closed_at),
    }


@dataclass(frozen=True)
class Ruled:
    """How the rules of one environment came out, in numbers."""

    environment: str
    met: int
    waived: int
    failing: int
    warned: int

    @property
    def all(self) -> int:
        """How many checks there are."""
        return self.met + self.waived + self.failing + self.warned


def _ruled(item: Evaluation) -> Ruled:
    checks = [ruling.check for ruling in item.rulings]
    return Ruled(
        environment=item.environment,
        met=sum(check.passed and not check.waiver for check in checks),
        waived=sum(check.passed and bool(check.waiver) for check in checks),
        failing=sum(check.blocks for check in checks),
        warned=sum(not check.passed and not check.blocks for check in checks),
    )


def _sources(said: Content) -> list[Citation]:
    found = {
        citation
        for evaluation in said.evaluations
        for ruling in evaluation.rulings
        for citation in ruling.citations
    }
    return sorted(found, key=lambda item: (item.ref, item.status))


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


def abbreviations() -> tuple[tuple[str, str], ...]:
    """The short forms that rules, figures and people use."""
    return (
        ("AEDT", _("automated employment decision tool (New York City)")),
        ("AUC", _("area under the ROC curve")),
        ("DPIA", _("data protection impact assessment (GDPR, Art. 35)")),
        ("FRIA", _("fundamental rights impact assessment (EU AI Act, Art. 27)")),
        ("GDPR", _("General Data Protection Regulation, Regulation (EU) 2016/679")),
        ("PSI", _("population stability index")),
        ("ROC", _("receiver operating characteristic")),
        ("SHAP", _("Shapley additive explanations")),
        ("SoD", _("separation of duties")),
        ("UTC", _("coordinated universal time: every time in this dossier")),
    )
