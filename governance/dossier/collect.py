"""Everything that a dossier says, gathered once from one snapshot of the database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from audits import charts, log, past
from audits.models import EvidenceReport, EvidenceRun
from governance import policy
from governance.dossier import (
    attachments,
    content,
    decisions,
    exports,
    facts,
    redaction,
    risks,
    trail,
)
from governance.dossier.declarations import declarations_of, overrides_of
from governance.dossier.evidence import evidence_of
from governance.dossier.exceptions import exceptions_of
from governance.dossier.foreign import foreign_of
from governance.dossier.granted import only
from governance.dossier.lives import life_of
from governance.dossier.moment import PastCase, environments_of
from governance.dossier.portfolio import (
    Portfolio,
    gathered,
    keys_of,
    portfolio_of,
)
from governance.dossier.published import published
from governance.dossier.request import PORTFOLIO
from governance.dossier.variants import is_public
from governance.models import ApprovalRequest, Authorisation, Dossier, PolicyPack
from governance.release import software_version
from registry import lineage
from registry.models import Environment, ModelVersion, RegisteredModel

_OF_GROUPS = frozenset(
    # The others tell values of single rows: cases, and what stands in columns.
    {
        EvidenceRun.Kind.PERFORMANCE,
        EvidenceRun.Kind.FAIRNESS,
        EvidenceRun.Kind.ROBUSTNESS,
        EvidenceRun.Kind.DRIFT,
    }
)


class NotRecorded(Exception):
    """The log did not know the version yet."""


@dataclass(frozen=True)
class Collected:
    """The content, and the files that go into the PDF; `dossier.json` is the last.

    `disclosure` has what is withheld from outside readers, and is in no file.
    """

    content: content.Content | Portfolio
    files: tuple[attachments.File, ...]
    disclosure: str = ""

    @property
    def document(self) -> attachments.File:
        """`dossier.json`: its digest is the content hash on the cover."""
        return self.files[-1]


def collect(dossier: Dossier) -> Collected:
    """Gather the dossier of a version as it stood at `dossier.as_of`.

    Call it inside one read-only transaction and under the dossier's language. The same
    row gives the same bytes. Raises `log.NotYetSigned`, `attachments.NoKeys`,
    `evidence.UnreadableReport`, `past.Archived`, `NotRecorded`.
    """
    with past.as_of(dossier.as_of):
        if dossier.variant == PORTFOLIO:
            return _portfolio(dossier)
        return _collected(dossier)


def _portfolio(dossier: Dossier) -> Collected:
    at = dossier.as_of
    found = gathered(dossier.scope, at)
    extract = trail.extract_for(keys_of(found), at=at, example=RegisteredModel)
    said = portfolio_of(
        found, control=_control(dossier), scope=dossier.scope, trail=extract.trail
    )
    packs = _packs([], at=at)
    if dossier.withheld:
        return _edition(dossier, said, {}, extract.document, packs)
    files = attachments.proofs(packs=packs, extract=extract.document, at=at)
    complete = replace(said, attachments=tuple(file.facts for file in files))
    document = attachments.dossier_file(content.document_of(complete))
    return Collected(complete, (*files, document))


def _collected(dossier: Dossier) -> Collected:
    at = dossier.as_of
    version = _version(dossier)
    granted = _granted(dossier)
    places = [granted.environment] if granted else environments_of(version, at=at)
    cases = [PastCase(version, place, at, granted) for place in places]
    # Status and evidence are the same everywhere, also where nothing is registered.
    anywhere = cases[0] if cases else PastCase(version, Environment(), at)
    requests = decisions.requests_of(version, at=at)
    if granted:
        requests = [row for row in requests if row.pk == granted.request_id]
    extract = trail.extract_of(version, at=at)
    found = anywhere.assessment
    said = content.Content(
        control=_control(dossier),
        inventory=facts.inventory(version.model),
        version=facts.version_facts(version, anywhere.status, at=at),
        siblings=facts.siblings(version, at=at),
        matrix=risks.matrix_facts(found.matrix) if found else None,
        standing=risks.standing_facts(anywhere.standing),
        assessments=risks.assessments(version.model, at=at),
        data=facts.data_uses(version),
        lineage=charts.lineage(_lineage(version, at=at)),
        run=facts.training_run(version.run),
        evidence=evidence_of(anywhere.reports),
        foreign=foreign_of(version, at=at),
        declarations=declarations_of(version, at=at),
        overrides=overrides_of(version, at=at),
        evaluations=tuple(decisions.evaluation(case) for case in cases),
        approvals=decisions.approvals(requests, at=at),
        exceptions=exceptions_of(version, at=at),
        life=life_of(version, at=at),
        authorisations=decisions.authorisations(version, at=at),
        deployments=decisions.deployments(version, at=at),
        gate=decisions.gate_history(version, at=at),
        trail=extract.trail,
    )
    if granted:
        said = only(said, granted)
    if is_public(dossier.variant):
        return Collected(*published(said, exports.files_of(said)))
    if dossier.withheld:
        packs = _packs(requests, at=at)
        return _edition(dossier, said, anywhere.reports, extract.document, packs)
    files = attachments.originals(
        version=version,
        reports=anywhere.reports,
        requests=requests,
        permits=[
            row
            for row in decisions.permits_of(version, at=at)
            if granted is None or row.environment == granted.environment
        ],
        packs=_packs(requests, at=at),
        extract=extract.document,
        at=at,
    )
    files = (*files, *exports.files_of(said))
    complete = replace(said, attachments=tuple(file.facts for file in files))
    document = attachments.dossier_file(content.document_of(complete))
    return Collected(complete, (*files, document))


def _edition(
    dossier: Dossier,
    said: content.Content | Portfolio,
    reports: Mapping[str, EvidenceReport],
    extract: dict[str, Any],
    packs: list[PolicyPack],
) -> Collected:
    """The same for outside readers: no originals but those that name nobody."""
    withheld = set(dossier.withheld)
    public = attachments.public(
        reports={
            kind: report
            for kind, report in reports.items()
            if kind in _OF_GROUPS
            and redaction.may_go_out(said, withheld, report.document)
        },
        packs=packs,
        extract=extract,
        at=dossier.as_of,
    )
    complete = replace(said, attachments=tuple(file.facts for file in public))
    seed = bytes.fromhex(dossier.seed)
    edition = redaction.edition_of(complete, withheld, seed=seed)
    document = attachments.dossier_file(content.document_of(edition.content))
    return Collected(
        edition.content, (*public, document), edition.disclosure().decode()
    )


def _granted(dossier: Dossier) -> Authorisation | None:
    key = dossier.authorisation_id
    if key is None:
        return None
    rows = Authorisation.objects.select_related(
        "environment", "request__assessment", "request__environment"
    ).prefetch_related("changes")
    found = rows.filter(pk=str(key)).first()
    if found is None:
        raise NotRecorded(_("The authorisation had not begun by that moment."))
    return found


def _version(dossier: Dossier) -> ModelVersion:
    people = ("owner", "developer", "validator", "registered_by")
    found = ModelVersion.objects.select_related(
        *(f"model__{name}" for name in people),
        "run__run_by",
        "developer",
        "registered_by",
    )
    version = found.filter(pk=str(dossier.version_id)).first()
    if version is None:
        raise NotRecorded(_("The version had not been recorded by that moment."))
    return version


def _lineage(version: ModelVersion, *, at: datetime) -> lineage.Graph:
    """The graph without what was deployed later, each environment once."""
    graph = lineage.of_version(version)
    shown: set[str] = set()
    dropped: set[str] = set()
    for node in graph.nodes:
        if node.kind != "deployment":
            continue
        if datetime.fromisoformat(node.detail) > at or node.name in shown:
            dropped.add(node.id)
        else:
            shown.add(node.name)
    return lineage.Graph(
        tuple(node for node in graph.nodes if node.id not in dropped),
        tuple(edge for edge in graph.edges if edge.target not in dropped),
    )


def _packs(requests: list[ApprovalRequest], *, at: datetime) -> list[PolicyPack]:
    """The packs that people signed under, and those in force."""
    signed = {pack["sha256"] for request in requests for pack in request.packs}
    rows = PolicyPack.objects.filter(sha256__in=signed, published_at__lte=at)
    now = [found.row for found in policy.shelf(at=at).in_force(at=at)]
    return sorted({*rows, *now}, key=str)


def _control(dossier: Dossier) -> content.Control:
    return content.Control(
        dossier_id=str(dossier.pk),
        variant=dossier.variant,
        paper=str(dossier.paper),
        withheld=tuple(dossier.withheld),
        language=dossier.language,
        as_of=dossier.as_of,
        requested_by=dossier.requested_by.printed_name,
        requested_at=dossier.requested_at,
        software=f"Freigabe {software_version()}",
        instance=settings.FREIGABE_INSTANCE_URL,
        log_origin=log.origin(),
    )
