"""Reading JSON strictly: only what can be stored, rendered and signed comes in."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

DEPTH = 32


class Unreadable(Exception):
    """The JSON holds something that cannot be kept; `pointer` says where (RFC 6901)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.pointer = ""


class StrictJSONParser(JSONParser):
    """JSON without NUL, lone surrogates, endless numbers or bottomless nesting, and
    with each name once: of two, one reader takes the first and another the last."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The body's value. Raises `ParseError`, or `ValidationError` at a place."""
        try:
            value = json.loads(
                stream.read().decode(), parse_constant=_finite, object_pairs_hook=_once
            )
            require_readable(value)
        except RecursionError as error:
            raise ParseError(_too_deep()) from error
        except ValueError as error:
            raise ParseError(
                _("JSON parse error - %(why)s") % {"why": error}
            ) from error
        except Unreadable as error:
            if not error.pointer:
                raise ParseError(str(error)) from error
            raise ValidationError({error.pointer[1:]: [str(error)]}) from error
        return value


def _finite(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def read(text: str, *, field: str) -> Any:
    """The value of JSON text sent in a form's field. Raises `ValidationError`."""
    try:
        value = json.loads(text)
        require_readable(value)
    except RecursionError as error:
        raise ValidationError({field: [_too_deep()]}) from error
    except ValueError as error:
        raise ValidationError({field: [_("This is no valid JSON.")]}) from error
    except Unreadable as error:
        raise ValidationError({field + error.pointer: [str(error)]}) from error
    return value


def require_readable(value: object, depth: int = 0) -> None:
    """Refuse what would fail later, deep inside an act. Raises `Unreadable`."""
    if isinstance(value, str):
        _require_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Unreadable(_("This is no finite number."))
    elif isinstance(value, (dict, list)):
        if depth == DEPTH:
            raise Unreadable(_too_deep())
        for name in value if isinstance(value, dict) else ():
            _require_text(name)
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in parts:
            try:
                require_readable(part, depth + 1)
            except Unreadable as error:
                step = str(name).replace("~", "~0").replace("/", "~1")
                error.pointer = f"/{step}{error.pointer}"
                raise


def _require_text(text: str) -> None:
    if "\x00" in text:
        raise Unreadable(_("A NUL character cannot be stored."))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unreadable(
            _("Half of a surrogate pair (U+D800 to U+DFFF) is not text.")
        ) from error


def _too_deep() -> str:
    return _("The JSON is nested more than %(depth)s levels deep.") % {"depth": DEPTH}
