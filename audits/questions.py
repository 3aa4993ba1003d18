"""What a run may be asked: the settings of each kind, and the digest of a question."""

import functools
import hashlib
import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from audits.charts import legible
from audits.models import EvidenceRun
from audits.report_format import REPORT_FORMAT
from registry.digests import sha256_of_json
from registry.models import DatasetVersion, ModelVersion

Kind = EvidenceRun.Kind
Json = dict[str, Any]

# What computes a report: another version of one of them is another question.
ENGINES = (
    "catboost",
    "fairlearn",
    "lightgbm",
    "numpy",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "shap",
    "shapiq",
    "skops",
    "woodelf-explainer",
    "xgboost-cpu",
)


class CannotMeasure(Exception):
    """The question cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def whole(low: int, high: int, default: int | None = None) -> Json:
    """A whole number from `low` to `high`."""
    setting: Json = {"type": "integer", "minimum": low, "maximum": high}
    return setting if default is None else {**setting, "default": default}


def number(low: float, high: float, default: float | None = None) -> Json:
    """A number from `low` to `high`."""
    setting: Json = {"type": "number", "minimum": low, "maximum": high}
    return setting if default is None else {**setting, "default": default}


def choice(*words: str) -> Json:
    """One of some words; the first is the default."""
    return {"enum": list(words), "default": words[0]}


_SEED = whole(0, 2**31 - 1, 0)
# Text without what PostgreSQL (NUL) or UTF-8 (surrogates) cannot hold.
_COLUMN: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 5000,
    "pattern": "^[^\u0000\ud800-\udfff]*$",
}

# JSON Schemas (draft 2020-12) of the settings that each kind of run reads.
SETTINGS: Mapping[str, Mapping[str, Json]] = {
    Kind.PERFORMANCE: {
        "seed": _SEED,
        "bootstrap_rounds": whole(100, 100_000, 1000),
        "minimum_segment_rows": whole(30, 1_000_000, 100),
        "cost_false_positive": number(0, 1e12),
        "cost_false_negative": number(0, 1e12),
        "time_column": _COLUMN,
    },
    Kind.FAIRNESS: {
        "seed": _SEED,
        "minimum_group_size": whole(30, 1_000_000, 30),
        "bootstrap_rounds": whole(100, 100_000, 2000),
        "small_groups": choice("refuse", "leave out"),
        "cross_check": {"type": "boolean", "default": False},
        "control": _COLUMN,
    },
    Kind.EXPLAINABILITY: {
        "seed": _SEED,
        "rows": whole(20, 10_000_000, 2_000),
        "background_rows": whole(10, 10_000, 100),
        "background": choice("path", "interventional"),
        "repetitions": whole(2, 10, 2),
        "reasons": whole(1, 10, 4),
    },
    Kind.ROBUSTNESS: {
        "seed": _SEED,
        "response_rows": whole(50, 20_000, 500),
        "noise": number(0.001, 1, 0.1),
        "monotonic": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": _COLUMN,
            "additionalProperties": {"enum": [1, -1]},
        },
    },
    Kind.DRIFT: {
        "seed": _SEED,
        "minimum_group_size": whole(30, 1_000_000, 30),
        "reference_dataset": {
            "type": "string",
            "pattern": "^[a-z0-9-]{1,80}/[0-9]{1,9}$",
        },
    },
    Kind.DATA_QUALITY: {
        "seed": _SEED,
        "reference_shares": {
            "type": "object",
            "maxProperties": 100,
            "propertyNames": _COLUMN,
            "additionalProperties": {
                "type": "object",
                "maxProperties": 1000,
                "propertyNames": _COLUMN,
                "additionalProperties": number(0, 1),
            },
        },
    },
}


def configuration(
    version: ModelVersion, kind: str, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer the complete settings of a run.

    How scores become outcomes was registered with the version and cannot be chosen
    here. Raises `CannotMeasure`, whose `field` points to the setting at fault.
    """
    fixed: dict[str, Any] = {
        "positive": version.positive_class,
        "favourable": version.favourable,
        "threshold": version.threshold,
    }
    given = dict(config)
    for name in fixed.keys() & given.keys():
        if given.pop(name) != fixed[name]:
            raise CannotMeasure(
                f"config/{name}",
                _("This version was registered with %(value)s; that is measured.")
                % {"value": fixed[name]},
            )
    known = SETTINGS[kind]
    for name, value in dict(given).items():
        if name not in known:
            raise CannotMeasure(
                f"config/{legible(name)[:200]}",
                _("Unknown setting. Known are: %(names)s.")
                % {"names": ", ".join(sorted(known))},
            )
        given[name] = _required(name, value, known[name])
    defaults = {n: one["default"] for n, one in known.items() if "default" in one}
    return {**defaults, **given, **fixed}


