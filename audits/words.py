"""Measurements as sentences, in the language that is active."""

from collections.abc import Iterable

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from audits.evaluators.base import Measurement
from audits.labels import measurement_label

MOST = 60
_COMPARES = ("_difference", "_ratio", "_p")


def sentences(measurements: Iterable[Measurement]) -> list[str]:
    """Say what speaks for the whole report: overall numbers, comparisons of groups.

    At most 60 sentences; every number stands in the report's measurements.
    """
    telling = [
        one for one in measurements if not one.group or one.name.endswith(_COMPARES)
    ]
    return [sentence(one) for one in telling[:MOST]]


def sentence(one: Measurement) -> str:
    """For example: Demographic parity difference (sex): 0.04 (95 % interval ...)."""
    name = measurement_label(one.name)
    if one.group:
        name = f"{name} ({one.group})"
    if one.value is None:
        return _("%(name)s: no value, %(why)s.") % {
            "name": name,
            "why": one.because.rstrip("."),
        }
    said = {"name": name, "value": _number(one.value)}
    if one.lower is None or one.upper is None:
        return _("%(name)s: %(value)s.") % said
    said |= {"lower": _number(one.lower), "upper": _number(one.upper)}
    return _("%(name)s: %(value)s (95 %% interval %(lower)s to %(upper)s).") % said


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return number_format(int(value))
    size = abs(value)
    if size < 0.001 or size >= 1e7:
        return (
            number_format(f"{value:.3g}")
            if size < 1e-4
            else number_format(value, decimal_pos=5)
        )
    return number_format(value, decimal_pos=3)
