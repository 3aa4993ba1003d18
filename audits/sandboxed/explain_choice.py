"""Which engine for how many rows: measured by tests/benchmarks/explaining.py."""

from importlib.util import find_spec

from audits.sandboxed.explain_trees import Trees

WOODELF, SHAPIQ, SHAP, NATIVE, EXACT = "woodelf", "shapiq", "shap", "native", "exact"
# woodelf pays for each tree once and little for each row. All engines cost in
# proportion to the leaves, so the number of rows decides, whatever the model's size.
WOODELF_FROM = {
    "xgboost": 4_400,
    "lightgbm": 3_700,
    "lightgbm without shapiq": 1_600,
    "shap": 1_700,
    "shapiq": 6_000,
    "shap on deep trees": 1_000,
}
# Beyond this depth shap's cost grows with the square of it, and woodelf's with the
# number of patterns of a path.
DEEP = 10
# Interventional, rows times background rows.
WOODELF_FROM_PAIRS = 30_000
# Leaves times rows that take about a minute on one core.
MOST_WORK = {SHAPIQ: 1_000_000_000, SHAP: 250_000_000, EXACT: 20_000_000}
MOST_WORK_BEHIND = 30_000_000_000
FEWEST_ROWS = 50


def has_shapiq() -> bool:
    """shapiq needs Python 3.12; its older versions are slower than shap."""
    return find_spec("shapiq") is not None


def path_dependent(library: str, trees: Trees | None, *, rows: int) -> str:
    """Choose the engine for path-dependent values of one library's trees."""
    if library == "catboost" or (trees is None and library != "scikit-learn"):
        return NATIVE
    if trees is None:
        return SHAP
    if library == "xgboost":
        return WOODELF if rows >= WOODELF_FROM["xgboost"] else NATIVE
    if library == "lightgbm":
        if has_shapiq():
            return WOODELF if rows >= WOODELF_FROM["lightgbm"] else SHAPIQ
        few = WOODELF_FROM["lightgbm without shapiq"]
        return WOODELF if rows >= few else NATIVE
    if trees.depth <= DEEP:
        return WOODELF if rows >= WOODELF_FROM["shap"] else SHAP
    if has_shapiq():
        return WOODELF if rows >= WOODELF_FROM["shapiq"] else SHAPIQ
    return WOODELF if rows >= WOODELF_FROM["shap on deep trees"] else SHAP


def interventional(*, rows: int, background: int) -> str:
    """Choose the engine for values against a background, whatever the library."""
    if rows * background >= WOODELF_FROM_PAIRS:
        return WOODELF
    return SHAPIQ if has_shapiq() else SHAP


def most_rows(engine: str, trees: Trees | None, *, background: int) -> int | None:
    """How many rows an engine explains in about a minute; None where it is quick."""
    if engine not in MOST_WORK or trees is None:
        return None
    work = MOST_WORK[engine]
    if background:
        work = work // max(1, background // 10)
    return max(FEWEST_ROWS, work // max(1, trees.leaves))
