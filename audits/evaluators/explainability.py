"""Explainability: which features drive the model, and how far to trust that."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.datasets import Table
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    setting,
    versions_of,
)
from audits.evaluators.beeswarm import dependence, points
from audits.evaluators.explained_cases import (
    Outcome,
    reason_codes,
    sensitive_reasons,
    waterfalls,
)
from audits.evaluators.explanation_checks import (
    additivity,
    agreement,
    sampling_error,
    scores_agree,
)
from audits.evaluators.importances import Partial, partial
from audits.evaluators.stability import stability
from audits.explanations import Explanation, Sample
from audits.sampling import choose_rows
from registry.digests import canonical_json, sha256_hex

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FEWEST_ROWS = 20
ROWS = 2_000  # mean |SHAP| of the ten first features within 4 % (evidence.md 3.5)
MOST_ROWS = 10_000_000
BACKGROUND_ROWS = 100
# A sample that leaves the child row by row; of more rows only sums do.
LARGEST_SAMPLE = 20_000
REPETITIONS = 2
LIMITS = (
    "SHAP values say what moves this model's output, not what causes the outcome.",
    "Credit is split between features that move together: a feature with little "
    "importance may stand in for another one.",
)


@dataclass(frozen=True)
class Around:
    """What an explanation is told with: the data, and how outcomes are called.

    `table` holds the features of the explained rows, `behind` those of the background
    when it is another data set. Rows of the explanation count in these tables;
    `numbers` are the rows' own numbers in the data, where the table has only some.
    """

    table: Table
    behind: Table | None = None
    outcome: Outcome = field(default_factory=Outcome)
    interventional: bool = False
    rows_in_data: int = 0
    numbers: Rows | None = None


def samples_of(
    rows: int,
    config: Mapping[str, Any] | None = None,
    *,
    background: int | None = None,
) -> list[tuple[Rows, Rows, int]]:
    """Choose what to explain: samples of (rows, background, seed).

    More than one sample exists to see how much the first one's answer depends on
    chance; no two have a row in common, so that each is at most its part of the data.
    `background` is how many rows the background's data set has, if it is another one.
    Settings: `rows` (default 2,000), `background_rows` (100), `repetitions` (2),
    `seed`. Raises UnusableEvidence.
    """
    config = config or {}
    known_settings(config)
    wanted = _whole(config, "rows", ROWS, low=FEWEST_ROWS, high=MOST_ROWS)
    behind = _whole(config, "background_rows", BACKGROUND_ROWS, low=10, high=10_000)
    times = _whole(config, "repetitions", REPETITIONS, low=2, high=10)
    seed = _whole(config, "seed", 0, low=0, high=2**31)
    if rows < times * FEWEST_ROWS:
        raise UnusableEvidence(
            f"The data have {rows} rows; at least {times * FEWEST_ROWS} are needed to "
            "explain."
        )
    there = rows if background is None else background
    if there < times:
        raise UnusableEvidence(f"The background has {there} rows, too few to compare.")
    wanted = min(wanted, LARGEST_SAMPLE, rows // times)
    behind = min(behind, there // times)
    chosen = choose_rows(rows, times * wanted, seed=2 * seed)
    backgrounds = choose_rows(there, times * behind, seed=2 * seed + 1)
    return [
        (
            chosen[wanted * time : wanted * (time + 1)],
            backgrounds[behind * time : behind * (time + 1)],
            seed + time,
        )
        for time in range(times)
    ]


def whole_of(rows: int, config: Mapping[str, Any]) -> Rows | None:
    """Answer the rows whose sums are wanted beside the samples: None for none.

    More than 20,000 `rows` do not leave the child one by one, only their sums. Empty
    means all rows of the data.
    """
    wanted = _whole(config, "rows", ROWS, low=FEWEST_ROWS, high=MOST_ROWS)
    if min(wanted, rows) <= LARGEST_SAMPLE:
        return None
    if wanted >= rows:
        return np.zeros(0, np.int64)
    seed = _whole(config, "seed", 0, low=0, high=2**31)
    return choose_rows(rows, wanted, seed=2 * seed)


def _whole(
    config: Mapping[str, Any], name: str, default: int, *, low: int, high: int
) -> int:
    return int(setting(config, name, default, low=low, high=high))


def evaluate(
    *, explanation: Explanation, table: Table, around: Around | None = None
) -> Evaluation:
    """Check the SHAP values and rank the features by mean |SHAP|.

    `table` holds the features, for the colours of the beeswarm and the digest of the
    background. Raises UnusableEvidence when the values do not add up to the output of
    the model, the output is not the model's score, or a second engine disagrees.
    """
    around = around or Around(table)
    adds_up = additivity(explanation)
    scores_agree(explanation)
    agrees = agreement(explanation)
    first = explanation.samples[0]
    sums = explanation.whole or partial(first.phi)
    order = np.argsort(-sums.importance, kind="stable")
    summary = _summary(explanation, around, sums, order)
    importances = [np.abs(sample.phi).mean(axis=0) for sample in explanation.samples]
    return Evaluation(
        measurements=(
            *_importances(explanation, sums, order),
            adds_up,
            agrees,
            *sampling_error(explanation),
            *stability(importances),
            *sensitive_reasons(summary["reasons"], around.outcome),
        ),
        summary=summary,
        warnings=(*_warnings(explanation, around), *_protected(summary["reasons"])),
        limits=_limits(explanation, around),
        versions={**explanation.facts.versions, **versions_of("numpy", "scipy")},
    )


def _importances(
    explanation: Explanation, sums: Partial, order: NDArray[np.intp]
) -> list[Measurement]:
    found = []
    summed = explanation.whole_explainer if explanation.whole else explanation.explainer
    for index in order:
        lower, upper = sums.interval(int(index))
        found.append(
            Measurement(
                "mean_abs_shap",
                float(sums.importance[index]),
                lower,
                upper,
                n=sums.n,
                group=explanation.features[index],
                method=f"{summed}; normal interval over rows",
                unit=explanation.scale,
            )
        )
    return found


def _summary(
    explanation: Explanation,
    around: Around,
    sums: Partial,
    order: NDArray[np.intp],
) -> dict[str, Any]:
    first, second = explanation.samples[0], explanation.samples[1:2]
    other = np.abs(second[0].phi).mean(axis=0) if second else sums.importance
    table, features = around.table, explanation.features
    numbered = _numbered(explanation, around)
    return {
        "explainer": explanation.explainer,
        "explainer_of_all_rows": explanation.whole_explainer
        if explanation.whole
        else None,
        "exact": explanation.exact,
        "reference": "interventional" if len(first.background) else "path-dependent",
        "checked_by": explanation.checked_by,
        "scale": explanation.scale,
        "rows": sums.n,
        "rows_shown": len(first.rows),
        "rows_in_data": around.rows_in_data or table.rows,
        "seeds": [sample.seed for sample in explanation.samples],
        "background_rows": len(first.background),
        "background_sha256": _digest(first.background, explanation, around),
        "base_value": float(first.base.mean()),
        "features": [
            {
                "feature": features[index],
                "rank": rank,
                "mean_abs_shap": float(sums.importance[index]),
                "lower": sums.interval(int(index))[0],
                "upper": sums.interval(int(index))[1],
                "mean_shap": float(sums.mean[index]),
                "mean_abs_shap_second_sample": float(other[index]),
            }
            for rank, index in enumerate(order, start=1)
        ],
        "classes": _classes(explanation),
        "beeswarm": points(first, features, table),
        "dependence": dependence(first, features, table),
        "cases": numbered(waterfalls(explanation, table, around.outcome)),
        "reasons": _reasons(explanation, around, numbered),
    }


def _numbered(explanation: Explanation, around: Around) -> Any:
    """Give cases the numbers of their rows in the data."""
    del explanation

    def numbered(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if around.numbers is None:
            return cases
        return [{**one, "row": int(around.numbers[one["row"]])} for one in cases]

    return numbered


def _reasons(explanation: Explanation, around: Around, numbered: Any) -> Any:
    found = reason_codes(explanation, around.table, around.outcome)
    return None if found is None else {**found, "cases": numbered(found["cases"])}


def _classes(explanation: Explanation) -> list[dict[str, Any]]:
    """Mean |SHAP| by class, over the rows of the first sample; empty for one output."""
    first = explanation.samples[0]
    if first.absolute is None or first.classes is None:
        return []
    return [
        {
            "class": name,
            "predicted_rows": int((first.classes == place).sum()),
            "mean_abs_shap": {
                feature: float(first.absolute[place, index])
                for index, feature in enumerate(explanation.features)
            },
        }
        for place, name in enumerate(explanation.facts.classes)
    ]


def _warnings(explanation: Explanation, around: Around) -> tuple[str, ...]:
    found = list(explanation.warnings)
    first = explanation.samples[0]
    if explanation.whole_left_out:
        found.append(
            f"{explanation.explainer} would take too long on all rows; "
            f"{len(first.rows)} were explained."
        )
    elif explanation.shortened:
        found.append(
            f"{explanation.explainer} is slow on this model: {len(first.rows)} rows of "
            f"{explanation.shortened} were explained, to stay within about a minute."
        )
    if around.interventional and 0 < len(first.background) < BACKGROUND_ROWS:
        found.append(f"The background has only {len(first.background)} rows.")
    return tuple(found)


def _protected(reasons: Mapping[str, Any] | None) -> list[str]:
    """Say which protected features people would be told as a reason."""
    return [
        f"The sensitive feature {name!r} is among the principal reasons of {count} of "
        f"{reasons['adverse_rows']} adverse outcomes."
        for name, count in (reasons["sensitive"] if reasons else {}).items()
        if reasons
    ]


def _limits(explanation: Explanation, around: Around) -> tuple[str, ...]:
    found = [*LIMITS]
    if len(explanation.samples[0].background):
        found.append(
            "Features are switched one by one against the background, so that rows are "
            "asked about which cannot occur."
        )
    else:
        found.append(
            "What a missing feature would do is taken from the rows that the trees "
            "were trained on, along their branches."
        )
    if not explanation.exact:
        found.append("The values are estimates from random permutations.")
    if explanation.samples[0].classes is not None:
        found.append(
            "Of several classes each row explains the one that the model predicts."
        )
    if around.outcome.favourable in (0, 1) and explanation.facts.task == "binary":
        found.append(
            "Reasons name what pushed this score towards the adverse outcome, compared "
            "with the base value; they are no advice on what to change."
        )
    return tuple(found)


def _digest(background: Rows, explanation: Explanation, around: Around) -> str:
    """SHA-256 of the background's values as canonical JSON; empty without one."""
    if not len(background):
        return ""
    table = around.behind or around.table
    columns = {
        name: table.words(name, background).tolist() for name in explanation.features
    }
    return sha256_hex(canonical_json(columns))


def at_places(sample: Sample, rows: Rows, background: Rows | None) -> Sample:
    """The sample with its rows as places in sorted row numbers, for a smaller table."""
    behind = sample.background
    if background is not None:
        behind = np.searchsorted(background, behind).astype(np.int64)
    return replace(
        sample,
        rows=np.searchsorted(rows, sample.rows).astype(np.int64),
        background=behind,
    )
