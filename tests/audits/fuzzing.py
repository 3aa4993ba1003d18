"""Edits model files at random, loads and asks each in a process of its own.

Run as a program (`python -m tests.audits.fuzzing <files> <seed>`): it prints what
happened as JSON. Forking is cheap, because the libraries are loaded before.
"""

import io
import json
import os
import random
import re
import signal
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import skops.io
import xgboost
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from audits.artifacts import UnsupportedArtifact, detect
from audits.sandboxed.loading import load
from audits.sandboxed.refusal import Refused
from tests.audits import test_tasks as tasks

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
SPECIAL = (
    *("-1", "0", "1", "2", "3", "7", "9999999", "2147483647", "-2147483648"),
    *("4294967296", "1e300", "nan", "inf", "0.5", "65535", "1_0"),
)
SECONDS = 20


def of_text(text: str, chance: random.Random) -> bytes:
    """Replace one to three numbers."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        found = chance.choice(list(NUMBER.finditer(text)))
        new = chance.choice([*SPECIAL, str(chance.randint(-5, 40))])
        text = text[: found.start()] + new + text[found.end() :]
    return text.encode()


def of_skops(data: bytes, chance: random.Random) -> bytes:
    """Flip bytes in one array, or replace one number of the schema."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(written, "w") as new,
    ):
        victim = chance.choice(old.namelist())
        for name in old.namelist():
            part = bytearray(old.read(name))
            if name == victim and name == "schema.json":
                found = list(re.finditer(r'(?<="content": )"?-?\d+', part.decode()))
                one = chance.choice(found)
                part[one.start() : one.end()] = chance.choice(SPECIAL).encode()
            elif name == victim:
                for _ in range(chance.choice([1, 2, 8])):
                    place = chance.randrange(min(64, len(part) - 1), len(part))
                    part[place] = chance.choice([0, 1, 127, 128, 255])
            new.writestr(name, bytes(part))
    return written.getvalue()


def xgboosts() -> list[str]:
    """Classes with sets of categories, and dropout."""
    settings = {"objective": "multi:softprob", "num_class": 3, "max_cat_to_onehot": 1}
    sets = xgboost.DMatrix(tasks.coded(), tasks.classes(), enable_categorical=True)
    plain = xgboost.DMatrix(tasks.numbers(), tasks.classes() > 0)
    dart = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}
    return [
        bytes(xgboost.train(one | {"max_depth": 3}, data, 3).save_raw("json")).decode()
        for one, data in ((settings, sets), (dart, plain))
    ]


def lightgbms() -> list[str]:
    """Classes with sets of categories, and linear leaves."""
    sets = {"objective": "multiclass", "num_class": 3, "max_cat_to_onehot": 1}
    linear = {"objective": "regression", "linear_tree": True}
    small = {"verbose": -1, "num_leaves": 6, "min_data_per_group": 5}
    whole = (
        lightgbm.train(one | small, lightgbm.Dataset(data, tasks.classes()), 2)
        for one, data in ((sets, tasks.coded()), (linear, tasks.numbers().fillna(0)))
    )
    return [booster.model_to_string().split("parameters:")[0] for booster in whole]


def catboosts() -> list[str]:
    """Classes with tables of categories, and trees of nodes."""
    words = catboost.Pool(tasks.frame(), tasks.classes(), cat_features=[3, 4])
    plain = catboost.Pool(tasks.numbers(), tasks.value())
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for one, pool in (
            ({"loss_function": "MultiClass", "one_hot_max_size": 3}, words),
            ({"loss_function": "RMSE", "grow_policy": "Lossguide"}, plain),
        ):
            booster = catboost.CatBoost(tasks.QUIET | one).fit(pool)
            booster.save_model(f"{folder}/m", format="json", pool=pool)
            document = json.loads(Path(folder, "m").read_bytes())
            about = document["model_info"]
            kept = {"loss_function": about["params"]["loss_function"]}
            about = {name: about[name] for name in ("class_params",) if name in about}
            made.append(json.dumps(document | {"model_info": about | {"params": kept}}))
    return made


def pickless() -> list[bytes]:
    """scikit-learn's models with compiled code inside."""
    data, target = tasks.numbers().fillna(0), tasks.classes() > 0
    models = (
        RandomForestClassifier(2, max_depth=3, random_state=0),
        GradientBoostingClassifier(n_estimators=2, random_state=0),
        HistGradientBoostingClassifier(max_iter=2, random_state=0),
        KNeighborsClassifier(),
        SVC(),
    )
    return [skops.io.dumps(model.fit(data, target)) for model in models]


KINDS: dict[str, tuple[Callable[[], list[Any]], Callable[..., bytes]]] = {
    "xgboost-json": (xgboosts, of_text),
    "lightgbm": (lightgbms, of_text),
    "catboost-json": (catboosts, of_text),
    "skops": (pickless, of_skops),
}


def fate(path: Path, format: str) -> str:
    """Load and ask in a child of its own; answer how that ended."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os.write(theirs, _try(path, format).encode()[:500])
        os._exit(0)
    os.close(theirs)
    said = os.read(ours, 1000).decode()
    os.close(ours)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"{signal.Signals(os.WTERMSIG(status)).name}: {path}"
    return said


def _try(path: Path, format: str) -> str:
    try:
        if detect(path).format != format:
            return "refused"
        model = load(path, format=format)
        words = "word" in model.feature_names
        data = tasks.frame() if words else tasks.numbers().fillna(0)
        model.score(data, model.classes[-1] if model.task == "binary" else "1")
    except (Refused, UnsupportedArtifact):
        return "refused"
    except MemoryError:
        return "memory"
    except Exception as trouble:  # noqa: BLE001 - what else there is, is the finding
        return f"{type(trouble).__name__}: {trouble}"
    return "answered"


def main(files: int, seed: int) -> dict[str, Counter[str]]:
    """Try so many files of each kind."""
    found: dict[str, Counter[str]] = {}
    chance = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        for kind, (make, edit) in KINDS.items():
            seeds = make()
            found[kind] = Counter()
            for _ in range(files):
                path.write_bytes(edit(chance.choice(seeds), chance))
                found[kind][fate(path, kind)] += 1
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
