"""Charts of a fairness report."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import (
    SCHEMA,
    Chart,
    axis,
    distinct,
    layer,
    sheet,
    short,
    thinned,
)
from audits.charts.impact import of_impact
from audits.labels import measurement_label

MOST_GROUPS = 24
MOST_TABLES = 24
# Which numbers are drawn: the first of these that a table has any of.
_DRAWN = (
    ("selection_rate", "true_positive_rate", "false_positive_rate"),
    ("selection_rate", "scoring_rate"),
    ("mean_prediction", "mean_error", "rmse"),
    ("accuracy",),
)
# The difference of which measurement limits a rate.
_LIMITED = {
    "selection_rate": "demographic_parity_difference",
    "true_positive_rate": "equal_opportunity_difference",
    "false_positive_rate": "false_positive_rate_difference",
}
_GAPS = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
)


def of_fairness(
    summary: Mapping[str, Any], limits: Mapping[str, float]
) -> list[Chart | None]:
    """All charts of a fairness report; `limits` on differences, by measurement."""
    at = summary.get("threshold")
    tables = summary.get("features", ())[:MOST_TABLES]
    return [
        *(rates_by_group(table, limits) for table in tables),
        *(sweep(table, at=at) for table in summary.get("threshold_sweep", ())),
        *(calibration(table) for table in summary.get("calibration_by_group", ())),
        *of_impact(summary),
    ]


def _drawn(groups: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The numbers to draw: for rates three, for values three, or fewer."""
    known = {name for group in groups for name in group["rates"]}
    most = max(_DRAWN, key=lambda names: len(known & set(names)))
    return tuple(name for name in most if name in known)


def rates_by_group(
    table: Mapping[str, Any], limits: Mapping[str, float]
) -> Chart | None:
    """Rates by group with their intervals, one column of the chart for each rate.

    Where the difference of a rate has a limit, a dashed line stands so far below the
    best group: whose point is left of it breaks the limit.
    """
    feature, groups = str(table["feature"]), table["groups"]
    names = _drawn(groups)
    flat = [
        (str(group["group"]), name, group["rates"][name])
        for group in groups
        for name in names
        if name in group["rates"]
    ]
    shown = distinct(str(group["group"]) for group in groups[:MOST_GROUPS])
    values = [
        {"group": shown[group], "rate": measurement_label(name)}
        | {key: rate[key] for key in ("value", "lower", "upper")}
        for group, name, rate in flat
        if rate["value"] is not None and group in shown
    ]
    if not values:
        return None
    bounds = _bounds(flat, limits)
    for value in values:
        if value["rate"] in bounds:
            value["bound"] = bounds[value["rate"]]
    return Chart(
        key=f"groups-{feature}",
        title=_title(
            short(feature), len(shown), table.get("groups_in_all", len(groups))
        ),
        alt=_("Rates by group with their intervals: ")
        + "; ".join(f"{v['rate']}, {v['group']}: {v['value']:.3f}" for v in values[:24])
        + _bounded(bounds),
        spec=_rates(values, names),
        head=(_("Group"), _("Rate"), _("Value"), _("Lower"), _("Upper"), _("n")),
        rows=tuple(
            (group, measurement_label(name), r["value"], r["lower"], r["upper"], r["n"])
            for group, name, r in flat
        ),
    )


def _bounds(
    flat: Sequence[tuple[str, str, Mapping[str, Any]]], limits: Mapping[str, float]
) -> dict[str, float]:
    """How low a rate may be, the best group given, by the rate's label."""
    found = {}
    for rate, measurement in _LIMITED.items():
        known = [one["value"] for _g, name, one in flat if name == rate]
        known = [value for value in known if value is not None]
        if measurement in limits and known:
            lowest = max(known) - limits[measurement]
            found[measurement_label(rate)] = max(0.0, lowest)
    return found


def _bounded(bounds: Mapping[str, float]) -> str:
    if not bounds:
        return ""
    said = "; ".join(f"{rate} {bound:.3f}" for rate, bound in bounds.items())
    return ". " + _("Dashed, the lowest that the limit allows: ") + said


