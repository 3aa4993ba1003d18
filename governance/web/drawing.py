"""Lineage as a drawing: what led to what, from left to right, with links."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from governance.web.folding import Folded, Knot, fold
from governance.web.joining import readable
from governance.web.layering import Layout, place
from registry.lineage import Edge, Graph, Node
from registry.tracing import EARLIER, NOW, UNAUTHORISED

KINDS = {
    "model": gettext_noop("Model"),
    "dataset": gettext_noop("Data set"),
    "run": gettext_noop("Run"),
    "version": gettext_noop("Version"),
    "deployment": gettext_noop("Deployment"),
}
STATES = {
    NOW: gettext_noop("runs there now"),
    EARLIER: gettext_noop("ran there earlier"),
    UNAUTHORISED: gettext_noop("runs there without a permit"),
}
VERBS = {
    "produced": gettext_noop("produced"),
    "training": gettext_noop("training"),
    "test": gettext_noop("test"),
    "background": gettext_noop("background"),
    "runs in": gettext_noop("runs in"),
    "ran in": gettext_noop("ran in"),
    "feeds": gettext_noop("feeds"),
    "is a version of": gettext_noop("is a version of"),
    "reported as read": gettext_noop("reported as read"),
    "reported as written": gettext_noop("reported as written"),
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 46, 70, 14, 6
ROW = HEIGHT + GAP_Y
TIP = 6
LONGEST_NAME = 25
NAMED = 12


@dataclass(frozen=True)
class Box:
    """A knot at its place; `opened` are the stacks that are shown one by one."""

    knot: Knot
    kind: str
    x: int
    y: int
    opened: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        """Its first node."""
        return self.knot.node

    @property
    def full_name(self) -> str:
        """What it is called: a node by its name, a stack by number and family."""
        many = len(self.knot.members)
        if many == 1:
            return self.node.name
        if self.knot.circle:
            return ngettext("%(n)s model", "%(n)s models", many) % {"n": many}
        return f"{many} × {self.node.family or self.kind}"

    @property
    def name(self) -> str:
        """The name, cut to the width of the box."""
        name = self.full_name
        # The middle goes: names often differ at their end only.
        cut = LONGEST_NAME // 2
        short = f"{name[:cut]}…{name[1 - cut :]}"
        return name if len(name) <= LONGEST_NAME else short

    @property
    def detail(self) -> str:
        """Its kind, with the start of a digest or with how it runs."""
        node = self.node
        if self.knot.circle:
            return _("feed each other in a circle")
        if self.knot.inside and not self.knot.is_stack:
            made = sum(node.kind == "version" for node in self.knot.inside)
            return ngettext("%(n)s version", "%(n)s versions", made) % {"n": made}
        if node.detail in STATES:
            return _(STATES[node.detail])
        if self.knot.is_stack:
            return _(_ALIKE[node.kind])
        digest = node.detail
        return f"{self.kind} {digest[:10]}" if len(digest) >= 40 else self.kind

    @property
    def members(self) -> str:
        """The names of a stack in one line, at most twelve."""
        names = [node.name for node in self.knot.members]
        more = len(names) - NAMED
        said = ", ".join(names[:NAMED])
        if more > 0:
            said += " " + ngettext("and %(n)s more", "and %(n)s more", more) % {
                "n": more
            }
        return said

    @property
    def href(self) -> str:
        """Where it leads: the page of the node; nothing for a stack or a run."""
        if len(self.knot.members) > 1:
            return ""
        if self.knot.inside:
            return reverse("web:model_lineage", args=self.node.slugs)
        return address(self.node)

    @property
    def opens(self) -> list[str]:
        """The stacks that are shown one by one once it is, too; empty for one node."""
        return [*self.opened, self.knot.id] if self.knot.is_stack else []

    @property
    def stops(self) -> bool:
        """Whether it says that something runs without a permit."""
        return self.node.detail == UNAUTHORISED


_ALIKE = {
    "model": gettext_noop("models, alike"),
    "dataset": gettext_noop("versions of a data set, alike"),
    "run": gettext_noop("runs, alike"),
    "version": gettext_noop("versions, alike"),
    "deployment": gettext_noop("deployments, alike"),
}


def address(node: Node) -> str:
    """The page of a node; empty where it has none."""
    if node.kind == "dataset" and node.slugs:
        return reverse("web:dataset", args=node.slugs[:1])
    if node.kind == "version" and node.slugs:
        return reverse("web:version", args=node.slugs)
    if node.kind == "model" and node.slugs:
        return reverse("web:model", args=node.slugs)
    if node.kind == "deployment":
        if len(node.slugs) > 1:
            return reverse("web:way_back", args=node.slugs)
        return reverse("web:running")
    return ""


@dataclass(frozen=True)
class Arrow:
    """An edge as a curve between two boxes, level where it passes a column."""

    source: Box
    target: Box
    edge: Edge
    bends: tuple[int, ...]

    @property
    def how(self) -> str:
        """What led from one to the other, in words."""
        verb = _(VERBS.get(self.edge.verb, self.edge.verb))
        if not self.edge.through:
            return verb
        return _("%(verb)s through %(name)s") % {
            "verb": verb,
            "name": self.edge.through,
        }

    @property
    def past(self) -> bool:
        """Whether it was so and is no longer."""
        return self.edge.verb == "ran in"

    @property
    def path(self) -> str:
        """The curve in SVG's words."""
        x, y = self.source.x + WIDTH, self.source.y + HEIGHT // 2
        said = f"M{x},{y}"
        for level in self.bends:
            said += _curve(x, y, x + GAP_X, level) + f" h{WIDTH}"
            x, y = x + GAP_X + WIDTH, level
        end = self.target.y + HEIGHT // 2
        return said + _curve(x, y, self.target.x - TIP, end)


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    middle = (x1 + x2) // 2
    return f" C{middle},{y1} {middle},{y2} {x2},{y2}"


