"""What a sandboxed model's explanation is, checked before anybody believes it."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import answers, sandbox
from audits.answers import Floats
from audits.evaluators.importances import Partial

Rows = NDArray[np.int64]
SCALES = ("log-odds", "log", "probability", "value")
MAX_WARNINGS = 20


@dataclass(frozen=True)
class Wish:
    """What is to be explained, and against what.

    `samples` are (rows, background, seed). `interventional` takes missing features
    from the background, also where trees know a reference of their own. The rows of
    the background are those of `behind`, by default of the data themselves. `whole`
    adds sums over these rows, or over all where it is empty; None leaves them out.
    """

    samples: Sequence[tuple[Rows, Rows, int]]
    interventional: bool = False
    behind: answers.Source | None = None
    whole: Rows | None = None


@dataclass(frozen=True)
class Sample:
    """SHAP values of some rows: `base + phi.sum(axis=1)` should be `output`.

    Of several classes each row explains the one that the model predicts: `classes`
    names it, and `margins` (rows x classes) are all outputs in the explained scale.
    `absolute` is mean |phi| for each class (classes x features).
    """

    rows: Rows
    background: Rows
    seed: int
    phi: Floats
    base: Floats
    output: Floats
    scores: Floats
    classes: NDArray[np.int64] | None = None
    margins: Floats | None = None
    absolute: Floats | None = None


@dataclass(frozen=True)
class Explanation:
    """Samples explained by one explainer in one scale."""

    samples: tuple[Sample, ...]
    features: tuple[str, ...]
    scale: str  # log-odds, log, probability or value
    explainer: str
    facts: answers.ModelFacts
    exact: bool = True  # False: an estimate by sampling
    checked_by: str = ""  # the second engine; empty where there is none
    check: Floats | None = None  # its phi of the first rows of the first sample
    whole: Partial | None = None
    whole_explainer: str = ""  # all engines agree, but more rows may have a faster one
    whole_miss: float = 0.0  # of the output's range, over all rows of `whole`
    whole_left_out: bool = False  # asked for, but it would take too long
    shortened: int = 0  # rows asked for in a sample, when fewer were explained
    warnings: tuple[str, ...] = field(default=())


def explain(
    source: answers.Source,
    *,
    samples: Sequence[tuple[Rows, Rows, int]] = (),
    wish: Wish | None = None,
    limits: answers.Limits,
    on_progress: sandbox.OnProgress | None = None,
) -> Explanation:
    """Explain samples of (rows, background, seed), or a wish. Raises SandboxRefused."""
    wish = wish or Wish(samples)
    files = {"model": source.model, "data": source.data}
    options = answers.options_of(source) | _options(wish)
    with ExitStack() as stack:
        if wish.behind is not None:
            files["background"] = wish.behind.data
            options["background_media_type"] = wish.behind.media_type
        if wish.whole is not None and len(wish.whole):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            files["rows"] = Path(folder) / "rows.npy"
            np.save(files["rows"], np.sort(wish.whole))
        result = answers.ask(
            "explain", files=files, options=options, to=limits, on_progress=on_progress
        )
    try:
        return _explanation(result, wish, source.features)
    except (KeyError, TypeError, ValueError) as trouble:
        raise answers.broken() from trouble


def _options(wish: Wish) -> dict[str, Any]:
    return {
        "samples": [
            {"rows": rows.tolist(), "background": background.tolist(), "seed": seed}
            for rows, background, seed in wish.samples
        ],
        "interventional": wish.interventional,
        "whole": wish.whole is not None,
    }


def _explanation(
    result: sandbox.SandboxResult, wish: Wish, features: tuple[str, ...]
) -> Explanation:
    """Check the answer's form. Raises KeyError, TypeError or ValueError."""
    values, facts = result.values, answers.facts_of(result)
    scale = str(values["scale"])
    if scale not in SCALES:
        raise ValueError(scale)
    used, width = int(values["background_rows"]), len(features)
    kinds = len(facts.classes) if facts.task == "multiclass" else 0
    return Explanation(
        samples=tuple(
            _sample(result, number, sample, used=used, width=width, kinds=kinds)
            for number, sample in enumerate(wish.samples)
        ),
        features=features,
        scale=scale,
        explainer=str(values["explainer"])[: answers.MAX_NAME],
        facts=facts,
        exact=bool(values["exact"]),
        checked_by=str(values["checked_by"])[: answers.MAX_NAME],
        check=_check(result, width),
        whole=_whole(result, width),
        whole_explainer=str(values["whole_explainer"])[: answers.MAX_NAME],
        whole_miss=float(values["whole_miss"]),
        whole_left_out=wish.whole is not None and "whole_absolute" not in result.arrays,
        shortened=_shortened(result, wish),
        warnings=tuple(map(str, values["warnings"]))[:MAX_WARNINGS],
    )


def _sample(
    result: sandbox.SandboxResult,
    number: int,
    asked: tuple[Rows, Rows, int],
    *,
    used: int,
    width: int,
    kinds: int,
) -> Sample:
    rows, background, seed = asked
    count = len(result.arrays.get(f"phi_{number}", ()))
    if not 0 < count <= len(rows):
        raise answers.broken()

    def numbers(name: str, *shape: int) -> Floats:
        return answers.finite_array(result, f"{name}_{number}", shape)

    several: Mapping[str, Any] = {}
    if kinds:
        classes = numbers("class", count).astype(np.int64)
        if not ((classes >= 0) & (classes < kinds)).all():
            raise answers.broken()
        several = {
            "classes": classes,
            "margins": numbers("margins", count, kinds),
            "absolute": numbers("absolute", kinds, width),
        }
    return Sample(
        rows=rows[:count],
        background=background[:used],
        seed=seed,
        phi=numbers("phi", count, width),
        base=numbers("base", count),
        output=numbers("output", count),
        scores=numbers("score", count),
        **several,
    )


def _shortened(result: sandbox.SandboxResult, wish: Wish) -> int:
    asked = len(wish.samples[0][0])
    return asked if len(result.arrays["phi_0"]) < asked else 0


def _check(result: sandbox.SandboxResult, width: int) -> Floats | None:
    if "check" not in result.arrays:
        return None
    count = len(result.arrays["check"])
    return answers.finite_array(result, "check", (count, width))


def _whole(result: sandbox.SandboxResult, width: int) -> Partial | None:
    if "whole_absolute" not in result.arrays:
        return None
    absolute, total, squares = (
        answers.finite_array(result, f"whole_{name}", (width,))
        for name in ("absolute", "sum", "squares")
    )
    return Partial(
        n=int(result.values["whole_rows"]),
        absolute=absolute,
        total=total,
        squares=squares,
        keys=np.zeros(0, np.uint64),
        sample=np.zeros((0, width)),
    )