def own_settings(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Names of the settings that somebody chose: they differ from the defaults."""
    return [
        name
        for name, schema in SETTINGS.get(kind, {}).items()
        if name in config and config[name] != schema.get("default")
    ]


def _required(name: str, value: Any, schema: Json) -> Any:
    """The value, as the evaluators take it: 7.0 is the whole number 7 in JSON."""
    problem = next(Draft202012Validator(schema).iter_errors(value), None)
    if problem is None and isinstance(value, float) and not math.isfinite(value):
        raise CannotMeasure(f"config/{name}", _expected(schema))
    if problem is None:
        return int(value) if schema.get("type") == "integer" else value
    path = "/".join([f"config/{name}", *map(str, problem.absolute_path)])
    said = _expected(problem.schema) or problem.message[:500]
    raise CannotMeasure(legible(path)[:500], legible(said))


def _expected(schema: Any) -> str:
    bounds = {"low": schema.get("minimum"), "high": schema.get("maximum")}
    if schema.get("type") == "integer" and bounds["high"] is not None:
        return _("Must be a whole number from %(low)s to %(high)s.") % bounds
    if schema.get("type") == "number" and bounds["high"] is not None:
        return _("Must be a number from %(low)s to %(high)s.") % bounds
    if schema.get("type") == "boolean":
        return _("Must be true or false.")
    if "enum" in schema:
        names = ", ".join(map(str, schema["enum"]))
        return _("Must be one of: %(names)s.") % {"names": names}
    return ""


def question_digest(
    *,
    version: ModelVersion,
    kind: str,
    dataset_version: DatasetVersion,
    config: Mapping[str, Any],
) -> str:
    """SHA-256 over all that an answer depends on.

    The version's manifest (it names the model file and the data sets by digest), the
    data and what their columns are for, the settings, and the engines installed here.
    """
    return sha256_of_json(
        {
            "format": REPORT_FORMAT,
            "version_sha256": version.sha256,
            "dataset_sha256": dataset_version.sha256,
            "columns": dataset_version.columns,
            "kind": kind,
            "config": dict(config),
            "engines": engines(),
        }
    )


def engines() -> dict[str, str]:
    """The installed versions of all that computes; found without importing any."""
    found = {"evaluators_sha256": evaluators_sha256()}
    for package in ENGINES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


# What computes beside the evaluators, and what writes the report.
OURS = (
    "evaluators",
    "measuring",
    "sandboxed",
    "charts",
    "answers.py",
    "artifacts.py",
    "column_roles.py",
    "datasets.py",
    "explanations.py",
    "labels.py",
    "packed.py",
    "reports.py",
    "responses.py",
    "sampling.py",
    "words.py",
)


@functools.cache
def evaluators_sha256() -> str:
    """SHA-256 over our own code that computes evidence, by path and content."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for part in OURS:
        found = [here / part] if part.endswith(".py") else (here / part).rglob("*.py")
        for path in sorted(found):
            content = path.read_bytes()
            name = path.relative_to(here).as_posix()
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
