"""Robustness: how far scores move when features change a little, are lost or shift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
    versions_of,
)
from audits.evaluators.comparison import auc_gain
from audits.evaluators.intervals import mean_interval, wilson
from audits.evaluators.naming import short_names

Floats = NDArray[np.float64]
SHOWN = 100
WORDS = {
    "noise": "noise",
    "missing": "missing",
    "up": "shift",
    "down": "shift",
    "swap": "shift",
}
LIMITS = (
    "Features are changed by chance and one at a time, or all without regard to each "
    "other: an adversary who searches finds larger changes.",
    "Changed rows may be of a kind that never occurs.",
)


@dataclass(frozen=True)
class Response:
    """The scores of the sampled rows after one change; None when the model refused."""

    feature: str
    kind: str  # noise, missing, up, down or swap; low, high or unknown
    scores: Floats | None
    refused: str = ""


@dataclass(frozen=True)
class Curve:
    """Scores along a feature: values x rows, and the direction that is demanded."""

    feature: str
    direction: int  # 1: the score must not fall when the feature rises; -1: not rise
    grid: Floats
    scores: Floats | None
    refused: str = ""


@dataclass(frozen=True)
class Responses:
    """All that a model answered: (n,) scores, or (n, k) of several classes."""

    rows: NDArray[np.int64]
    base: Floats
    single: tuple[Response, ...]
    joint: tuple[tuple[float, Floats], ...]  # with the level of noise
    extreme: tuple[Response, ...]
    curves: tuple[Curve, ...]


def evaluate(
    found: Responses,
    *,
    task: str,
    target: NDArray[Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure the changes of score, and the decisions that flip.

    The change of a score is absolute: of a probability; of several classes half the sum
    over classes; of a value in standard deviations of the scores. `target` belongs to
    the sampled rows. Settings `threshold`, `noise`. Raises UnusableEvidence when there
    is no row.
    """
    config = config or {}
    known_settings(config)
    if not len(found.base):
        raise UnusableEvidence("There is no row to change.")
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    scale = float(found.base.std()) if task == "regression" else 1.0
    table = _by_feature(found, task, threshold, scale)
    return Evaluation(
        measurements=(
            *_worst(table),
            *(one for row in table[:SHOWN] for one in row["measured"]),
            *_jointly(found, task, threshold, scale, target),
            *_absurd(found.extreme, task),
        ),
        summary={
            "rows": len(found.base),
            "responses": [
                {key: value for key, value in row.items() if key != "measured"}
                for row in table
            ],
            "joint": _levels(found, task, threshold, scale),
        },
        warnings=_warnings(found.single),
        limits=LIMITS,
        versions=versions_of("numpy", "scipy"),
    )


def changes(base: Floats, scores: Floats, *, scale: float = 1.0) -> Floats:
    """How far each row's score moved: 0 to 1 for probabilities."""
    gaps = np.abs(scores - base)
    if gaps.ndim == 2:
        gaps = gaps.sum(axis=1) / 2
    return gaps / scale if scale > 0 else gaps


def flipped(
    base: Floats, scores: Floats, threshold: float, task: str
) -> NDArray[np.bool_] | None:
    """Which decisions changed; None for predicted values, which decide nothing."""
    if task == "regression":
        return None
    if base.ndim == 2:
        differ: NDArray[np.bool_] = base.argmax(axis=1) != scores.argmax(axis=1)
        return differ
    return np.asarray((base >= threshold) != (scores >= threshold))


def _by_feature(
    found: Responses, task: str, threshold: float, scale: float
) -> list[dict[str, Any]]:
    """A row for each feature and change, the largest mean change first."""
    features = list(dict.fromkeys(one.feature for one in found.single))
    names = dict(zip(features, short_names(features), strict=True))
    table = [
        _row(names[one.feature], one, found.base, task, threshold, scale)
        for one in found.single
    ]
    return sorted(
        table, key=lambda row: -(row["mean"] if row["mean"] is not None else -1)
    )


def _row(
    name: str,
    one: Response,
    base: Floats,
    task: str,
    threshold: float,
    scale: float,
) -> dict[str, Any]:
    word, group = WORDS[one.kind], f"feature={name}"
    if one.kind in ("up", "down"):
        group += f", {one.kind}"
    row: dict[str, Any] = {"feature": name, "change": one.kind, "mean": None}
    row |= {"p95": None, "largest": None, "flips": None, "refused": one.refused}
    if one.scores is None:
        why = f"The model refuses this: {one.refused}"
        row["measured"] = [not_estimable(f"{word}_response", group=group, why=why)]
        return row
    moved = changes(base, one.scores, scale=scale)
    row |= {
        "mean": float(moved.mean()),
        "p95": float(np.quantile(moved, 0.95)),
        "largest": float(moved.max()),
    }
    row["measured"] = [_mean(f"{word}_response", moved, group, task)]
    flips = flipped(base, one.scores, threshold, task)
    if flips is not None:
        row["flips"] = float(flips.mean())
        row["measured"].append(_flips(f"{word}_flip_rate", flips, group))
    return row


