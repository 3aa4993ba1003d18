"""What a rule may ask of the fields of a declaration: `where`, `required_fields`."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.declarable import Kind


def lacking(
    fields: Mapping[str, Any], names: list[str], kind: Kind | None
) -> list[str]:
    """The required fields that are empty, by their titles. False is an answer."""
    return [_title(kind, name) for name in names if fields.get(name) in (None, "", [])]


def broken(
    fields: Mapping[str, Any], where: Mapping[str, Any], kind: Kind | None
) -> Iterator[str]:
    """A sentence for each condition that does not hold, or cannot be evaluated."""
    for name, wanted in where.items():
        if not _holds(fields.get(name), wanted):
            yield _("%(field)s is “%(value)s”; the rule asks for %(wanted)s.") % {
                "field": _title(kind, name),
                "value": _shown(kind, name, fields.get(name)),
                "wanted": _wanted(kind, name, wanted),
            }


def _holds(value: Any, wanted: Any) -> bool:
    """Unknown operators and values of the wrong type never hold."""
    if not isinstance(wanted, Mapping):
        return value is not None and type(value) is type(wanted) and value == wanted
    return bool(wanted) and all(
        _compares(value, operator, limit) for operator, limit in wanted.items()
    )


def _compares(value: Any, operator: str, limit: Any) -> bool:
    if operator == "one_of":
        return value is not None and value in limit
    if operator == "includes":
        return isinstance(value, list) and set(limit) <= set(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if operator == "at_least":
        return bool(value >= limit)
    return operator == "at_most" and bool(value <= limit)


def _title(kind: Kind | None, name: str) -> str:
    field = kind.field(name) if kind else None
    return field.title if field else name


def _shown(kind: Kind | None, name: str, value: Any) -> str:
    field = kind.field(name) if kind else None
    if value is None:
        return _("not stated")
    return field.shown(value) if field else str(value)


def _wanted(kind: Kind | None, name: str, wanted: Any) -> str:
    if not isinstance(wanted, Mapping):
        return f"“{_shown(kind, name, wanted)}”"
    words = {
        "at_least": _("at least %(limit)s"),
        "at_most": _("at most %(limit)s"),
        "one_of": _("one of %(limit)s"),
        "includes": _("%(limit)s"),
    }
    return ", ".join(
        words[operator] % {"limit": _listed(kind, name, limit)}
        for operator, limit in wanted.items()
    )


def _listed(kind: Kind | None, name: str, limit: Any) -> str:
    if isinstance(limit, list):
        return ", ".join(_shown(kind, name, part) for part in limit)
    return str(limit)
