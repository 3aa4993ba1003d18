"""What somebody wants to see of the portfolio: filter, order, columns and day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance.models import Status
from governance.models.risk import Band

SORTS = ("name", "risk", "tier", "owner", "review", "registered")
# Each column of the table by its key; the model itself always stands first.
COLUMNS = {
    "risk": _("Risk"),
    "residual": _("Residual risk"),
    "tier": _("Tier"),
    "versions": _("Versions"),
    "permitted": _("Authorised until"),
    "owner": _("Owner"),
    "unit": _("Unit"),
    "review": _("Review due"),
    "ai_act": _("EU AI Act"),
    "jurisdictions": _("Jurisdictions"),
    "vendor": _("Vendor"),
    "registered": _("Registered"),
}
USUAL = ("risk", "tier", "versions", "permitted", "owner")

Place = tuple[int, int]


@dataclass(frozen=True)
class Wish:
    """What is asked for; empty means everything.

    `cell` and `residual` are likelihood and impact, before and after mitigation, on
    the scales of the matrix that is shown; `elsewhere` are those assessed on others.
    `at` is the end of a past day, None now.
    """

    text: str = ""
    slug: str = ""
    tier: int | None = None
    band: str = ""
    status: str = ""
    owner: str = ""
    review: str = ""
    cell: Place | None = None
    residual: Place | None = None
    elsewhere: bool = False
    assessed: bool | None = None
    sort: str = "name"
    at: datetime | None = None


@dataclass(frozen=True)
class Moment:
    """For when something is told; `past` is False for this moment.

    Of a past day its end in UTC counts: nothing that came later.
    """

    at: datetime
    past: bool = False

    @property
    def day(self) -> date:
        """The day in UTC."""
        return self.at.date()


def moment_of(wish: Wish, *, now: datetime) -> Moment:
    """When the wish is about."""
    return Moment(wish.at, past=True) if wish.at else Moment(now)


def end_of(day: date) -> datetime:
    """The last instant of a day in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) - timedelta(
        microseconds=1
    )


class PastDay(forms.DateField):
    """A day that is over, in UTC; today and later are refused."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_error_messages = {
        "not_over": _("This day is not over yet. Leave the day empty to see today."),
    }

    def validate(self, value: Any) -> None:
        """Refuse days that are not over."""
        super().validate(value)
        if isinstance(value, date) and value >= timezone.now().date():
            raise forms.ValidationError(
                self.error_messages["not_over"], code="not_over"
            )


class DayForm(forms.Form):
    """For which day a page is shown."""

    as_of = PastDay(label=_("As of"), required=False)

    def at(self) -> datetime | None:
        """The end of the past day that was asked for, else None."""
        day = self.cleaned_data.get("as_of") if self.is_valid() else None
        return end_of(day) if day else None


class FilterForm(DayForm):
    """What to list, of page and API alike. What does not exist is refused."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    tier = forms.TypedChoiceField(
        label=_("Tier"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("all")), *((n, str(n)) for n in range(1, 5))],
    )
    band = forms.ChoiceField(
        label=_("Risk"), required=False, choices=[("", _("all")), *Band.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("all")), *Status.choices]
    )
    review = forms.ChoiceField(
        label=_("Risk review"),
        required=False,
        choices=[
            ("", _("all")),
            ("overdue", _("overdue")),
            ("soon", _("due within 30 days")),
            ("missing", _("never assessed")),
        ],
    )
    owner = forms.CharField(
        required=False, max_length=150, widget=forms.HiddenInput, label=_("Owner")
    )
    cell = forms.RegexField(r"^[1-6]x[1-6]\Z", required=False, widget=forms.HiddenInput)
    residual = forms.RegexField(
        r"^[1-6]x[1-6]\Z", required=False, widget=forms.HiddenInput
    )
    scales = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=[("other", _("on other scales"))],
    )
    sort = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")],
    )
    field_order = ("q", "tier", "band", "status", "review", "as_of")

    def wish(self) -> Wish:
        """What was asked for; without a valid question, everything."""
        return _wish(self.cleaned_data) if self.is_valid() else Wish()


def _wish(data: Mapping[str, Any]) -> Wish:
    return Wish(
        text=data["q"],
        tier=data["tier"],
        band=data["band"],
        status=data["status"],
        owner=data["owner"],
        review="" if data["review"] == "missing" else data["review"],
        assessed=False if data["review"] == "missing" else None,
        cell=_place(data["cell"]),
        residual=_place(data["residual"]),
        elsewhere=data["scales"] == "other",
        sort=data["sort"] or "name",
        at=end_of(data["as_of"]) if data["as_of"] else None,
    )


def _place(text: str) -> Place | None:
    if not text:
        return None
    likelihood, impact = text.split("x")
    return int(likelihood), int(impact)


def columns_of(names: list[str]) -> tuple[str, ...]:
    """The chosen columns in the order of the table; the usual ones without a choice."""
    chosen = tuple(name for name in COLUMNS if name in names)
    return chosen or USUAL
