"""A large graph made readable: each model with its runs and versions as one box."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from governance.web.folding import Folded, fold
from registry.lineage import Edge, Graph, Node

READABLE = 60  # boxes in one drawing


def readable(graph: Graph, opened: Collection[str] = ()) -> Folded:
    """Fold the graph; a model is one box where the boxes would be too many.

    `*` among the `opened` shows each node.
    """
    if "*" in opened or len(fold(graph).knots) <= READABLE:
        return fold(graph, opened)
    home = _models(graph)
    joined, inside = _joined(graph, home)
    many = len(fold(joined).knots) > READABLE
    folded = fold(joined, opened, loosely=many)
    knots = tuple(
        replace(knot, inside=tuple(n for m in knot.members for n in inside[m.id]))
        for knot in folded.knots
    )
    return Folded(knots, folded.edges)


def _models(graph: Graph) -> Mapping[str, str]:
    """The model of each model, version and run by its short name, where it has one."""
    home = {n.id: n.slugs[0] for n in graph.nodes if n.kind in ("model", "version")}
    made = {e.source: home[e.target] for e in graph.edges if e.verb == "produced"}
    return made | home


def _joined(
    graph: Graph, home: Mapping[str, str]
) -> tuple[Graph, Mapping[str, list[Node]]]:
    """The graph with one node for each model, and what each of those stands for."""
    inside: dict[str, list[Node]] = defaultdict(list)
    nodes: dict[str, Node] = {}
    place: dict[str, str] = {}
    for node in sorted(graph.nodes, key=lambda node: node.id):
        slug = home.get(node.id)
        one = (
            Node(f"joined:{slug}", "model", node.family, slugs=(slug,))
            if slug is not None
            else node
        )
        nodes[one.id] = one
        place[node.id] = one.id
        if slug is not None:
            inside[one.id].append(node)
    edges = {
        replace(edge, source=place[edge.source], target=place[edge.target])
        for edge in graph.edges
        if place[edge.source] != place[edge.target]
        or edge.source == edge.target  # a model that feeds itself
    }
    ordered = sorted(edges, key=lambda e: (e.source, e.target, e.verb, e.through))
    return Graph(tuple(nodes.values()), tuple[Edge, ...](ordered)), inside
