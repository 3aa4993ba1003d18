"""Verb `respond`: the scores of some rows after each feature was changed a little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed import perturbing
from audits.sandboxed.checking import facts
from audits.sandboxed.loading import Model, Scores, load
from audits.sandboxed.reading import read_chosen
from audits.sandboxed.refusal import Refused

EXTREME_ROWS = 20
SENTENCE = 300


@dataclass
class _Answers:
    """Scores by name, and why the model refused the others."""

    model: Model
    positive: str
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def ask(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Score all frames at once; if the model refuses, one by one."""
        if not frames:
            return
        sizes = [len(frame) for frame in frames.values()]
        try:
            scores = self._score(pd.concat(frames.values(), ignore_index=True))
        except Refused as refusal:
            if len(frames) == 1:
                self.refused[next(iter(frames))] = str(refusal)[:SENTENCE]
                return
            for name, frame in frames.items():
                self.ask({name: frame})
            return
        parts = np.split(scores, np.cumsum(sizes)[:-1])
        self.arrays |= dict(zip(frames, parts, strict=True))

    def _score(self, frame: pd.DataFrame) -> Scores:
        return np.asarray(self.model.score(frame, self.positive), np.float64)


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Answer the scores of the first `asked` of the `rows`, and of changed ones.

    All `rows` together say what is usual for a column. Arrays: `base`; `<kind>_<i>` of
    feature i (see `perturbing`); `joint_<j>` with all features changed at the noise
    `levels[j]`; `extreme_<kind>_<i>` of the first rows; `grid_<m>` and `curve_<m>`
    (values x rows) of the feature `monotonic[m]`. What the model refuses is missing,
    and `refused` says why. The base must be answered.
    """
    progress(0.05, "loading the model")
    model = load(files["model"], format=options["format"])
    progress(0.1, "reading the data")
    spread = read_chosen(files["data"], options, options["rows"])
    frame = spread.iloc[: int(options["asked"])].reset_index(drop=True)
    answers = _Answers(model, str(options["positive"]))
    answers.ask({"base": frame})
    if "base" not in answers.arrays:
        raise Refused(answers.refused["base"])
    seed, noise = int(options["seed"]), float(options["noise"])
    for place, name in enumerate(frame.columns):
        progress(0.15 + 0.6 * place / len(frame.columns), "changing features")
        answers.ask(_one(frame, spread, place, noise=noise, seed=seed))
        answers.ask(_extreme(frame, spread[name], place))
    progress(0.8, "changing all features")
    for number, level in enumerate(options["levels"]):
        joint = _joint(frame, spread, noise=float(level), seed=seed + 1 + number)
        answers.ask({f"joint_{number}": joint})
    progress(0.9, "walking along features")
    for number, name in enumerate(options["monotonic"]):
        _walk(answers, frame, spread, number, str(name))
    return {**facts(model), "refused": answers.refused}, answers.arrays


def _one(
    frame: pd.DataFrame, spread: pd.DataFrame, place: int, *, noise: float, seed: int
) -> dict[str, pd.DataFrame]:
    name = frame.columns[place]
    frames = {}
    for number, kind in enumerate(perturbing.kinds_of(spread[name])):
        random = np.random.default_rng([seed, place, number])
        column = perturbing.changed(
            kind, frame[name], spread[name], noise=noise, random=random
        )
        frames[f"{kind}_{place}"] = _with(frame, [(place, column)])
    return frames


def _extreme(
    frame: pd.DataFrame, spread: "pd.Series[Any]", place: int
) -> dict[str, pd.DataFrame]:
    some = frame.iloc[:EXTREME_ROWS]
    found = perturbing.extremes(some.iloc[:, place], spread)
    return {
        f"extreme_{kind}_{place}": _with(some, [(place, column)])
        for kind, column in found.items()
    }


def _joint(
    frame: pd.DataFrame, spread: pd.DataFrame, *, noise: float, seed: int
) -> pd.DataFrame:
    columns = []
    for place, name in enumerate(frame.columns):
        random = np.random.default_rng([seed, place])
        changed = perturbing.changed(
            "noise", frame[name], spread[name], noise=noise, random=random
        )
        columns.append((place, changed))
    return _with(frame, columns)


def _with(
    frame: pd.DataFrame, columns: Sequence[tuple[int, "pd.Series[Any]"]]
) -> pd.DataFrame:
    """The frame with other columns, in its own order."""
    parts = {name: frame[name] for name in frame.columns}
    for place, column in columns:
        parts[frame.columns[place]] = column
    return pd.DataFrame(parts)


def _walk(
    answers: _Answers,
    frame: pd.DataFrame,
    spread: pd.DataFrame,
    number: int,
    name: str,
) -> None:
    """Individual conditional expectation (Goldstein et al. 2015): one row at a time,
    only this feature moves."""
    if name not in frame.columns:
        raise Refused(f"The feature {name!r} is not among the declared features.")
    if not pd.api.types.is_numeric_dtype(spread[name].dtype):
        raise Refused(f"The feature {name!r} is text: it has no direction.")
    grid = perturbing.grid_of(spread[name])
    place = list(frame.columns).index(name)
    frames = {}
    for step, value in enumerate(grid):
        column = pd.Series(np.full(len(frame), value), index=frame.index)
        frames[f"{step}"] = _with(frame, [(place, column)])
    walk = _Answers(answers.model, answers.positive)
    walk.ask(frames)
    if walk.refused:
        answers.refused[f"curve_{number}"] = next(iter(walk.refused.values()))
        return
    answers.arrays[f"grid_{number}"] = grid
    answers.arrays[f"curve_{number}"] = np.stack(
        [walk.arrays[f"{step}"] for step in range(len(grid))]
    )