@dataclass(frozen=True)
class Drawing:
    """All boxes in the order of reading, all arrows, and how much room they take."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int
    left_out: int = 0
    box_width: int = WIDTH
    box_height: int = HEIGHT

    @property
    def stacks(self) -> list[Box]:
        """The boxes that stand for many."""
        return [box for box in self.boxes if len(box.knot.members) > 1]

    @property
    def joined(self) -> bool:
        """Whether each model stands there as one."""
        return any(box.knot.inside for box in self.boxes)

    @property
    def words(self) -> str:
        """How many things of each kind it shows, in one line."""
        knots = [box.knot for box in self.boxes]
        nodes = [node for knot in knots for node in knot.inside or knot.members]
        return ", ".join(_counted(nodes))


def _counted(nodes: Sequence[Node]) -> Iterator[str]:
    names = {kind: [node for node in nodes if node.kind == kind] for kind in KINDS}
    counts = {kind: len(found) for kind, found in names.items()}
    # One place may stand there twice: for what runs in it now, and what ran before.
    counts["deployment"] = len({node.name for node in names["deployment"]})
    said = {
        "dataset": ngettext("%(n)s data set", "%(n)s data sets", counts["dataset"]),
        "run": ngettext("%(n)s run", "%(n)s runs", counts["run"]),
        "version": ngettext("%(n)s version", "%(n)s versions", counts["version"]),
        "deployment": ngettext("%(n)s place", "%(n)s places", counts["deployment"]),
        "model": ngettext("%(n)s model", "%(n)s models", counts["model"]),
    }
    for kind, text in said.items():
        if counts[kind]:
            yield text % {"n": counts[kind]}


def draw(
    graph: Graph,
    *,
    opened: Collection[str] = (),
    left_out: int = 0,
    joining: bool = False,
) -> Drawing:
    """Fold what is alike, and place the rest so that every arrow goes to the right.

    With `joining`, each model is one box where there would be too many.
    """
    folded = (readable if joining else fold)(graph, opened)
    layout = place(
        {knot.id: knot.node.kind for knot in folded.knots},
        [(edge.source, edge.target) for edge in folded.edges],
        height=HEIGHT,
        gap=GAP_Y,
    )
    boxes = _boxes(folded, layout, tuple(opened))
    arrows = tuple(
        Arrow(
            boxes[edge.source],
            boxes[edge.target],
            edge,
            tuple(MARGIN + y for y in layout.bends[edge.source, edge.target]),
        )
        for edge in folded.edges
    )
    reading = sorted(boxes.values(), key=lambda box: (box.x, box.y))
    width = max(0, layout.columns * (WIDTH + GAP_X) - GAP_X)
    return Drawing(
        boxes=tuple(reading),
        arrows=tuple(sorted(arrows, key=_reading)),
        width=width + 2 * MARGIN,
        height=layout.height + 2 * MARGIN,
        left_out=left_out,
    )


def _reading(arrow: Arrow) -> tuple[int, int, int, int]:
    return arrow.source.x, arrow.source.y, arrow.target.x, arrow.target.y


def _boxes(folded: Folded, layout: Layout, opened: tuple[str, ...]) -> dict[str, Box]:
    return {
        knot.id: Box(
            knot=knot,
            kind=_(KINDS[knot.node.kind]),
            x=MARGIN + layout.column[knot.id] * (WIDTH + GAP_X),
            y=MARGIN + layout.top[knot.id],
            opened=opened,
        )
        for knot in folded.knots
    }