def _mean(name: str, moved: Floats, group: str, task: str) -> Measurement:
    mean = float(moved.mean())
    deviation = float(moved.std(ddof=1)) if len(moved) > 1 else 0.0
    lower, upper = mean_interval(mean, deviation, len(moved))
    unit = "standard deviations of the score" if task == "regression" else "score"
    method = "mean absolute change over rows, normal interval"
    return Measurement(
        name, mean, max(0.0, lower), upper, len(moved), group, method, unit
    )


def _flips(name: str, flips: NDArray[np.bool_], group: str) -> Measurement:
    hits = int(flips.sum())
    lower, upper = wilson(hits, len(flips))
    method = "share of decisions that change, Wilson interval"
    return Measurement(name, hits / len(flips), lower, upper, len(flips), group, method)


def _worst(table: Sequence[Mapping[str, Any]]) -> list[Measurement]:
    """The largest response to each way of changing a feature, over all features."""
    found = []
    for word in ("noise", "missing", "shift"):
        name = f"{word}_response_largest"
        rows = [row for row in table if WORDS[row["change"]] == word]
        refused = [row for row in rows if row["mean"] is None]
        if refused and word != "missing":
            why = f"The model refuses some changes: {refused[0]['refused']}"
            found.append(not_estimable(name, why=why))
            continue
        known = [row for row in rows if row["mean"] is not None]
        if not known:
            why = "not estimable: the model refuses every row without a value"
            found.append(not_estimable(name, why=why))
            continue
        worst = known[0]
        method = f"largest mean change of {len(known)}: {worst['feature']}"
        found.append(Measurement(name, worst["mean"], n=len(known), method=method))
    return found


def _jointly(
    found: Responses,
    task: str,
    threshold: float,
    scale: float,
    target: NDArray[Any] | None,
) -> list[Measurement]:
    """All features changed at once, at each level of noise."""
    measured = []
    for level, scores in found.joint:
        group = f"noise={level:g}"
        moved = changes(found.base, scores, scale=scale)
        measured.append(_mean("joint_noise_response", moved, group, task))
        flips = flipped(found.base, scores, threshold, task)
        if flips is not None:
            measured.append(_flips("joint_noise_flip_rate", flips, group))
        if task == "binary" and target is not None:
            name = "joint_noise_auc_drop"
            measured.append(auc_gain(target, found.base, scores, group, name=name))
    return measured


def _levels(
    found: Responses, task: str, threshold: float, scale: float
) -> list[dict[str, Any]]:
    rows = []
    for level, scores in found.joint:
        moved = changes(found.base, scores, scale=scale)
        flips = flipped(found.base, scores, threshold, task)
        rows.append(
            {
                "noise": level,
                "mean": float(moved.mean()),
                "p95": float(np.quantile(moved, 0.95)),
                "flips": None if flips is None else float(flips.mean()),
            }
        )
    return rows


def _absurd(extreme: Sequence[Response], task: str) -> list[Measurement]:
    """Features whose values far outside bring an answer that is none. To refuse such a
    row is an answer."""
    bad = {one.feature for one in extreme if _is_none(one.scores, task)}
    features = {one.feature for one in extreme}
    if not features:
        why = "not estimable: no feature was changed"
        return [not_estimable("extreme_failures", why=why)]
    method = "features with answers that are not finite, or no probabilities, for "
    method += "values far outside their range or unknown categories"
    return [
        Measurement("extreme_failures", float(len(bad)), n=len(features), method=method)
    ]


def _is_none(scores: Floats | None, task: str) -> bool:
    if scores is None:
        return False
    if not np.isfinite(scores).all():
        return True
    return task != "regression" and not bool(((scores >= 0) & (scores <= 1)).all())


def _warnings(single: Sequence[Response]) -> tuple[str, ...]:
    names = [one.feature for one in single if one.kind == "missing" and one.refused]
    if not names:
        return ()
    shown = ", ".join(repr(name[:60]) for name in names[:8])
    return (f"The model refuses rows in which one of these is missing: {shown}.",)
