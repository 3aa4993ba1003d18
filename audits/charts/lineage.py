"""The chart of lineage: what led to a version, and where it runs."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits.charts.base import SCHEMA, Chart, legible, short
from registry.lineage import Graph

_COLUMNS = ("dataset", "run", "version", "deployment")


_VERBS = {
    "produced": gettext_noop("produced"),
    "training": gettext_noop("training"),
    "test": gettext_noop("test"),
    "background": gettext_noop("background"),
    "runs in": gettext_noop("runs in"),
}


def lineage(graph: Graph) -> Chart | None:
    """What led to a version and where it runs, from left to right."""
    columns = [k for k in _COLUMNS if any(n.kind == k for n in graph.nodes)]
    if not columns:
        return None
    lists = [[n for n in graph.nodes if n.kind == kind] for kind in columns]
    tallest = max(map(len, lists))
    words = {
        "dataset": _("Data set"),
        "run": _("Training run"),
        "version": _("Version"),
        "deployment": _("Deployment"),
    }
    places: dict[str, dict[str, Any]] = {
        node.id: {
            "x": column,
            "y": row + (tallest - len(nodes)) / 2,
            "name": short(legible(node.name)),
            "kind": words[node.kind],
            "detail": legible(node.detail)[: 10 if node.kind == "deployment" else 12],
        }
        for column, nodes in enumerate(lists)
        for row, node in enumerate(nodes)
    }
    edges = [
        {
            "x": places[edge.source]["x"] + 0.4,
            "y": places[edge.source]["y"],
            "x2": places[edge.target]["x"] - 0.4,
            "y2": places[edge.target]["y"],
        }
        for edge in graph.edges
    ]
    names = {node.id: legible(node.name) for node in graph.nodes}
    rows = tuple(
        (names[e.source], _(_VERBS.get(e.verb, e.verb)), names[e.target])
        for e in graph.edges
    )
    return Chart(
        key="lineage",
        title=_("Lineage"),
        alt="; ".join(
            f"{short(str(source))} – {verb} – {short(str(target))}"
            for source, verb, target in rows[:24]
        )
        or words[columns[0]],
        spec=_network(list(places.values()), edges, len(columns), tallest),
        head=(_("From"), _("Relation"), _("To")),
        rows=rows,
    )


def _network(
    nodes: list[dict[str, Any]], edges: list[dict[str, Any]], wide: int, tall: int
) -> dict[str, Any]:
    def place(field: str, low: float, high: float, **more: Any) -> dict[str, Any]:
        scale = {"domain": [low, high], "nice": False, "zero": False}
        return {
            "field": field,
            "type": "quantitative",
            "axis": None,
            "scale": scale,
            **more,
        }

    x = place("x", -0.5, wide - 0.5)
    y = place("y", tall - 0.5, -0.5)
    box = [
        {"calculate": "datum.x - 0.4", "as": "left"},
        {"calculate": "datum.x + 0.4", "as": "right"},
        {"calculate": "datum.y - 0.36", "as": "top"},
        {"calculate": "datum.y + 0.36", "as": "bottom"},
    ]
    corners = {
        "x": {**x, "field": "left"},
        "x2": {"field": "right"},
        "y": {**y, "field": "top"},
        "y2": {"field": "bottom"},
    }

    def words(field: str, dy: int, **mark: Any) -> dict[str, Any]:
        return {
            "data": {"values": nodes},
            "mark": {"type": "text", "dy": dy, "limit": 145, **mark},
            "encoding": {"x": x, "y": y, "text": {"field": field}},
        }

    return {
        "$schema": SCHEMA,
        "width": 170 * wide,
        "height": 74 * tall,
        "view": {"stroke": None},
        "layer": [
            {
                "data": {"values": edges},
                "mark": {"type": "rule", "style": "edge"},
                "encoding": {
                    "x": x,
                    "y": y,
                    "x2": {"field": "x2"},
                    "y2": {"field": "y2"},
                },
            },
            {
                "data": {"values": nodes},
                "transform": box,
                "mark": {"type": "rect", "cornerRadius": 4, "style": "node"},
                "encoding": corners,
            },
            words("kind", -15, fontSize=9, style="quiet"),
            words("name", 0, fontWeight=600),
            words("detail", 15, fontSize=9, style="quiet"),
        ],
    }
