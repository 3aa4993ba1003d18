"""Which engine for how many rows.

Measured by tests/benchmarks/explaining.py on 2026-11-21 with Python 3.13, on a machine
busy with other work: 500 trees of depth 6, 30 features, milliseconds of one core for a
row. Only woodelf has a large fixed cost, in the last column.

| | its own way | shapiq | shap | woodelf | and seconds once |
|---|---|---|---|---|---|
| XGBoost 3.4 (3.2: evidence.md) | 1.3 (2.7) | 2.6 | | 0.20 | 3.6 |
| LightGBM | 3.6 | 2.4 | | 0.23 | 3.2 |
| histogram boosting | | 1.7 | 3.8 | 0.17 | 2.1 |
| gradient boosting | | 2.3 | 3.2 | 0.20 | 3.5 |
| forest of depth 8 | | 6.0 | 16 | 0.54 | 15 |
| CatBoost | 0.66 | | | NaN | |
"""

from importlib.util import find_spec

from audits.sandboxed.explain_trees import Trees

WOODELF, SHAPIQ, SHAP, NATIVE, EXACT = "woodelf", "shapiq", "shap", "native", "exact"
# woodelf pays for each tree once and little for each row. All engines cost in
# proportion to the leaves, so the number of rows decides, whatever the model's size.
WOODELF_FROM = {
    "xgboost": 3_000,
    "xgboost before 3.4": 1_400,
    "lightgbm": 1_100,  # its own way, where there is no shapiq
    "shapiq": 2_200,
    "shapiq on deep trees": 6_000,  # evidence.md 3.4
    "shap": 1_000,
}
# Beyond this depth woodelf's patterns of a path are too many for its quick way.
DEEP = 10
# Interventional, rows times background rows: a pair costs shap 0.17 ms, shapiq 0.07.
WOODELF_FROM_PAIRS = {SHAPIQ: 80_000, SHAP: 30_000}
# Leaves times rows that take about a minute on one core.
MOST_WORK = {SHAPIQ: 1_000_000_000, SHAP: 250_000_000}
PAIRS_AS_A_ROW = 25  # background rows that cost as much as a path-dependent row
FEWEST_ROWS = 50


def has_shapiq() -> bool:
    """shapiq needs Python 3.12; its older versions are slower than shap."""
    return find_spec("shapiq") is not None


def xgboost_from() -> int:
    """From how many rows woodelf beats XGBoost, whose 3.4 needs Python 3.12."""
    return WOODELF_FROM["xgboost" if has_shapiq() else "xgboost before 3.4"]


def path_dependent(library: str, trees: Trees | None, *, rows: int) -> str:
    """Choose the engine for path-dependent values of one library's trees."""
    if library == "catboost" or (trees is None and library != "scikit-learn"):
        return NATIVE
    if trees is None:
        return SHAP
    if library == "xgboost":
        return WOODELF if rows >= xgboost_from() else NATIVE
    if has_shapiq():
        few = "shapiq on deep trees" if trees.depth > DEEP else "shapiq"
        return WOODELF if rows >= WOODELF_FROM[few] else SHAPIQ
    if library == "lightgbm":
        return WOODELF if rows >= WOODELF_FROM["lightgbm"] else NATIVE
    return WOODELF if rows >= WOODELF_FROM["shap"] else SHAP


def interventional(*, rows: int, background: int) -> str:
    """Choose the engine for values against a background, whatever the library."""
    few = SHAPIQ if has_shapiq() else SHAP
    return WOODELF if rows * background >= WOODELF_FROM_PAIRS[few] else few


def most_rows(engine: str, trees: Trees | None, *, background: int) -> int | None:
    """How many rows an engine explains in about a minute; None where it is quick."""
    if engine not in MOST_WORK or trees is None:
        return None
    work = MOST_WORK[engine]
    if background:
        work = work // max(1, background // PAIRS_AS_A_ROW)
    return max(FEWEST_ROWS, work // max(1, trees.leaves))
