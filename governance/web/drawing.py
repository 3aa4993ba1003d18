"""Lineage as a drawing: what led to what, from left to right."""

from collections import defaultdict
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
    """Place each kind in a column of its own, centred; empty columns take no room."""
    columns: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        columns[node.kind].append(node)
    used = [kind for kind in LAYERS if columns[kind]]
    tallest = max((len(columns[kind]) for kind in used), default=0)
    height = tallest * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    boxes: dict[str, Box] = {}
    for place, kind in enumerate(used):
        nodes = columns[kind]
        top = (height - len(nodes) * (HEIGHT + GAP_Y) + GAP_Y) / 2
        for row, node in enumerate(nodes):
            x = MARGIN + place * (WIDTH + GAP_X)
            y = top + row * (HEIGHT + GAP_Y)
            boxes[node.id] = Box(node, _(KINDS[kind]), x, y)
    arrows = tuple(
        Arrow(boxes[edge.source], boxes[edge.target], edge.verb) for edge in graph.edges
    )
    width = len(used) * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    return Drawing(tuple(boxes.values()), arrows, width, height)
