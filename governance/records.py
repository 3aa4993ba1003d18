"""Checking a row before it is stored, with every wrong field named."""

import unicodedata
from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation

# Explicit marks of direction (UAX #9, 2): they make a text look like another one.
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


class Refused(Exception):
    """What was sent cannot be registered; `errors` maps each field to its sentences."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{k}: {' '.join(v)}" for k, v in errors.items()))
        self.errors = {name: list(texts) for name, texts in errors.items()}


class AlreadyRegistered(Refused):
    """Something by that name exists already."""


def valid(row: Model, prefix: str = "", unset: Sequence[str] = ()) -> None:
    """Apply all validators and constraints of the row. Raises `Refused`.

    `prefix` stands before the names of the fields in the errors, such as `run/`.
    `unset` names fields that are empty by right, which only the database checks.
    """
    try:
        row.full_clean(exclude=unset)
    except ValidationError as error:
        raise _kind(error, prefix)(
            {prefix + name: texts for name, texts in error.message_dict.items()}
        ) from error


def _kind(error: ValidationError, prefix: str) -> type[Refused]:
    """A twin stored since the act looked is a conflict, not a wrong field."""
    codes = {part.code for parts in error.error_dict.values() for part in parts}
    twin = codes <= {"unique", "unique_together"} and not prefix
    return AlreadyRegistered if twin else Refused


def insert(row: Model, taken: Mapping[str, Sequence[str]]) -> None:
    """Store a new row; a twin stored at the same moment was first.

    Raises `AlreadyRegistered` with the errors `taken`.
    """
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise AlreadyRegistered(taken) from error


def require_printable(texts: Mapping[str, str]) -> None:
    """Refuse what a reader cannot see, or sees in another order: control characters,
    line separators, and marks that turn the direction of text. Raises `Refused`.
    """
    errors = {
        name: [_("Control characters cannot be kept in this field.")]
        for name, text in texts.items()
        if any(_hides(sign) for sign in text)
    }
    if errors:
        raise Refused(errors)


def _hides(sign: str) -> bool:
    hidden = unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")
    return hidden or unicodedata.bidirectional(sign) in _TURNS
