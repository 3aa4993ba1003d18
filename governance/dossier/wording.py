"""How the dossier writes times, digests, numbers and long texts: template filters."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from governance.dossier.content import Measured
from governance.dossier.facts import moment_text

LONGEST_TEXT = 6_000
LONGEST_NAME = 80
MOST_LINES = 300  # of a table on paper; dossier.json has them all
register = template.Library()


@register.filter
def moment(value: datetime | None) -> str:
    """Date and time with the zone (21 CFR 11.50), a dash for none."""
    return "–" if value is None else moment_text(value)


@register.filter
def digest(value: str) -> SafeString | str:
    """A digest in full, which may break after every 16 digits."""
    if not value:
        return "–"
    parts = ((value[i : i + 16],) for i in range(0, len(value), 16))
    return format_html(
        '<code class="digest">{}</code>', format_html_join("", "{}<wbr>", parts)
    )


@register.filter
def number(value: float | int | str | None) -> str:
    """A number with three decimals, or more where they would all be zero."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (value.is_integer() and abs(value) >= 10):
        return str(number_format(int(value), force_grouping=True))
    if value and abs(value) < 0.001:
        return str(number_format(f"{value:.2g}"))
    places = 3 if abs(value) < 1000 else 0
    return str(number_format(round(value, places), places, force_grouping=True))


@register.filter
def at(values: Mapping[str, int], name: str) -> int:
    """The value of this name, such as the number of a section."""
    return values[name]


@register.filter
def interval(measured: Measured) -> str:
    """The limits of an interval, a dash for none."""
    if measured.lower is None or measured.upper is None:
        return "–"
    return f"{number(measured.lower)}–{number(measured.upper)}"


@register.filter
def by_role(
    columns: tuple[tuple[str, str, str], ...],
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Columns of a data set, (name, type) under each role."""
    roles: dict[str, list[tuple[str, str]]] = {}
    for name, kind, role in columns:
        roles.setdefault(role, []).append((name, kind))
    return list(roles.items())


@register.filter
def size(value: int) -> str:
    """A number of bytes in the unit that reads best."""
    if value < 1024:
        return _("%(count)s bytes") % {"count": value}
    step = min(int(math.log(value, 1024)), 3)
    # Rounded first: number_format cuts digits off.
    shown = number_format(round(value / 1024**step, 1), 1)
    return f"{shown} {['KiB', 'MiB', 'GiB'][step - 1]}"


@register.filter
def cut(value: str, longest: int = LONGEST_TEXT) -> str:
    """A long text as far as it is printed; dossier.json has the whole of it."""
    if len(value) <= longest:
        return value
    left = len(value) - longest
    return value[:longest].rstrip() + _(
        " … [cut here: %(count)s more characters in dossier.json]"
    ) % {"count": left}


@register.filter
def brief(value: str) -> str:
    """A name for running titles and headings, which must stay short."""
    line = " ".join(value.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


@register.filter
def leading(rows: Sequence[Any]) -> Sequence[Any]:
    """The rows of a long table that stand on paper."""
    return rows[:MOST_LINES]


@register.filter
def beyond(rows: Sequence[Any]) -> int:
    """How many rows stand in dossier.json only."""
    return max(0, len(rows) - MOST_LINES)
