"""How templates write times, digests and risk: the same everywhere."""

from datetime import date, datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.labels import measurement_label
from governance.models import RiskAssessment
from governance.models.risk import Band

register = template.Library()


@register.simple_tag
def when(value: datetime | None, missing: str = "") -> SafeString | str:
    """A moment as day and time in UTC, readable by machines too."""
    if value is None:
        return missing
    at = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} {}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        date_format(at, "DATE_FORMAT"),
        at.strftime("%H:%M"),
    )


@register.simple_tag
def day(value: date | datetime | None, missing: str = "") -> SafeString | str:
    """A day, readable by machines too."""
    if value is None:
        return missing
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return format_html(
        '<time datetime="{}">{}</time>',
        value.isoformat(),
        date_format(value, "DATE_FORMAT"),
    )


@register.simple_tag
def digest(sha256: str) -> SafeString:
    """A SHA-256 digest, shortened; the whole of it on pointing."""
    return format_html('<code title="{}">{}…{}</code>', sha256, sha256[:8], sha256[-4:])


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
def number(value: float | None) -> str:
    """A measured value with three decimals; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3f}"
