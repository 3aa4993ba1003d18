"""A graph made readable: circles as one box, many equal nodes as one stack."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.lineage import Edge, Graph, Node

# So many equal nodes are drawn as one.
MANY = 3
_ORDER = ("model", "dataset", "run", "version", "deployment")


@dataclass(frozen=True)
class Knot:
    """One box of a drawing: a node, a stack of equal ones, or models in a circle.

    `inside` are the runs and versions of a model that is drawn as one.
    """

    id: str
    members: tuple[Node, ...]
    circle: bool = False
    inside: tuple[Node, ...] = ()

    @property
    def node(self) -> Node:
        """The first of its nodes, by name."""
        return self.members[0]

    @property
    def is_stack(self) -> bool:
        """Whether it stands for several equal nodes."""
        return len(self.members) > 1 and not self.circle


@dataclass(frozen=True)
class Folded:
    """Boxes in the order in which they are told, and edges between them, each once."""

    knots: tuple[Knot, ...]
    edges: tuple[Edge, ...]


def fold(
    graph: Graph, opened: Collection[str] = (), *, loosely: bool = False
) -> Folded:
    """Fold circles, and equal nodes unless their stack is `opened` (`*` opens all).

    Equal are nodes of one kind and family that lead to equals and come from equals;
    `loosely` also nodes without a family. The result has no circles and does not depend
    on the order of nodes and edges.
    """
    nodes = sorted(graph.nodes, key=_order)
    arrows = sorted({(e.source, e.target, e.verb) for e in graph.edges})
    home = _circles([node.id for node in nodes], [(a, b) for a, b, _verb in arrows])
    alike = {node.id: node.family or node.id for node in nodes}
    classes = _equal(nodes, arrows, home, alike)
    if loosely:
        alike = {n.id: n.family and str(classes[n.id]) for n in nodes}
        classes = _equal(nodes, arrows, home, alike)
    sizes = Counter(home.values())
    stacks: dict[Hashable, list[Node]] = defaultdict(list)
    circles: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        if sizes[home[node.id]] > 1:
            circles[home[node.id]].append(node)
        else:
            stacks[classes[node.id]].append(node)
    knots = [Knot(f"circle:{key}", tuple(m), circle=True) for key, m in circles.items()]
    for members in stacks.values():
        name = f"stack:{members[0].id}"
        if len(members) < MANY or name in opened or "*" in opened:
            knots += [Knot(node.id, (node,)) for node in members]
        else:
            knots.append(Knot(name, tuple(members)))
    knots.sort(key=lambda knot: _order(knot.node))
    return Folded(tuple(knots), _between(knots, graph.edges))


def _order(node: Node) -> tuple[int, str, str, str]:
    kind = _ORDER.index(node.kind) if node.kind in _ORDER else len(_ORDER)
    return kind, node.family, node.name, node.id


def _between(knots: Iterable[Knot], edges: Iterable[Edge]) -> tuple[Edge, ...]:
    place = {node.id: knot.id for knot in knots for node in knot.members}
    found: dict[tuple[str, str, str], Edge] = {}
    for edge in sorted(edges, key=lambda e: (e.source, e.target, e.verb, e.through)):
        source, target = place[edge.source], place[edge.target]
        if source != target:
            merged = Edge(source, target, edge.verb, edge.through)
            found.setdefault((source, target, edge.verb), merged)
    return tuple(found[key] for key in sorted(found))


def _equal(
    nodes: Sequence[Node],
    arrows: Sequence[tuple[str, str, str]],
    home: Mapping[str, str],
    alike: Mapping[str, str],
) -> dict[str, Hashable]:
    """The class of each node: split by what its neighbours are until nothing changes.

    Nodes of a kind may be equal that have the same word in `alike`.
    Members of a class are equally far from the first nodes, so that folding classes
    makes no circles.
    """
    before: dict[str, list[tuple[str, str]]] = defaultdict(list)
    after: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, target, verb in arrows:
        if home[source] != home[target]:
            after[home[source]].append((verb, home[target]))
            before[home[target]].append((verb, home[source]))
    loops: dict[str, list[str]] = defaultdict(list)
    for source, target, verb in arrows:
        if source == target:
            loops[source].append(verb)
    looks: dict[str, Hashable] = {
        node.id: (node.kind, alike[node.id], tuple(loops[node.id]))
        for node in nodes
        if home[node.id] == node.id
    }
    classes = _numbered(looks)
    while True:
        looks = {
            key: (
                classes[key],
                frozenset((verb, classes[other]) for verb, other in before[key]),
                frozenset((verb, classes[other]) for verb, other in after[key]),
            )
            for key in classes
        }
        finer = _numbered(looks)
        if len(set(finer.values())) == len(set(classes.values())):
            return {node.id: classes[home[node.id]] for node in nodes}
        classes = finer


def _numbered(looks: Mapping[str, Hashable]) -> dict[str, int]:
    """A number for each look, in the order in which the looks appear."""
    numbers: dict[Hashable, int] = {}
    return {key: numbers.setdefault(look, len(numbers)) for key, look in looks.items()}


def _circles(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """To each node the first node of its circle; itself where it is in none.

    Nodes are in one circle when each reaches the other (Tarjan 1972, without recursion:
    a chain may be long).
    """
    follow: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        follow[source].append(target)
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    held: list[str] = []
    home: dict[str, str] = {}
    for start in nodes:
        if start in order:
            continue
        work = [(start, iter(follow[start]))]
        order[start] = low[start] = len(order)
        held.append(start)
        while work:
            here, rest = work[-1]
            there = next((n for n in rest if n not in home), None)
            if there is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[here])
                if low[here] == order[here]:
                    _close(here, held, home)
            elif there in order:
                low[here] = min(low[here], order[there])
            else:
                order[there] = low[there] = len(order)
                held.append(there)
                work.append((there, iter(follow[there])))
    return home


def _close(root: str, held: list[str], home: dict[str, str]) -> None:
    """A circle is complete: all that is held since its root belongs to it."""
    cut = held.index(root)
    circle = held[cut:]
    del held[cut:]
    first = min(circle)
    home.update(dict.fromkeys(circle, first))
