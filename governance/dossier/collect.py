"""Everything that a dossier says, gathered once from one snapshot of the database."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from audits import charts, log, past
from governance import policy
from governance.dossier import (
    attachments,
    content,
    decisions,
    exports,
    facts,
    risks,
    trail,
)
from governance.dossier.declarations import declarations_of
from governance.dossier.evidence import evidence_of
from governance.dossier.exceptions import exceptions_of
from governance.dossier.foreign import foreign_of
from governance.dossier.lives import life_of
from governance.dossier.moment import PastCase, environments_of
from governance.models import ApprovalRequest, Dossier, PolicyPack
from governance.release import software_version
from registry import lineage
from registry.models import Environment, ModelVersion


class NotRecorded(Exception):
    """The log did not know the version yet."""


@dataclass(frozen=True)
class Collected:
    """The content, and the files that go into the PDF; `dossier.json` is the last."""

    content: content.Content
    files: tuple[attachments.File, ...]

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
        return _collected(dossier)


def _collected(dossier: Dossier) -> Collected:
    at = dossier.as_of
    version = _version(dossier)
    places = environments_of(version, at=at)
    cases = [PastCase(version, place, at) for place in places]
    # Status and evidence are the same everywhere, also where nothing is registered.
    anywhere = cases[0] if cases else PastCase(version, Environment(), at)
    requests = decisions.requests_of(version, at=at)
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
        evaluations=tuple(decisions.evaluation(case) for case in cases),
        approvals=decisions.approvals(requests, at=at),
        exceptions=exceptions_of(version, at=at),
        life=life_of(version, at=at),
        authorisations=decisions.authorisations(version, at=at),
        deployments=decisions.deployments(version, at=at),
        gate=decisions.gate_history(version, at=at),
        trail=extract.trail,
    )
    files = attachments.originals(
        version=version,
        reports=anywhere.reports,
        requests=requests,
        permits=decisions.permits_of(version, at=at),
        packs=_packs(requests, at=at),
        extract=extract.document,
        at=at,
    )
    files = (*files, *exports.files_of(said))
    complete = replace(said, attachments=tuple(file.facts for file in files))
    document = attachments.dossier_file(content.document_of(complete))
    return Collected(complete, (*files, document))


def _version(dossier: Dossier) -> ModelVersion:
    people = ("owner", "developer", "validator", "registered_by")
    found = ModelVersion.objects.select_related(
        *(f"model__{name}" for name in people),
        "run__run_by",
        "developer",
        "registered_by",
    )
    version = found.filter(pk=dossier.version_id).first()
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
        language=dossier.language,
        as_of=dossier.as_of,
        requested_by=dossier.requested_by.printed_name,
        requested_at=dossier.requested_at,
        software=f"Freigabe {software_version()}",
        instance=settings.FREIGABE_INSTANCE_URL,
        log_origin=log.origin(),
    )
