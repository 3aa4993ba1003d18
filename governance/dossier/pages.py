"""What the templates are given: sections, figures, counts for the first pages."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audits.charts import Chart
from governance.dossier.annex_iv import coverage_of
from governance.dossier.collect import Collected
from governance.dossier.content import Content
from governance.dossier.figuring import Drawing
from governance.dossier.management import for_management
from governance.dossier.papers import ANNEX_IV, short_paper
from governance.dossier.plane import heat_of, plane_of
from governance.dossier.portfolio import Portfolio
from governance.dossier.reading import is_high_risk
from governance.dossier.redaction import CATEGORIES
from governance.dossier.request import AUTHORISATION
from governance.dossier.sections import Report, annex_sections, sections_of
from governance.dossier.topics import missing_topics
from governance.dossier.variants import title_of_variant
from governance.dossier.verdicts import Citation


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
        "attached": {file.facts.name for file in collected.files},
        "stamp": f"{said.control.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "sections": sections,
        "coverage": coverage_of(said) if points or is_high_risk(said) else (),
        "numbers": {name: section.number for name, section in sections.items()},
        "drawn": {"all": drawings, "lineage": lineage},
        "people": {"owner": fields["owner"], "purpose": fields["purpose"]},
        **for_management(said, sections),
        "plane": plane_of(said.matrix, said.assessments[0]) if said.matrix else None,
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
