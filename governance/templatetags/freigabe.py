"""How templates write times, digests and risk: the same everywhere."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from audits.labels import measurement_label
from governance import signatures, stepups
from governance.dossier.request import AUTHORISATION, PORTFOLIO
from governance.dossier.variants import title_of_variant
from governance.evidence_types import title_of
from governance.models import RecordSignature, RiskAssessment, Signature
from governance.models.risk import Band

# Below it, three decimals would show nothing.
SMALLEST = 0.0005
register = template.Library()
_SHA256 = re.compile(r"\b([0-9a-f]{64})\b")


def short_day() -> str:
    """How a day is written in the reader's language, in Django's format letters."""
    return pgettext("date format", "j M Y")


def short(day: date) -> str:
    """A day in the reader's language, within a sentence; of a moment in their zone."""
    if isinstance(day, datetime):
        day = timezone.localtime(day).date()
    return date_format(day, short_day())


@register.filter
def kind_of_dossier(name: str) -> str:
    """What a variant of a dossier is called."""
    others = {
        PORTFOLIO: _("Portfolio dossier"),
        AUTHORISATION: _("Dossier of an authorisation"),
    }
    return others.get(name) or title_of_variant(name)


@register.filter
def holds(signature: Signature | RecordSignature) -> bool:
    """Whether the signature is the one that was given, on the record it stands at."""
    return signatures.holds(signature)


@register.simple_tag
def single_sign_on() -> bool:
    """Whether people may log in at an identity provider."""
    return stepups.configured()


@register.simple_tag
def when(value: datetime | None, missing: str = "") -> SafeString | str:
    """A moment as day and time in the reader's zone, which is named where it is not
    UTC; readable by machines too, and in UTC on pointing."""
    if value is None:
        return missing
    at, exact = timezone.localtime(value), timezone.localtime(value, UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} {}{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        date_format(at, short_day()),
        at.strftime("%H:%M"),
        "" if at.tzname() == "UTC" else f" {at.tzname()}",
    )


@register.simple_tag
def day(value: date | datetime | None, missing: str = "") -> SafeString | str:
    """A day, readable by machines too."""
    if value is None:
        return missing
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), short(value))


@register.filter
def plainly(value: object) -> object:
    """A fact of any kind: moments and days as everywhere, all else as it is."""
    if isinstance(value, datetime):
        return when(value)
    return day(value) if isinstance(value, date) else value


@register.simple_tag
def digest(sha256: str) -> SafeString:
    """A SHA-256 digest, shortened; the whole of it on pointing."""
    return format_html('<code title="{}">{}…{}</code>', sha256, sha256[:8], sha256[-4:])


@register.filter
def digests(text: str) -> SafeString:
    """A sentence in which every SHA-256 digest is shortened."""
    parts = _SHA256.split(text)
    return format_html_join(
        "",
        "{}",
        ((digest(part) if i % 2 else part,) for i, part in enumerate(parts)),
    )


@register.simple_tag
def risk(assessment: RiskAssessment | None, missing: str = "") -> SafeString | str:
    """The band of an assessment with its number."""
    if assessment is None:
        return missing
    return band(assessment.band, assessment.score)


@register.simple_tag
def band(value: str, number: int) -> SafeString:
    """A band in its colour, with a number."""
    return format_html(
        '<span class="band {}">{} {}</span>', value, Band(value).label, number
    )


@register.filter
def percent(value: float | None) -> int:
    """A share from 0 to 1 as whole percent."""
    return round(100 * (value or 0.0))


@register.filter
def measurement(name: str) -> str:
    """The name of a measurement for people."""
    return measurement_label(name)


@register.filter
def evidence_type(name: str) -> str:
    """The title of a type of evidence for people."""
    return title_of(name)


@register.filter
def number(value: float | None) -> str:
    """A measured value with three decimals; a dash where there is none.

    What would be rounded to nothing is said to be smaller, as a p value often is.
    """
    if value is None:
        return "–"
    if 0 < abs(value) < SMALLEST:
        sign, bound = ("<", 0.001) if value > 0 else (">", -0.001)
        return f"{sign} {number_format(bound, decimal_pos=3)}"
    whole = float(value).is_integer() and value != 1
    places = 0 if whole else 3
    # Django's number_format cuts digits off instead of rounding: round before.
    return number_format(Decimal(f"{value:.{places}f}"), decimal_pos=places)


@register.filter
def plain_cell(value: object) -> object:
    """A cell of a chart's table: decimals as other numbers, a dash for nothing."""
    return number(value) if value is None or isinstance(value, float) else value


@register.simple_tag
def cost(value: dict[str, Any]) -> str:
    """What an evidence run cost, in words."""
    said = _("%(seconds)s seconds, %(rows)s rows") % {
        "seconds": number_format(value.get("seconds", 0), 1),
        "rows": number_format(value.get("rows", 0), 0, force_grouping=True),
    }
    if peak := value.get("peak_memory_bytes"):
        said += ", " + _("at most %(mebibytes)s MiB in the sandbox") % {
            "mebibytes": number_format(peak / 2**20, 0, force_grouping=True)
        }
    if value.get("parts", 1) > 1:
        said += ", " + _("%(parts)s parts") % {"parts": value["parts"]}
    return said
