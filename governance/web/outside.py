"""Which pages an external auditor sees: those of the room, and of models in scope."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Model
from django.db.models.functions import Coalesce
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from audits.models import EvidenceRun, ForeignEvidence
from governance import roles
from governance.aggregation import Aggregate, Linked
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Declaration,
    Dossier,
    Emergency,
    Evaluation,
    Finding,
    GateDecision,
    Waiver,
)
from registry.lineage import Graph, Node
from registry.models import User

_ANCHOR = re.compile(r"<a\b[^>]*>")
_LINK = re.compile(r'\shref="([^"]*)"')
_LABEL = re.compile(r'\saria-label="[^"]*"')

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
        "design",
        "pack",
        "pack_changes",
        "profile",
        "notifications",
        "read_notifications",
        "wish_notifications",
    }
)
# Pages whose address names the model.
OF_MODEL = frozenset(
    {
        "model",
        "versions",
        "version",
        "history",
        "model_lineage",
        "tier",
        "drift",
        "evaluations",
        "request_dossier",
        "aggregate",
        "compare",
    }
)
# A declaration is about a model or a version; about anything else it is not theirs.
_DECLARED = Coalesce("model__slug", "version__model__slug")
# Pages of a record: which, by which part of the address, and where its model is.
OF_RECORD: Mapping[str, tuple[type[Model], str, str | Coalesce]] = {
    "evidence": (EvidenceRun, "run_id", "version__model__slug"),
    "progress": (EvidenceRun, "run_id", "version__model__slug"),
    "threshold": (EvidenceRun, "run_id", "version__model__slug"),
    "report-file": (EvidenceRun, "run_id", "version__model__slug"),
    "attachment": (ForeignEvidence, "attachment_id", "version__model__slug"),
    "attachment_file": (ForeignEvidence, "attachment_id", "version__model__slug"),
    "approval": (ApprovalRequest, "request_id", "version__model__slug"),
    "challenges": (ApprovalRequest, "request_id", "version__model__slug"),
    "authorisation": (Authorisation, "authorisation_id", "version__model__slug"),
    "declaration": (Declaration, "declaration_id", _DECLARED),
    "emergency": (Emergency, "emergency_id", "version__model__slug"),
    "finding": (Finding, "finding_id", "model__slug"),
    "waiver": (Waiver, "waiver_id", "model__slug"),
    "decision": (GateDecision, "decision_id", "version__model__slug"),
    "envelope": (GateDecision, "decision_id", "version__model__slug"),
    "evaluation": (Evaluation, "evaluation_id", "version__model__slug"),
    "dossier": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_progress": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_pdf": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_bundle": (Dossier, "dossier_id", "version__model__slug"),
    "dossier_export": (Dossier, "dossier_id", "version__model__slug"),
}


def require_inside(user: User, name: str, address: Mapping[str, Any]) -> None:
    """Refuse an external auditor any page that is not of a model in their access.

    What is not named above is refused: a new page is closed to them until somebody
    says of which model it is. Raises `NotAllowed`.
    """
    if name in ROOM:
        return
    slug = _named(name, address)
    if name in OF_RECORD:
        model, part, place = OF_RECORD[name]
        rows = model._default_manager.filter(pk=address.get(part))
        slug = rows.values_list(place, flat=True).first() or ""
    if not slug:
        raise roles.NotAllowed(
            _("External auditors see the models of their access, and their room.")
        )
    roles.require(user, "read", model=slug)


def _named(name: str, address: Mapping[str, Any]) -> str:
    """The model that an address names, if it names one."""
    if name in OF_MODEL:
        return str(address["slug"])
    if name == "declarations" and address["about"] in ("model", "version"):
        return str(address["key"]).partition("@")[0]
    return ""


def unlinked(page: str, user: User) -> str:
    """The page without the links that would refuse this person; their words stay.

    A page of a model in scope leads to records of that model, which are not looked up.
    """

    def kept(found: re.Match[str]) -> str:
        link = found[0]
        leads = _LINK.search(link)
        if leads is None or _opens(unescape(leads[1]), user):
            return link
        return _LABEL.sub("", link.replace(leads[0], ""))

    return _ANCHOR.sub(kept, page)


def _opens(address: str, user: User) -> bool:
    parts = urlsplit(address)
    if parts.netloc or not parts.path:
        return True
    try:
        found = resolve(parts.path)
    except Resolver404:
        return True
    name = found.url_name or ""
    if found.namespace != "web" or name in ROOM or name in OF_RECORD:
        return True
    slug = _named(name, found.kwargs)
    return name == "dashboard" or bool(slug and _in(user, slug))


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
