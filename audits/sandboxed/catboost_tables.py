"""What a CatBoost model says of its classes, and its tables of categories (CTR)."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from audits.sandboxed.refusal import Refused

LOSSES = {
    **dict.fromkeys(("Logloss", "CrossEntropy"), "binary"),
    "MultiClass": "multiclass",
    **dict.fromkeys(
        ("RMSE", "MAE", "Quantile", "Huber", "LogCosh", "MAPE", "Expectile", "Lq")
        + ("Poisson", "Tweedie"),
        "regression",
    ),
}
EXPONENTS = frozenset({"Poisson", "Tweedie"})
LABEL_TYPES: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "Float": (int, float),
    "String": (str,),
    "Boolean": (bool,),
}
# How many numbers stand behind each hash, and which of them a table may point to.
MEANS = frozenset({"FloatTargetMeanValue", "BinarizedTargetMeanValue"})
COUNTERS = frozenset({"Counter", "FeatureFreq"})
LARGEST = 2**31
HASH = re.compile(r"[0-9]{1,20}")


def checked_info(
    info: Mapping[str, Any], *, columns: int
) -> tuple[str, dict[str, Any]]:
    """Answer the loss, and what of the description is handed on. Raises Refused.

    `columns` is how many numbers the model answers for a row.
    """
    parameters = info["params"]
    if isinstance(parameters, str):
        parameters = json.loads(parameters)
    loss = str(parameters["loss_function"]["type"])
    if loss not in LOSSES:
        raise Refused(
            f"The CatBoost loss {loss[:60]!r} is not accepted: Logloss, MultiClass and "
            "the losses of regression are."
        )
    task = LOSSES[loss]
    if (columns > 2) != (task == "multiclass"):
        raise Refused("The CatBoost model counts its classes wrongly.")
    about: dict[str, Any] = {"params": {"loss_function": {"type": loss, "params": {}}}}
    if task != "regression" and "class_params" in info:
        classes = 2 if task == "binary" else columns
        about["class_params"] = _classes(info["class_params"], classes=classes)
    elif task == "multiclass":
        raise Refused("The CatBoost model does not name its classes.")
    return loss, about


def _classes(given: Mapping[str, Any], *, classes: int) -> dict[str, Any]:
    names, labels = given["class_names"], given["class_to_label"]
    kind = LABEL_TYPES[given["class_label_type"]]
    if list(labels) != list(range(classes)) or given.get("classes_count") not in (
        *(None, 0, classes),
    ):
        raise Refused("The CatBoost model counts its classes wrongly.")
    if len(names) != classes or len(set(map(str, names))) != classes:
        raise Refused("The CatBoost model names its classes wrongly.")
    if not all(isinstance(name, kind) for name in names):
        raise Refused("The CatBoost model names its classes wrongly.")
    return {
        "class_label_type": given["class_label_type"],
        "class_names": names,
        "class_to_label": list(range(classes)),
        "classes_count": 0,
    }


def check_tables(
    tables: Mapping[str, Mapping[str, Any]], used: Sequence[Mapping[str, Any]]
) -> None:
    """Raise Refused unless each table is whole, and each use of one points into it."""
    for table in tables.values():
        _check_table(table["hash_map"], stride=table["hash_stride"])
        denominator = table["counter_denominator"]
        if type(denominator) is not int or not 0 <= denominator < LARGEST:
            raise Refused("A table of categories in the CatBoost model is damaged.")
    for one in used:
        if str(one["identifier"]) not in tables:
            raise Refused("The CatBoost model lacks a table of its categories.")
        _check_use(one, stride=tables[str(one["identifier"])]["hash_stride"])


def _check_table(entries: Sequence[Any], *, stride: Any) -> None:
    if type(stride) is not int or stride < 2 or len(entries) % stride:
        raise Refused("A table of categories in the CatBoost model is cut short.")
    for place, entry in enumerate(entries):
        if place % stride == 0:
            sound = bool(HASH.fullmatch(str(entry))) and int(entry) < 2**64
        else:
            sound = isinstance(entry, (int, float)) and 0 <= abs(entry) < LARGEST
        if not sound:
            raise Refused("A table of categories in the CatBoost model is damaged.")


def _check_use(one: Mapping[str, Any], *, stride: int) -> None:
    kind = str(one["ctr_type"])
    classes = stride - 1
    if kind in ("Borders", "Buckets"):
        last = classes - 1 if kind == "Borders" else classes
        sound = classes >= 2
    else:
        last = 1
        sound = (kind in MEANS and classes == 2) or (kind in COUNTERS and classes == 1)
    place = one["target_border_idx"]
    factors = [one[name] for name in ("prior_numerator", "prior_denomerator")]
    factors += [one[name] for name in ("scale", "shift")]
    if not sound or type(place) is not int or not 0 <= place < last:
        raise Refused("A table of categories in the CatBoost model has no such place.")
    if not all(map(math.isfinite, factors)):
        raise Refused("A table of categories in the CatBoost model is damaged.")
