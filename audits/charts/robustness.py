"""Charts of a robustness report."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits.charts.base import Chart, axis, distinct, layer, sheet, short

MOST_CHANGES = 20
CHANGES = {
    "noise": gettext_noop("small noise"),
    "missing": gettext_noop("missing"),
    "up": gettext_noop("a tenth higher"),
    "down": gettext_noop("a tenth lower"),
    "swap": gettext_noop("another category"),
}


def responses(summary: Mapping[str, Any]) -> Chart | None:
    """How far scores move when one feature changes, the largest first."""
    found = summary.get("responses")
    if not found:
        return None
    labels = [
        f"{row['feature']}: {_(CHANGES.get(row['change'], row['change']))}"
        for row in found
    ]
    names = distinct(labels)
    values = [
        {"change": names[label], "mean": row["mean"], "p95": row["p95"]}
        for label, row in zip(labels, found, strict=True)
        if row["mean"] is not None
    ][:MOST_CHANGES]
    if not values:
        return None
    title = _("Mean change of the score, and its 95th percentile")
    return Chart(
        key="responses",
        title=_("What moves the scores"),
        alt=_("Mean absolute change of the score: ")
        + "; ".join(f"{v['change']} {v['mean']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "bar", "height": {"band": 0.7}},
                    "encoding": {"x": axis("mean", title)},
                },
                {
                    "mark": {"type": "tick", "thickness": 2, "style": "reference"},
                    "encoding": {"x": axis("p95", title)},
                },
                encoding={
                    "y": {
                        "field": "change",
                        "type": "nominal",
                        "sort": None,
                        "title": None,
                    }
                },
            ),
            values=values,
            height={"step": 18},
        ),
        head=(
            _("Change"),
            _("Mean change"),
            _("95th percentile"),
            _("Largest"),
            _("Decisions that flip"),
        ),
        rows=tuple(
            (label, row["mean"], row["p95"], row["largest"], row["flips"])
            for label, row in zip(labels, found, strict=True)
        ),
    )


def along(curve: Mapping[str, Any], number: int) -> Chart | None:
    """The scores of some rows along a feature whose direction is demanded."""
    grid = curve["grid"]
    if len(grid) < 2:
        return None
    values = [
        {"row": row, "value": value, "score": score}
        for row, scores in enumerate(curve["rows"])
        for value, score in zip(grid, scores, strict=True)
    ]
    mean = [
        {"value": value, "score": score}
        for value, score in zip(grid, curve["mean"], strict=True)
    ]
    feature = str(curve["feature"])
    direction = _("rise") if curve["direction"] > 0 else _("fall")
    thin = {"type": "line", "opacity": 0.35, "strokeWidth": 1}
    return Chart(
        key=f"along-{number}",
        title=_("Scores along %(feature)s") % {"feature": short(feature)},
        alt=_("Scores of single rows as this feature grows; they should only %(way)s.")
        % {"way": direction},
        spec=sheet(
            layer(
                {
                    "data": {"values": values},
                    "mark": thin,
                    "encoding": {"detail": {"field": "row", "type": "nominal"}},
                },
                {"data": {"values": mean}, "mark": {"type": "line", "strokeWidth": 3}},
                encoding={
                    "x": axis("value", short(feature), zero=False),
                    "y": axis("score", _("Score"), zero=False),
                },
            ),
        ),
        head=(short(feature), _("Mean score")),
        rows=tuple(zip(grid, curve["mean"], strict=True)),
    )
