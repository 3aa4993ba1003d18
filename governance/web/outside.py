"""Which pages an external auditor sees: those of the room, and of models in scope."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from audits.models import EvidenceRun
from governance import roles
from governance.aggregation import Aggregate, Linked
from governance.models import (
    ApprovalRequest,
    Dossier,
    Evaluation,
    Finding,
    GateDecision,
    Waiver,
)
from registry.lineage import Graph, Node
from registry.models import User

# Pages about nobody's model.
ROOM = frozenset(
    {
        "auditors",
        "audit_access",
        "ask_auditee",
        "audit_request",
        "ask_sample",
        "audit_sample",
        "audit_sample_file",
        "glossary",
        "profile",
        "notifications",
        "read_notifications",
        "wish_notifications",
    }
)
# Pages whose address names the model.
OF_MODEL = frozenset(
    {"model", "version", "evaluations", "request_dossier", "aggregate", "compare"}
)
# Pages of a record: which, by which part of the address, and where its model is.
OF_RECORD: Mapping[str, tuple[type[Model], str, str]] = {
    "evidence": (EvidenceRun, "run_id", "version__model__slug"),
    "report-file": (EvidenceRun, "run_id", "version__model__slug"),
    "approval": (ApprovalRequest, "request_id", "version__model__slug"),
    "finding": (Finding, "finding_id", "model__slug"),
    "waiver": (Waiver, "waiver_id", "model__slug"),
    "decision": (GateDecision, "decision_id", "version__model__slug"),
    "evaluation": (Evaluation, "evaluation_id", "version__model__slug"),
    "dossier": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_progress": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_pdf": (Dossier, "dossier_id", "version__model__slug"),
}


def require_inside(user: User, name: str, address: Mapping[str, Any]) -> None:
    """Refuse an external auditor any page that is not of a model in their access.

    What is not named above is refused: a new page is closed to them until somebody
    says of which model it is. Raises `NotAllowed`.
    """
    if name in ROOM:
        return
    slug = None
    if name in OF_MODEL:
        slug = address.get("slug")
    elif name in OF_RECORD:
        model, part, place = OF_RECORD[name]
        rows = model._default_manager.filter(pk=address.get(part))
        slug = rows.values_list(place, flat=True).first()
    if not slug:
        raise roles.NotAllowed(
            _("External auditors see the models of their access, and their room.")
        )
    roles.require(user, "read", model=slug)


def bounded(graph: Graph, user: User) -> Graph:
    """The graph as this person may read it: models outside their scope have no name.

    They stay in the graph: that something feeds a model in scope is about that model.
    """
    nodes = tuple(_unnamed(node, user) for node in graph.nodes)
    return replace(graph, nodes=nodes)


def _unnamed(node: Node, user: User) -> Node:
    if (
        not node.slugs
        or node.kind not in ("model", "version")
        or _in(user, node.slugs[0])
    ):
        return node
    said = _("outside your scope")
    return replace(node, name=said, family=said, detail="", slugs=())


def bounded_aggregate(found: Aggregate, user: User) -> Aggregate:
    """The same of what travels along lineage: tiers stay, names and findings go."""

    def linked(rows: tuple[Linked, ...]) -> tuple[Linked, ...]:
        return tuple(
            row
            if _in(user, row.slug)
            else replace(row, slug="", name=_("outside your scope"))
            for row in rows
        )

    inherited = (r for r in found.inherited if _in(user, r.finding.model.slug))
    return replace(
        found,
        upstream=linked(found.upstream),
        downstream=linked(found.downstream),
        inherited=tuple(inherited),
    )


def _in(user: User, slug: str) -> bool:
    """Whether a model is one that this person may see; all are, but for outsiders."""
    models = user.scope.models if user.scope else None
    return models is None or slug in models
