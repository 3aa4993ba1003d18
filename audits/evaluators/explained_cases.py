"""Single cases of an explanation: waterfalls, and reasons for adverse outcomes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audits.datasets import Table
from audits.evaluators.base import Measurement, not_estimable
from audits.evaluators.intervals import wilson
from audits.evaluators.reasons import MOST_REASONS, Reason, reasons
from audits.explanations import Explanation, Sample

MOST_PARTS = 10
MOST_CASES = 10
MAX_WORD = 80
Labels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Outcome:
    """How scores become outcomes, and how features are called for people.

    `sensitive` are features that the law protects: naming one as a reason is a finding.
    """

    threshold: float = 0.5
    favourable: int = 1
    most_reasons: int = MOST_REASONS
    labels: Labels = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()


def waterfalls(
    explanation: Explanation, table: Table, outcome: Outcome
) -> list[dict[str, Any]]:
    """Answer typical cases: the highest and the lowest score, and the closest call.

    The closest call lies next to the threshold, or next to the median of values. Each
    has its ten largest contributions; `others` is the sum of the rest.
    """
    sample = explanation.samples[0]
    middle = outcome.threshold
    if explanation.facts.task != "binary":
        middle = float(np.median(sample.scores))
    places = {
        "highest": int(np.argmax(sample.scores)),
        "lowest": int(np.argmin(sample.scores)),
        "closest": int(np.argmin(np.abs(sample.scores - middle))),
    }
    return [
        {"case": name, **_case(explanation, sample, place, table)}
        for name, place in places.items()
    ]


def _case(
    explanation: Explanation, sample: Sample, place: int, table: Table
) -> dict[str, Any]:
    phi = sample.phi[place]
    order = np.argsort(-np.abs(phi), kind="stable")
    found: dict[str, Any] = {
        "row": int(sample.rows[place]),
        "score": float(sample.scores[place]),
        "base": float(sample.base[place]),
        "output": float(sample.output[place]),
        "contributions": [
            {
                "feature": explanation.features[index],
                "value": _value(explanation.features[index], sample, place, table),
                "shap": float(phi[index]),
            }
            for index in order[:MOST_PARTS]
        ],
        "others": float(phi[order[MOST_PARTS:]].sum()),
    }
    if sample.classes is not None:
        found["class"] = explanation.facts.classes[int(sample.classes[place])]
    return found


def _value(name: str, sample: Sample, place: int, table: Table) -> str | None:
    """A value for people: numbers with six digits, text cut short, None if missing."""
    row = sample.rows[place : place + 1]
    if name in table.texts:
        word = table.words(name, row)[0]
        return None if word is None else str(word)[:MAX_WORD]
    number = float(table.number(name)[row][0])
    if math.isnan(number):
        return None
    return str(int(number)) if number.is_integer() else f"{number:.6g}"


def reason_codes(
    explanation: Explanation, table: Table, outcome: Outcome
) -> dict[str, Any] | None:
    """Answer reasons for the adverse cases of the first sample; None where no outcome
    is adverse by nature (values, several classes).

    `main` counts how often each factor is the principal reason, over all adverse cases;
    `sensitive` how often a protected feature is any reason, `sensitive_rows` in how
    many cases one is. `cases` are up to ten of them, the first by hash.
    """
    if explanation.facts.task != "binary":
        return None
    sample = explanation.samples[0]
    chosen = sample.scores >= outcome.threshold
    adverse = np.flatnonzero(chosen if outcome.favourable == 0 else ~chosen)
    found = [_reasons(explanation, sample, int(p), table, outcome) for p in adverse]
    main = Counter(case[0].feature for case in found if case)
    protected = [
        name
        for case in found
        for name in {one.feature for one in case}
        if name in outcome.sensitive
    ]
    return {
        "favourable": outcome.favourable,
        "threshold": outcome.threshold,
        "at_most": outcome.most_reasons,
        "rows": len(sample.rows),
        "adverse_rows": len(adverse),
        "without_reason": sum(not case for case in found),
        "sensitive": dict(sorted(Counter(protected).items())),
        "sensitive_rows": sum(
            any(one.feature in outcome.sensitive for one in case) for case in found
        ),
        "main": [
            {
                "feature": name,
                "label_en": _label(outcome, name, "en"),
                "label_de": _label(outcome, name, "de"),
                "count": main[name],
                "share": main[name] / len(adverse),
            }
            for name in sorted(main, key=lambda name: (-main[name], name))
        ],
        "cases": [
            {
                "row": int(sample.rows[place]),
                "score": float(sample.scores[place]),
                "reasons": [_document(reason) for reason in case],
            }
            for place, case in list(zip(adverse, found, strict=True))[:MOST_CASES]
        ],
    }


def sensitive_reasons(
    found: Mapping[str, Any] | None, outcome: Outcome
) -> tuple[Measurement, ...]:
    """The share of adverse outcomes with a protected feature among their reasons.

    With Wilson's interval; nothing where no feature of the model is protected, or no
    outcome is adverse by nature.
    """
    if found is None or not outcome.sensitive:
        return ()
    name, cases = "sensitive_reason_share", int(found["adverse_rows"])
    if not cases:
        why = "not estimable: the sample has no adverse outcome"
        return (not_estimable(name, why=why),)
    rows = int(found["sensitive_rows"])
    lower, upper = wilson(rows, cases)
    return (
        Measurement(
            name,
            rows / cases,
            lower,
            upper,
            n=cases,
            method=f"adverse outcomes with a sensitive feature among at most "
            f"{outcome.most_reasons} reasons; Wilson",
        ),
    )


def _label(outcome: Outcome, name: str, language: str) -> str:
    return outcome.labels.get(name, {}).get(language) or name


def _reasons(
    explanation: Explanation,
    sample: Sample,
    place: int,
    table: Table,
    outcome: Outcome,
) -> tuple[Reason, ...]:
    phi = sample.phi[place]
    # Words cost more than numbers: only those of possible reasons are looked up.
    harm = -phi if outcome.favourable == 1 else phi
    shown = set(np.argsort(-harm, kind="stable")[: outcome.most_reasons].tolist())
    values: Sequence[str | None] = [
        _value(name, sample, place, table) if index in shown else None
        for index, name in enumerate(explanation.features)
    ]
    return reasons(
        phi,
        features=explanation.features,
        values=values,
        favourable=outcome.favourable,
        at_most=outcome.most_reasons,
        labels=outcome.labels,
    )


def _document(reason: Reason) -> dict[str, Any]:
    return {
        "feature": reason.feature,
        "value": reason.value,
        "harm": reason.harm,
        "text_en": reason.text_en,
        "text_de": reason.text_de,
    }
