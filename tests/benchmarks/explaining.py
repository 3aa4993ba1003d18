"""SHAP values: the engine that we choose beside the library's own and the fastest.

Processor seconds on one thread, in a process of its own, as in evidence.md 3. Engines
that cost the same for every row are measured on few and extrapolated.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = (1_000, 10_000, 100_000)
FEATURES, TREES, TRAINING = 30, 500, 20_000
BACKGROUND = 1_000
# Rows for engines that cost the same for each row.
FEW = {"native": 400, "shapiq": 200, "shap": 100}
SAME = 1e-4  # of the range of the output
WITHIN = 1.15  # of the fastest engine
NATIVE = {"xgboost": "pred_contribs", "lightgbm": "pred_contrib"}
MODELS = ("xgboost", "lightgbm", "histogram", "boosting", "forest", "catboost")
MODERN = sys.version_info >= (3, 12)
NATIVE_GOAL = 1 / 6 if MODERN else 1 / 15
MASKER_GOAL = 1 / 300
MARK = "rows: "


def choosing() -> list[dict[str, Any]]:
    """Our choice for each kind of model; in a process with one thread."""
    return _apart("path")


def background() -> list[dict[str, Any]]:
    """1,000 background rows, beside shap's TreeExplainer with all of them."""
    return _apart("background")


def _apart(what: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", __name__, what],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    line = next(one for one in done.stdout.splitlines() if one.startswith(MARK))
    rows: list[dict[str, Any]] = json.loads(line.removeprefix(MARK))
    return rows


def _data(rows: int, seed: int) -> Any:
    import numpy as np  # noqa: PLC0415 - after the environment named the threads

    chance = np.random.default_rng(seed)
    return chance.normal(size=(rows, FEATURES)).astype(np.float32).astype(float)


def _labels(values: Any) -> Any:
    import numpy as np  # noqa: PLC0415

    hidden = values[:, 0] * values[:, 1] + np.sin(2 * values[:, 2])
    hidden = hidden + 0.4 * values[:, 3:12].sum(axis=1)
    hidden = hidden + np.random.default_rng(9).normal(size=len(values))
    return (hidden > 0).astype(int)


def _train(name: str, folder: Path) -> Any:
    """Write a model of 500 trees with the library's own words, and load it as ours."""
    values = _data(TRAINING, 0)
    labels = _labels(values)
    if name == "xgboost":
        import xgboost  # noqa: PLC0415

        settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.05}
        matrix = xgboost.DMatrix(values, labels)
        booster = xgboost.train({**settings, "nthread": 1}, matrix, TREES)
        booster.save_model(folder / "model.json")
        return _load(folder / "model.json", "xgboost-json")
    if name == "lightgbm":
        import lightgbm  # noqa: PLC0415

        settings = {"objective": "binary", "num_leaves": 64, "max_depth": 6}
        settings |= {"verbose": -1, "num_threads": 1, "learning_rate": 0.05}
        data = lightgbm.Dataset(values, labels)
        lightgbm.train(settings, data, TREES).save_model(folder / "model.txt")
        return _load(folder / "model.txt", "lightgbm")
    if name == "catboost":
        import catboost  # noqa: PLC0415

        model = catboost.CatBoostClassifier(
            iterations=TREES,
            depth=6,
            verbose=False,
            thread_count=1,
            random_seed=0,
            allow_writing_files=False,
        )
        model.fit(values, labels).save_model(str(folder / "model.cbm"))
        return _load(folder / "model.cbm", "catboost-cbm")
    return _train_sklearn(name, folder, values, labels)


def _train_sklearn(name: str, folder: Path, values: Any, labels: Any) -> Any:
    import skops.io  # noqa: PLC0415
    from sklearn import ensemble  # noqa: PLC0415

    made: dict[str, Callable[[], Any]] = {
        "histogram": lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=TREES,
            max_depth=6,
            max_leaf_nodes=64,
            early_stopping=False,
            random_state=0,
        ),
        "boosting": lambda: ensemble.GradientBoostingClassifier(
            n_estimators=TREES, max_depth=6, random_state=0, max_features=6
        ),
        "forest": lambda: ensemble.RandomForestClassifier(
            n_estimators=TREES, max_depth=8, random_state=0
        ),
    }
    model = made[name]().fit(values[:5_000], labels[:5_000])
    skops.io.dump(model, folder / "model.skops")
    return _load(folder / "model.skops", "skops")


def _load(path: Path, kind: str) -> Any:
    from audits.sandboxed import loading  # noqa: PLC0415

    return loading.load(path, format=kind)


