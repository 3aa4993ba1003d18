"""The tier of every model at once, in the database, for this moment or a past day.

`governance.risk` judges; `judged.sql` says the same of many, so that no page reads all
rows. Pages that show a row hold the two against each other, see `listing`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import connection

from audits.models import Archive, Entry
from governance import matrices
from governance.floors import EU, MATERIAL
from governance.models import RiskMatrix
from governance.portfolio.asking import Moment
from governance.risk import JUDGED_FIELDS

_HERE = Path(__file__).parent
# Only what was judged is told as JSON: the texts beside it are long.
_JUDGED = (
    (_HERE / "judged.sql")
    .read_text("utf-8")
    .replace("{judged_fields}", ", ".join(f"r.{name}" for name in JUDGED_FIELDS))
)
_NOW = (_HERE / "record_now.sql").read_text("utf-8")
_THEN = (_HERE / "record_then.sql").read_text("utf-8")
_NAMED = re.compile(r"%\((\w+)\)s")
_WANTED = re.compile(r"\{wanted:([a-z_.]+)\}")

Values = Mapping[str, Any]
Rows = list[dict[str, Any]]


class NotTold(Exception):
    """The log of that time lies in an archive, so that records cannot be told."""


def tables(moment: Moment, *, wanted: str = "") -> str:
    """The beginning of a query that reads from `record` and `judged`.

    Needs the values of `values_at`. Where only some models need be judged, `wanted` is
    a query for their keys; what they feed is judged with them.
    """
    record = _THEN if moment.past else _NOW
    judged = _WANTED.sub(
        r"\1 IN (SELECT id FROM wanted)" if wanted else "true", _JUDGED
    )
    tables = ["WITH RECURSIVE " + record, judged]
    if wanted:
        fed = "SELECT model_id FROM registry_modelfeed"
        tables.append(f"wanted(id) AS MATERIALIZED ({wanted} UNION {fed})")
    return ",\n".join(tables)


def values_at(moment: Moment) -> dict[str, Any]:
    """What `tables` needs. Raises `NotTold`."""
    if moment.past:
        _require_told(moment)
    return {
        "at": moment.at,
        "day": moment.day,
        "known_until": moment.at if moment.past else "infinity",
        "cells": json.dumps(list(_cells(moment))),
        "eu": sorted(EU),
        "material": [str(value) for value in MATERIAL],
        "judged_fields": list(JUDGED_FIELDS),
    }


def _require_told(moment: Moment) -> None:
    """Past records are today's without the later changes: all of those must be here."""
    if not Archive.objects.exists():
        return
    first = Entry.objects.order_by("entry_id").first()
    if first is None or first.occurred_at > moment.at:
        raise NotTold


def _cells(moment: Moment) -> Iterator[dict[str, Any]]:
    """What each cell of each matrix gives now: by itself and by its successor."""
    rows = list(RiskMatrix.objects.all())
    for row in rows:
        frozen = matrices.of(row)
        try:
            now = matrices.of(matrices.in_force(row.slug, rows, at=moment.at))
        except RiskMatrix.DoesNotExist:  # published later: nothing was assessed on it
            now = frozen
        same = now.same_axes(frozen)
        for (likelihood, impact), cell in frozen.cells.items():
            other = now.cells[likelihood, impact].tier if same else cell.tier
            yield {
                "matrix_id": str(row.pk),
                "same": same,
                "likelihood": likelihood,
                "impact": impact,
                "tier": min(cell.tier, other),
            }


def comparable(shown: RiskMatrix) -> list[str]:
    """The matrices on whose scales a place means the same as on this one."""
    table = matrices.of(shown)
    rows = RiskMatrix.objects.all()
    return [str(row.pk) for row in rows if matrices.of(row).same_axes(table)]


def ask(statement: str, values: Values) -> Rows:
    """The rows that a statement gives, by the names of their columns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def ask_slowly(statement: str, values: Values) -> Iterator[dict[str, Any]]:
    """The same row by row, of one state of the database, for what is long."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        names = None
        for row in cursor:
            names = names or [column.name for column in cursor.description]
            yield dict(zip(names, row, strict=True))


def positional(statement: str, values: Values) -> tuple[str, Sequence[Any]]:
    """A statement as `RawSQL` takes it: its values in the order of their places."""
    names = _NAMED.findall(statement)
    return _NAMED.sub("%s", statement), [values[name] for name in names]
