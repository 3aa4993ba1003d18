"""Lineage as a graph: data sets, runs, versions and deployments, and what led where."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from registry.models import ModelFeed, ModelVersion, RunLink

# How what pipelines report is told, by side of the run.
TOLD: Mapping[str, str] = {
    RunLink.Side.INPUT: "reported as read",
    RunLink.Side.OUTPUT: "reported as written",
}


@dataclass(frozen=True)
class Node:
    """A thing in the graph; `kind` is dataset, run, version, deployment or model.

    `family` is what it is one of many of, such as the model of a version; `slugs` are
    the short names by which people reach its page.
    """

    id: str
    kind: str
    name: str
    detail: str = ""
    family: str = ""
    slugs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """`source` led to `target`, by `verb`; `through` names what it went through."""

    source: str
    target: str
    verb: str
    through: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges, each once."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def of_version(version: ModelVersion) -> Graph:
    """Everything that led to a version, and where it runs."""
    return _graph([version])


def _graph(versions: Iterable[ModelVersion]) -> Graph:
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}

    def node(kind: str, key: UUID, name: str, detail: str = "") -> str:
        node_id = f"{kind}:{key}"
        nodes.setdefault(node_id, Node(node_id, kind, name, detail))
        return node_id

    def edge(source: str, target: str, verb: str) -> None:
        edges.setdefault((source, target, verb), Edge(source, target, verb))

    for version in versions:
        made = node("version", version.pk, str(version), version.sha256)
        run = version.run
        if run is not None:
            trained = node("run", run.pk, run.name or "run", run.code_commit)
            edge(trained, made, "produced")
        for link in version.version_datasets.select_related("dataset_version__dataset"):
            data = link.dataset_version
            source = node("dataset", data.pk, str(data), data.sha256)
            training = link.use == "training" and run is not None
            edge(source, trained if training else made, link.use)
        for told in _reported(version):
            ran = node("run", told.run_id, str(told.run), told.run.code_commit)
            if told.version_id == version.pk:
                written = told.side == RunLink.Side.OUTPUT
                edge(*((ran, made) if written else (made, ran)), TOLD[told.side])
            elif told.dataset_version is not None:
                held = told.dataset_version
                source = node("dataset", held.pk, str(held), held.sha256)
                edge(source, ran, TOLD[RunLink.Side.INPUT])
        for deployment in version.deployments.select_related("environment"):
            place = node(
                "deployment",
                deployment.pk,
                deployment.environment.name,
                deployment.reported_at.isoformat(),
            )
            edge(made, place, "runs in")
    return Graph(tuple(nodes.values()), tuple(edges.values()))


def _reported(version: ModelVersion) -> Iterable[RunLink]:
    """The runs that wrote or read it, as pipelines say, and what the former read."""
    wrote = Q(run__links__version=version, run__links__side=RunLink.Side.OUTPUT)
    read = Q(side=RunLink.Side.INPUT, dataset_version__isnull=False)
    rows = RunLink.objects.filter(Q(version=version) | (wrote & read))
    told = rows.select_related("run", "dataset_version__dataset").distinct()
    return told.order_by("reported_at", "side", "pk")


def feeds() -> list[tuple[UUID, UUID]]:
    """Pairs of models of which the first feeds the second, as declared last."""
    latest = (
        ModelFeed.objects.order_by("upstream_id", "model_id", "-sequence")
        .distinct("upstream_id", "model_id")
        .values_list("upstream_id", "model_id", "ended")
    )
    return [(upstream, model) for upstream, model, ended in latest if not ended]


def neighbours(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, set[UUID]]:
    """To each first of the pairs, all seconds."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for first, second in pairs:
        found[first].add(second)
    return found


def reach(start: Iterable[UUID], steps: Mapping[UUID, set[UUID]]) -> set[UUID]:
    """All that can be reached in one step or more; circles end where they began."""
    found: set[UUID] = set()
    edge = list(start)
    while edge:
        edge = [n for here in edge for n in steps.get(here, ()) if n not in found]
        found.update(edge)
    return found
