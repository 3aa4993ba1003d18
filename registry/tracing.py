"""Lineage of many versions at once, read in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from registry.lineage import TOLD, Edge, Graph, Node
from registry.models import (
    Dataset,
    DatasetVersion,
    Deployment,
    ModelVersion,
    RegisteredModel,
    Run,
    RunLink,
    VersionDataset,
)

# How many versions one graph names; who asks for more reads the tables.
MOST = 150
# How many steps from model to model are followed, and how many models are named.
STEPS, FED = 6, 60
NOW, EARLIER, UNAUTHORISED = "now", "earlier", "unauthorised"

_FEEDS = """
WITH RECURSIVE latest AS (
    SELECT DISTINCT ON (upstream_id, model_id) upstream_id, model_id, dataset_id, ended
    FROM registry_modelfeed ORDER BY upstream_id, model_id, sequence DESC
), feed AS (SELECT * FROM latest WHERE NOT ended),
down(id, step) AS (
    SELECT unnest(%(models)s::uuid[]), 0
    UNION SELECT feed.model_id, down.step + 1
    FROM feed JOIN down ON feed.upstream_id = down.id WHERE down.step < %(steps)s
),
up(id, step) AS (
    SELECT unnest(%(models)s::uuid[]), 0
    UNION SELECT feed.upstream_id, up.step + 1
    FROM feed JOIN up ON feed.model_id = up.id WHERE up.step < %(steps)s
),
near AS (
    SELECT id, min(step) AS step FROM (SELECT * FROM down UNION ALL SELECT * FROM up) f
    GROUP BY id ORDER BY min(step), id LIMIT %(most)s
)
SELECT feed.upstream_id, feed.model_id, dataset.name
FROM feed LEFT JOIN registry_dataset dataset ON dataset.id = feed.dataset_id
WHERE feed.upstream_id IN (SELECT id FROM near)
  AND feed.model_id IN (SELECT id FROM near)
ORDER BY feed.upstream_id, feed.model_id
"""


@dataclass(frozen=True)
class Trace:
    """A graph, and how many versions it leaves out because they are too many."""

    graph: Graph
    left_out: int = 0


class _Found:
    """Nodes and edges as they are found, each kept once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}

    def node(self, node: Node) -> str:
        self.nodes.setdefault(node.id, node)
        return node.id

    def edge(self, source: str, target: str, verb: str, through: str = "") -> None:
        edge = Edge(source, target, verb, through)
        self.edges.setdefault((source, target, verb), edge)

    def trace(self, left_out: int) -> Trace:
        graph = Graph(tuple(self.nodes.values()), tuple(self.edges.values()))
        return Trace(graph, left_out)


def of_version(version: ModelVersion) -> Trace:
    """What led to a version, where it runs, what its model is fed by and feeds."""
    return _drawn([version], [version.model_id])


def of_model(model: RegisteredModel) -> Trace:
    """The same of the newest versions of a model."""
    return _traced(ModelVersion.objects.filter(model=model), [model.pk])


def of_dataset(dataset: Dataset, number: int | None = None) -> Trace:
    """Which versions used a data set, where they run, what their models feed.

    With `number`, of that version of the data set. Of use are the manifests and what
    pipelines reported of their runs.
    """
    data = dataset.versions.all()
    if number is not None:
        data = data.filter(version=number)
    used = VersionDataset.objects.filter(dataset_version__in=data)
    wrote = RunLink.objects.filter(
        side=RunLink.Side.OUTPUT,
        version__isnull=False,
        run__links__side=RunLink.Side.INPUT,
        run__links__dataset_version__in=data,
    )
    versions = ModelVersion.objects.filter(
        Q(pk__in=used.values("version")) | Q(pk__in=wrote.values("version"))
    )
    return _traced(versions, None, dataset)


def _traced(
    versions: QuerySet[ModelVersion],
    models: Sequence[UUID] | None,
    dataset: Dataset | None = None,
) -> Trace:
    newest = versions.select_related("model", "run").order_by("-registered_at", "pk")
    rows = list(newest[: MOST + 1])
    left_out = versions.count() - MOST if len(rows) > MOST else 0
    return _drawn(rows[:MOST], models, dataset, left_out)


def _drawn(
    rows: Sequence[ModelVersion],
    models: Sequence[UUID] | None,
    dataset: Dataset | None = None,
    left_out: int = 0,
) -> Trace:
    found = _Found()
    for row in rows:
        found.node(_version(row))
    _data(found, rows, dataset)
    _reported(found, rows, dataset)
    _places(found, rows, alone=models is not None)
    _feeds(found, rows, models)
    return found.trace(left_out)


def _version(row: ModelVersion) -> Node:
    return Node(
        id=f"version:{row.pk}",
        kind="version",
        name=str(row),
        detail=row.sha256,
        family=row.model.name,
        slugs=(row.model.slug, row.version),
    )


def _run(row: Run, family: str) -> Node:
    return Node(
        id=f"run:{row.pk}",
        kind="run",
        name=row.name or "run",
        detail=row.code_commit,
        family=family,
    )


