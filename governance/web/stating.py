"""The part of the signing form where a validator or approver states conditions."""

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.labels import measurement_label
from governance import conditions, findings
from governance.case import Case
from governance.conditions import Kind, Stated, UnusableCondition
from governance.web.numbers import NumberField

_DAY = forms.DateInput(attrs={"type": "date"})


class ConditionFields(forms.Form):
    """Mix-in of the form of a review or an approval: at most one of each kind.

    Make it with `case=`; after `is_valid`, `stated` is what the act takes. The act
    checks the terms again.
    """

    # Shown folded, while none is stated: most sign without.
    folded = (
        *("traffic", "regions", "finding", "finding_until", "measurement"),
        *("direction", "limit", "max_age_days", "last_day"),
    )
    folded_title = gettext_lazy("On conditions")

    traffic = NumberField(
        label=gettext_lazy("Only for this share of the traffic, in %"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("This and what follows are conditions; empty is none."),
    )
    regions = forms.CharField(
        label=gettext_lazy("Only in these regions"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Codes with commas, such as DE, AT, US-NY."),
    )
    finding = forms.ChoiceField(
        label=gettext_lazy("Only if this finding is closed"), required=False
    )
    finding_until = forms.DateField(
        label=gettext_lazy("closed until"), required=False, widget=_DAY
    )
    measurement = forms.ChoiceField(
        label=gettext_lazy("Only while this measurement"), required=False
    )
    direction = forms.ChoiceField(
        label=gettext_lazy("stays"),
        required=False,
        choices=[
            ("at_least", gettext_lazy("at least")),
            ("at_most", gettext_lazy("at most")),
        ],
    )
    limit = NumberField(label=gettext_lazy("this number"), required=False)
    max_age_days = forms.IntegerField(
        label=gettext_lazy("measured at least every so many days"),
        required=False,
        min_value=1,
        max_value=366,
    )

    last_day = forms.DateField(
        label=gettext_lazy("Not longer than until"),
        required=False,
        widget=_DAY,
        help_text=gettext_lazy("A review on conditions needs a last day."),
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        none = [("", _("none"))]
        self.stated: tuple[Stated, ...] = ()
        _choices(self, "finding", [*none, *_findings(case)])
        _choices(self, "measurement", [*none, *_measurements(case)])

    @property
    def unfolded(self) -> bool:
        """Whether a condition was stated, or refused: then all of them are seen."""
        return self.is_bound and any(
            name in self.errors or self.data.get(self.add_prefix(name))
            for name in self.folded
            if name != "direction"
        )

    def clean(self) -> dict[str, Any]:
        """Each condition is whole and can be checked, or it is none."""
        data = super().clean() or self.cleaned_data
        found: list[Stated] = []
        for field, kind, terms in _terms(data):
            try:
                found += conditions.read([{"kind": kind, "terms": terms}])
            except UnusableCondition as refusal:
                self.add_error(field, str(refusal))
        self.stated = tuple(found)
        return data


def _choices(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    cast("forms.ChoiceField", form.fields[name]).choices = choices


def _findings(case: Case) -> Iterator[tuple[str, str]]:
    for row in findings.open_of(case.version, case.at):
        yield str(row.finding.pk), row.finding.title


def _measurements(case: Case) -> Iterator[tuple[str, str]]:
    """Of the newest reports: what was measured here can be measured again."""
    for kind, report in case.reports.items():
        names = dict.fromkeys(row.name for row in report.measurements.all())
        for name in names:
            label = f"{report.run.get_kind_display()}: {measurement_label(name)}"
            yield f"{kind} {name}", label


def _terms(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The field that a refusal stands beside, the kind, and its terms."""
    if data.get("traffic") is not None:
        yield "traffic", Kind.TRAFFIC, {"at_most_percent": data["traffic"]}
    if data.get("regions"):
        names = [part.strip().upper() for part in data["regions"].split(",")]
        yield "regions", Kind.REGION, {"regions": [name for name in names if name]}
    if data.get("finding") or data.get("finding_until"):
        until = data.get("finding_until")
        day = {"until": until.isoformat()} if until else {}
        yield (
            "finding",
            Kind.FINDING_CLOSED,
            {"finding": data.get("finding", ""), **day},
        )
    asked = (data.get("limit"), data.get("max_age_days"))
    if data.get("measurement") or any(value is not None for value in asked):
        yield "measurement", Kind.METRIC, _metric(data)
    if data.get("last_day"):
        yield "last_day", Kind.UNTIL, {"until": data["last_day"].isoformat()}


def _metric(data: dict[str, Any]) -> dict[str, Any]:
    kind, _space, name = data.get("measurement", "").partition(" ")
    limits = {data.get("direction") or "at_least": data.get("limit")}
    terms = {**limits, "max_age_days": data.get("max_age_days")}
    known = {key: value for key, value in terms.items() if value is not None}
    return {"kind": kind, "measurement": name, **known}
