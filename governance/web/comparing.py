"""The page that compares two versions of a model."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import findings
from governance.case import Case
from governance.web import compared
from governance.web.frame import PersonRequest, page, show
from governance.web.listing import latest_status, status_in
from governance.web.model_page import newest_versions
from governance.web.readings import limits_of
from governance.web.versions import choose_environment
from registry.models import ModelVersion, RegisteredModel

OFFERED = 50


class ChoiceForm(forms.Form):
    """Which two versions; the older one is on the left unless asked otherwise."""

    a = forms.ChoiceField(label=_("Version"))
    b = forms.ChoiceField(label=_("compared with"))

    def __init__(self, versions: Sequence[ModelVersion], *args: Any) -> None:
        super().__init__(*args)
        choices = [(v.version, v.version) for v in versions]
        for field in self.fields.values():
            cast("forms.ChoiceField", field).choices = choices


@page
def compare(request: PersonRequest, slug: str) -> HttpResponse:
    """Two versions side by side; without a choice the newest two."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    offered = newest_versions(model, OFFERED)
    pair = _pair(request, model, offered)
    shown = {"a": pair[0].version, "b": pair[1].version} if pair else {}
    known = {v.pk: v for v in (*offered, *(pair or ()))}
    context = _compared(*pair) if pair else {}
    return show(
        request,
        "inventory/compare.html",
        {"model": model, "form": ChoiceForm([*known.values()], shown), **context},
        section="models",
    )


def _pair(
    request: PersonRequest, model: RegisteredModel, offered: Sequence[ModelVersion]
) -> tuple[ModelVersion, ModelVersion] | None:
    """The versions asked for, or the newest two; None where there are not two."""
    if "a" in request.GET or "b" in request.GET:
        rows = model.versions.select_related("model", "developer", "run")
        rows = rows.annotate(status=latest_status())
        named = [
            get_object_or_404(rows, version=request.GET.get(side, "").replace("\0", ""))
            for side in ("a", "b")
        ]
        return named[0], named[1]
    return (offered[1], offered[0]) if len(offered) > 1 else None


def _compared(before: ModelVersion, after: ModelVersion) -> dict[str, object]:
    at = timezone.now()
    environment = choose_environment("")
    case = Case(after, environment, at) if environment else None
    asked = compared.submitted([before, after])
    left, right = asked.get(before.pk), asked.get(after.pk)
    open_ones = findings.open_by([before, after], at)
    return {
        "before": before,
        "after": after,
        "statuses": [status_in(before), status_in(after)],
        "record": compared.record(before, after),
        "evidence": compared.evidence(before, after, limits_of(case)),
        "artifacts": compared.artifacts(before, after),
        "data": compared.data(before, after),
        "asked": [left, right],
        "packs": compared.packs(left, right),
        "findings": [open_ones[before.pk], open_ones[after.pk]],
    }
