"""The portfolio in numbers, counted by the database; each leads to its rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from governance import matrices
from governance.models import RiskMatrix
from governance.portfolio.asking import Moment, Place
from governance.portfolio.judging import ask, comparable, tables, values_at
from governance.portfolio.listing import SOON
from governance.portfolio.remembering import LONG, again

_CUBE = (
    "SELECT assessment_id IS NOT NULL AS assessed, tier, band, likelihood, impact,"
    " residual_likelihood, residual_impact,"
    " matrix_id::text = ANY(%(comparable)s::text[]) AS comparable,"
    " review_due_on < %(day)s AS overdue,"
    " review_due_on BETWEEN %(day)s AND %(soon)s AS soon, count(*) AS models"
    " FROM judged GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
)
_RUNNING = (
    "SELECT count(DISTINCT v.model_id) AS models FROM registry_deployment d"
    " JOIN registry_modelversion v ON v.id = d.version_id"
)


@dataclass(frozen=True)
class Move:
    """How many models a mitigation brings from one cell to another."""

    source: Place
    target: Place
    models: int


@dataclass(frozen=True)
class Figures:
    """All models, counted by their risk. Places are those of the matrix `shown`.

    `elsewhere` were assessed on other scales and stand in no cell. Models without an
    assessment count in `models` only: their tier, 1, is not a judgement.
    """

    shown: RiskMatrix
    models: int
    assessed: int
    elsewhere: int
    places: Mapping[Place, int]
    residual: Mapping[Place, int]
    moves: tuple[Move, ...]
    tiers: Mapping[int, int]
    bands: Mapping[str, int]
    overdue: int
    soon: int


def figures(moment: Moment) -> Figures:
    """Count everything that is judged, in one query, or say again what it gave.

    Raises `judging.NotTold`, `RiskMatrix.DoesNotExist`.
    """
    return again("figures", partial(_figures, moment), moment, window=LONG)


def _figures(moment: Moment) -> Figures:
    shown = matrices.current(at=moment.at)
    values = values_at(moment)
    values |= {"comparable": comparable(shown), "soon": moment.day + SOON}
    rows = ask(f"{tables(moment)}\n{_CUBE}", values)
    assessed = [row for row in rows if row["assessed"]]
    placed = [row for row in assessed if row["comparable"]]
    return Figures(
        shown=shown,
        models=_sum(rows),
        assessed=_sum(assessed),
        elsewhere=_sum(assessed) - _sum(placed),
        places=_by(placed, "likelihood", "impact"),
        residual=_by(_mitigated(placed), "residual_likelihood", "residual_impact"),
        moves=_moves(placed),
        tiers={tier: n for (tier,), n in _by(assessed, "tier").items()},
        bands={band: n for (band,), n in _by(assessed, "band").items()},
        overdue=_sum(row for row in assessed if row["overdue"]),
        soon=_sum(row for row in assessed if row["soon"]),
    )


def _sum(rows: Any) -> int:
    return sum(row["models"] for row in rows)


def _by(rows: Sequence[Mapping[str, Any]], *names: str) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        found[tuple(row[name] for name in names)] += row["models"]
    return found


def _mitigated(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["residual_likelihood"]]


def _moves(rows: Sequence[dict[str, Any]]) -> tuple[Move, ...]:
    """The most frequent first; who stays in the same cell does not move."""
    names = ("likelihood", "impact", "residual_likelihood", "residual_impact")
    counted = _by(_mitigated(rows), *names)
    moves = [
        Move((a, b), (c, d), n)
        for (a, b, c, d), n in counted.items()
        if (a, b) != (c, d)
    ]
    return tuple(
        sorted(moves, key=lambda move: (-move.models, move.source, move.target))
    )


def running(now: Moment) -> int:
    """How many models were ever reported to run."""
    (row,) = again("running", partial(ask, _RUNNING, {}), now, window=LONG)
    models: int = row["models"]
    return models
