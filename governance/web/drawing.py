"""Lineage as a drawing: what led to what, from left to right."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from registry.lineage import Graph, Node

LAYERS = ("dataset", "run", "version", "deployment")
KINDS = {
    "dataset": gettext_noop("Data set"),
    "run": gettext_noop("Run"),
    "version": gettext_noop("Version"),
    "deployment": gettext_noop("Deployment"),
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 46, 70, 18, 4
ROW = HEIGHT + GAP_Y
LONGEST_NAME = 26


@dataclass(frozen=True)
class Box:
    """A node at its place."""

    node: Node
    kind: str
    x: float
    y: float

    @property
    def name(self) -> str:
        """The name, cut to the width of the box."""
        name = self.node.name
        return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"

    @property
    def detail(self) -> str:
        """Its kind, with the start of a digest where it has one."""
        digest = self.node.detail
        return f"{self.kind} {digest[:10]}" if len(digest) >= 40 else self.kind


@dataclass(frozen=True)
class Arrow:
    """An edge as a curve between two boxes."""

    source: Box
    target: Box
    verb: str

    @property
    def path(self) -> str:
        """The curve in SVG's words."""
        x1, y1 = self.source.x + WIDTH, self.source.y + HEIGHT / 2
        x2, y2 = self.target.x - 6, self.target.y + HEIGHT / 2
        bend = (x2 - x1) / 2
        return (
            f"M{x1:g},{y1:g} C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
        )


@dataclass(frozen=True)
class Drawing:
    """All boxes and arrows, and how much room they take."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float
    box_width: int = WIDTH
    box_height: int = HEIGHT


def draw(graph: Graph) -> Drawing:
    """Place each kind in a column of its own, each node level with what led to it."""
    used = [kind for kind in LAYERS if any(n.kind == kind for n in graph.nodes)]
    sources: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.target].append(edge.source)
    boxes: dict[str, Box] = {}
    for place, kind in enumerate(used):
        nodes = [node for node in graph.nodes if node.kind == kind]
        if place == 0:
            nodes.sort(key=lambda node: _leads_far(node, graph))
        x = MARGIN + place * (WIDTH + GAP_X)
        lowest: float = MARGIN - ROW
        for node in sorted(nodes, key=lambda node: _level(sources[node.id], boxes)):
            lowest = max(lowest + ROW, _level(sources[node.id], boxes))
            boxes[node.id] = Box(node, _(KINDS[kind]), x, lowest)
    arrows = tuple(
        Arrow(boxes[edge.source], boxes[edge.target], edge.verb) for edge in graph.edges
    )
    width = len(used) * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = max((box.y for box in boxes.values()), default=0) + HEIGHT + MARGIN
    return Drawing(tuple(boxes.values()), arrows, width, height)


def _leads_far(node: Node, graph: Graph) -> bool:
    """Whether an edge passes over a column; such nodes stand below, out of the way."""
    kinds = {other.id: other.kind for other in graph.nodes}
    reached = {kinds[edge.target] for edge in graph.edges if edge.source == node.id}
    return "run" in kinds.values() and "run" not in reached


def _level(sources: list[str], boxes: Mapping[str, Box]) -> float:
    """The mean height of what led to a node; the top without any."""
    known = [boxes[key].y for key in sources if key in boxes]
    return sum(known) / len(known) if known else MARGIN
