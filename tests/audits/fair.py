"""Asking the fairness evaluator in a test."""

from typing import Any

import numpy as np

from audits.evaluators import fairness
from audits.evaluators.base import Evaluation


def words(*values: Any) -> Any:
    """Words as the evaluator takes them."""
    return np.array(values, dtype=object)


def evaluate(
    target: Any, scores: Any, sensitive: dict[str, Any], **config: Any
) -> Evaluation:
    """Compare groups of at least one row; `task` and `classes` are not settings."""
    more = {name: config.pop(name) for name in ("task", "classes") if name in config}
    return fairness.evaluate(
        target=None if target is None else np.asarray(target),
        scores=np.asarray(scores, float),
        sensitive={
            name: np.asarray(groups, dtype=object) for name, groups in sensitive.items()
        },
        config={"minimum_group_size": 1, "bootstrap_rounds": 100, **config},
        **more,
    )


def value(found: Evaluation, key: str) -> float:
    """The value of a measurement; its reason where it has none."""
    number = found.get(key).value
    assert number is not None, found.get(key).because
    return number