def _rates(values: list[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Points with their intervals; rates share a scale, values and errors do not."""
    domain = None if "mean_prediction" in names else [0.0, 1.0]
    across = {"field": "group", "type": "nominal", "title": None, "sort": None}
    # Side by side, more numbers would run into those of the neighbour.
    ticks: dict[str, Any] = {"axis": {"values": [0, 0.5, 1]}} if domain else {}
    interval = {
        "x": axis("lower", None, domain=domain, zero=False) | ticks,
        "x2": {"field": "upper"},
        "y": across,
    }
    point = {"x": axis("value", None, domain=domain, zero=False), "y": across}
    labels = [measurement_label(name) for name in names]
    column = {"field": "rate", "type": "nominal", "title": None, "sort": labels}
    spec = {
        "$schema": SCHEMA,
        "data": {"values": values},
        "facet": {"column": column},
        "spacing": 28,
        "spec": {
            "width": 135,
            "height": {"step": 22},
            "layer": [
                *_limit(values, domain),
                {"mark": {"type": "rule", "style": "interval"}, "encoding": interval},
                {
                    "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                    "encoding": point,
                },
            ],
        },
    }
    own = {"resolve": {"scale": {"x": "independent"}}}
    return spec if domain else spec | own


def _limit(
    values: Sequence[Mapping[str, Any]], domain: list[float] | None
) -> list[dict[str, Any]]:
    if not any("bound" in value for value in values):
        return []
    x = axis("bound", None, domain=domain, zero=False)
    return [
        {
            "transform": [{"filter": "isValid(datum.bound)"}],
            "mark": {"type": "rule", "strokeDash": [5, 3], "style": "limit"},
            "encoding": {"x": {**x, "aggregate": "max"}},
        }
    ]


def _title(feature: str, shown: int, known: int) -> str:
    if shown == known:
        return _("Rates by %(feature)s") % {"feature": feature}
    return _("Rates by %(feature)s, the first %(shown)s of %(known)s groups") % {
        "feature": feature,
        "shown": shown,
        "known": known,
    }


def sweep(table: Mapping[str, Any], *, at: float | None) -> Chart | None:
    """The selection rate of each group at every threshold; a line marks today's."""
    groups, thresholds = table["groups"], table["thresholds"]
    shown = distinct(str(group["group"]) for group in groups)
    values = [
        {"threshold": place, "rate": rate, "group": shown[str(group["group"])]}
        for group in groups
        for place, rate in zip(thresholds, group["selection_rate"], strict=True)
        if rate is not None
    ]
    if not values:
        return None
    lines = list(zip(thresholds, *(table[gap] for gap in _GAPS), strict=True))
    return Chart(
        key=f"sweep-{table['feature']}",
        title=_("Selection rates by threshold: %(feature)s")
        % {"feature": short(str(table["feature"]))},
        alt=_(
            "Selection rate of each group at every threshold; the dashed line is the "
            "threshold in force. The table has the largest differences at each."
        ),
        spec=sheet(layer(*_swept(shown, at), encoding={}), values=values),
        head=(_("Threshold"), *(measurement_label(gap) for gap in _GAPS)),
        rows=tuple(thinned(lines, 17)),
    )


def _swept(shown: Mapping[str, str], at: float | None) -> list[dict[str, Any]]:
    x = axis("threshold", _("Threshold"), domain=[0, 1])
    y = axis("rate", measurement_label("selection_rate"), domain=[0, 1])
    lines = {
        "mark": {"type": "line"},
        "encoding": {"x": x, "y": y, "color": _by_group(shown)},
    }
    if at is None:
        return [lines]
    rule = {
        "data": {"values": [{"threshold": at}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "style": "reference"},
        "encoding": {"x": x},
    }
    return [lines, rule]


def calibration(table: Mapping[str, Any]) -> Chart | None:
    """Share of positives against mean score for each group, bin by bin."""
    shown = distinct(str(group["group"]) for group in table["groups"])
    flat = [
        (str(group["group"]), one["rows"], one["mean_score"], one["share_positive"])
        for group in table["groups"]
        for one in group["bins"]
        if one["rows"]
    ]
    if not flat:
        return None
    score, share = measurement_label("mean_score"), _("Share of positives")
    values = [
        {"group": shown[group], "score": mean, "share": part}
        for group, _rows, mean, part in flat
    ]
    return Chart(
        key=f"calibration-{table['feature']}",
        title=_("Calibration by %(feature)s")
        % {"feature": short(str(table["feature"]))},
        alt=_(
            "Share of positives against mean score in ten bins for each group; on the "
            "dashed diagonal scores are probabilities."
        ),
        spec=sheet(_calibrated(shown, score, share), values=values),
        head=(_("Group"), _("Number of people"), score, share),
        rows=tuple(flat),
    )


def _calibrated(shown: Mapping[str, str], score: str, share: str) -> dict[str, Any]:
    corners = [{"score": 0, "share": 0}, {"score": 1, "share": 1}]
    return layer(
        {
            "data": {"values": corners},
            "mark": {"type": "line", "strokeDash": [4, 3], "style": "reference"},
        },
        {
            "mark": {"type": "line", "point": True},
            "encoding": {"color": _by_group(shown)},
        },
        encoding={
            "x": axis("score", score, domain=[0, 1]),
            "y": axis("share", share, domain=[0, 1]),
        },
    )


def _by_group(shown: Mapping[str, str]) -> dict[str, Any]:
    return {
        "field": "group",
        "type": "nominal",
        "title": None,
        "sort": list(shown.values()),
    }
