"""Checking a row before it is stored, with every wrong field named."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db.models import Model


class Refused(Exception):
    """What was sent cannot be registered; `errors` maps each field to its sentences."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{k}: {' '.join(v)}" for k, v in errors.items()))
        self.errors = {name: list(texts) for name, texts in errors.items()}


class AlreadyRegistered(Refused):
    """Something by that name exists already."""


def valid(row: Model, prefix: str = "") -> None:
    """Apply all validators and constraints of the row. Raises `Refused`.

    `prefix` stands before the names of the fields in the errors, such as `run/`.
    """
    try:
        row.full_clean()
    except ValidationError as error:
        raise Refused(
            {prefix + name: texts for name, texts in error.message_dict.items()}
        ) from error