class _Bench:
    """One model with its data, explained by our choice and by every engine."""

    def __init__(self, name: str, folder: Path) -> None:
        import pandas as pd  # noqa: PLC0415

        from audits.sandboxed.explainers import prepare  # noqa: PLC0415

        self.model, self.file = _train(name, folder), next(folder.iterdir())
        names = [str(number) for number in range(FEATURES)]
        names = list(self.model.feature_names) or names
        self.frame = pd.DataFrame(_data(max(ROWS), 1), columns=names)
        self.behind = pd.DataFrame(_data(BACKGROUND, 2), columns=names)
        self.prepare = prepare

    def ours(self, rows: int, *, against: bool = False) -> tuple[float, Any, Any]:
        """Seconds from the loaded model to all values, and the values."""
        explainer = self.explainer(rows, against=against)
        few = rows
        if "woodelf" not in explainer.name:
            few = min(rows, 1_000)
        began = time.process_time()
        explainer = self.explainer(rows, against=against)
        ready = time.process_time()
        found = explainer.explain(self.frame.iloc[:few])
        ended = time.process_time()
        return (ready - began) + (ended - ready) * rows / few, explainer, found

    def explainer(self, rows: int, *, against: bool = False) -> Any:
        from audits.sandboxed.explainers import Asked  # noqa: PLC0415

        asked = Asked("1", 0, rows, against, self.file)
        return self.prepare(
            self.model,
            sample=self.frame.iloc[:500],
            background=self.behind,
            asked=asked,
        )

    def engine(self, name: str, rows: int, *, against: bool = False) -> Any:
        """Seconds of one engine for that many rows, from fewer where it is linear."""
        explainer = self.explainer(rows, against=against)
        explainer.engine = name
        few = rows if name == "woodelf" else min(rows, FEW[name])
        if against and name != "woodelf":
            few = 20
        part = self.frame.iloc[:few]
        explainer.explain(part.iloc[:5]) if name != "woodelf" else None
        began = time.process_time()
        found = explainer.explain(part)
        return (time.process_time() - began) * rows / few, found


def _path(name: str) -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(name, Path(folder))
        own = "native" if name in (*NATIVE, "catboost") else "shap"
        others = {own} | ({"shapiq"} if MODERN and name != "catboost" else set())
        for rows in ROWS:
            ours, explainer, values = bench.ours(rows)
            times = {one: bench.engine(one, rows) for one in sorted(others)}
            if (
                name != "catboost"
                and explainer.engine != "woodelf"
                and rows < max(ROWS)
            ):
                times["woodelf"] = bench.engine("woodelf", rows)
            _must_agree(values, times[own][1])
            seconds = {one: taken for one, (taken, _) in times.items()}
            seconds[explainer.engine] = min(ours, seconds.get(explainer.engine, ours))
            best = min(seconds, key=lambda one: seconds[one])
            goal = NATIVE_GOAL if rows == max(ROWS) and name != "catboost" else None
            sys.stderr.write(f"{name} {rows} {explainer.engine} {ours:.2f} {seconds}\n")
            found += [
                _row(
                    f"-{name}-{rows}", ours, seconds[own], f"the library's {own}", goal
                ),
                _row(f"-{name}-{rows}-best", ours, seconds[best], best, WITHIN),
            ]
    return found


def _against(name: str) -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(name, Path(folder))
        for rows in ROWS[1:]:
            ours, explainer, values = bench.ours(rows, against=True)
            peer, wanted = bench.engine("shap", rows, against=True)
            _must_agree(values, wanted)
            goal = MASKER_GOAL if rows == max(ROWS) else None
            sys.stderr.write(f"{name} {rows} {explainer.engine} {ours:.2f} {peer}\n")
            told = f"shap TreeExplainer, {BACKGROUND} background rows"
            found.append(_row(f"-{name}-{rows}", ours, peer, told, goal))
    return found


def _must_agree(ours: Any, theirs: Any) -> None:
    import numpy as np  # noqa: PLC0415

    few = min(ours.phi.shape[1], theirs.phi.shape[1])
    gap = float(np.abs(ours.phi[:, :few] - theirs.phi[:, :few]).max())
    scale = float(np.ptp(ours.output))
    if gap > SAME * scale or ours.miss() > SAME:
        raise SystemExit(f"The values differ by {gap / scale:.2g} of the range.")


def _row(
    suffix: str, ours: float, peer: float, told: str, goal: float | None
) -> dict[str, Any]:
    return {
        "suffix": suffix,
        "ours": ours,
        "reference": peer,
        "reference_name": told,
        "unit": "s",
        "goal": goal,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what, *only = sys.argv[1:]
    work = _path if what == "path" else _against
    chosen = only or (MODELS if what == "path" else ("xgboost", "histogram"))
    told = [row for name in chosen for row in work(name)]
    sys.stdout.write(MARK + json.dumps(told) + "\n")