def _dataset(row: DatasetVersion) -> Node:
    return Node(
        id=f"dataset:{row.pk}",
        kind="dataset",
        name=str(row),
        detail=row.sha256,
        family=row.dataset.name,
        slugs=(row.dataset.slug, str(row.version)),
    )


def _data(
    found: _Found, rows: Sequence[ModelVersion], dataset: Dataset | None = None
) -> None:
    """Data sets and runs; with `dataset` no other data set."""
    runs = {}
    for row in rows:
        if row.run is not None:
            runs[row.pk] = found.node(_run(row.run, row.model.name))
            found.edge(runs[row.pk], f"version:{row.pk}", "produced")
    links = VersionDataset.objects.filter(version__in=rows)
    if dataset is not None:
        links = links.filter(dataset_version__dataset=dataset)
    for link in links.select_related("dataset_version__dataset").order_by("pk"):
        source = found.node(_dataset(link.dataset_version))
        made = f"version:{link.version_id}"
        training = link.use == VersionDataset.Use.TRAINING
        to = runs.get(link.version_id, made) if training else made
        found.edge(source, to, link.use)


def _reported(
    found: _Found, rows: Sequence[ModelVersion], dataset: Dataset | None
) -> None:
    """The runs that wrote or read these, as pipelines say, and what the former read."""
    links = RunLink.objects.filter(version__in=rows).select_related("run")
    wrote = set()
    for link in links.select_related("version__model").order_by("pk"):
        if link.version is None:
            continue
        made = f"version:{link.version_id}"
        ran = found.node(_run(link.run, link.version.model.name))
        if link.side == RunLink.Side.OUTPUT:
            wrote.add(link.run_id)
            found.edge(ran, made, TOLD[link.side])
        else:
            found.edge(made, ran, TOLD[link.side])
    read = RunLink.objects.filter(
        run__in=wrote, side=RunLink.Side.INPUT, dataset_version__isnull=False
    )
    if dataset is not None:
        read = read.filter(dataset_version__dataset=dataset)
    for link in read.select_related("dataset_version__dataset").order_by("pk"):
        if link.dataset_version is not None:
            source = found.node(_dataset(link.dataset_version))
            found.edge(source, f"run:{link.run_id}", TOLD[link.side])


def _places(found: _Found, rows: Sequence[ModelVersion], *, alone: bool) -> None:
    """Where each version was reported to run last, and whether it still does.

    `alone`: all are versions of one model, so that a place has one way back.
    """
    slugs = {row.pk: row.model.slug for row in rows}
    now = _now({row.model_id for row in rows})
    reports = Deployment.objects.filter(version__in=rows).select_related("environment")
    latest = reports.order_by("version_id", "environment_id", "-reported_at", "pk")
    for report in latest.distinct("version_id", "environment_id"):
        state = EARLIER
        if report.pk in now:
            state = NOW if report.authorised else UNAUTHORISED
        place = report.environment
        there = found.node(
            Node(
                id=f"deployment:{place.pk}:{state}",
                kind="deployment",
                name=place.name,
                detail=state,
                family=f"{place.slug} {state}",
                slugs=(slugs[report.version_id], place.slug) if alone else (),
            )
        )
        verb = "ran in" if state == EARLIER else "runs in"
        found.edge(f"version:{report.version_id}", there, verb)


def _now(models: Iterable[UUID]) -> set[UUID]:
    """The last report of each of these models and each environment."""
    reports = Deployment.objects.filter(version__model__in=models).order_by(
        "version__model_id", "environment_id", "-reported_at", "pk"
    )
    newest = reports.distinct("version__model_id", "environment_id")
    return set(newest.values_list("pk", flat=True))


def _feeds(
    found: _Found, rows: Sequence[ModelVersion], models: Sequence[UUID] | None
) -> None:
    """Models that feed these, and that these feed, step by step."""
    own = {row.model_id for row in rows}
    pairs = feeding(own if models is None else models)
    linked = RegisteredModel.objects.filter(
        pk__in={key for p in pairs for key in p[:2]}
    )
    keys = {
        pk: found.node(Node(f"model:{pk}", "model", name, family=name, slugs=(slug,)))
        for pk, name, slug in linked.order_by("name").values_list("pk", "name", "slug")
    }
    for upstream, model, through in pairs:
        found.edge(keys[upstream], keys[model], "feeds", through or "")
    for row in rows:
        if row.model_id in keys:
            found.edge(f"version:{row.pk}", keys[row.model_id], "is a version of")


def feeding(models: Iterable[UUID]) -> list[tuple[UUID, UUID, str | None]]:
    """Pairs of models near these of which the first feeds the second, as declared last.

    With the name of the data set through which it goes. At most six steps away, and
    the nearest sixty models: a graph of more says nothing.
    """
    keys = [str(key) for key in models]
    with connection.cursor() as cursor:
        cursor.execute(_FEEDS, {"models": keys, "steps": STEPS, "most": FED})
        return list(cursor.fetchall())
