"""The inventory as a file for spreadsheets, sent while it is read."""

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from governance import portfolio
from governance.portfolio import FilterForm, Moment
from governance.web.frame import PersonRequest, page, show

# Before what a spreadsheet takes for a formula (OWASP, CSV injection), also in full
# width; and behind what separates cells or rows where a comma is part of a number.
# Nothing of the text is lost.
_BEFORE_FORMULA = re.compile(
    r"^(?=[ \u00a0]*[=+\-@\t\r\n＝＋－＠])"
    r'|(?<=[;\t\r\n])(?=[ \u00a0"]*[=+\-@＝＋－＠])'
)
HEAD = (
    "slug",
    "name",
    "tier",
    "computed_tier",
    "risk",
    "score",
    "likelihood",
    "impact",
    "residual_risk",
    "residual_score",
    "residual_likelihood",
    "residual_impact",
    "review_due_on",
    "owner",
    "owner_username",
    "unit",
    "ai_act_class",
    "jurisdictions",
    "vendor",
    "ai_system",
    "registered_at",
    "as_of",
)


@page
def inventory_csv(request: PersonRequest) -> HttpResponseBase:
    """All models that the filter lets through, in its order, as of one moment."""
    form = FilterForm(request.GET)
    if not form.is_valid():
        return show(
            request,
            "inventory/not_exported.html",
            {"form": form},
            section="models",
            status=400,
        )
    wish = form.wish()
    moment = portfolio.moment_of(wish, now=timezone.now())
    try:
        # Looked at before anything is sent: what cannot be told is no half file.
        rows = portfolio.every(wish, moment)
        answer = StreamingHttpResponse(
            written(rows, moment), content_type="text/csv; charset=utf-8"
        )
    except portfolio.NotTold:
        context = {"form": form, "not_told": True}
        return show(
            request,
            "inventory/not_exported.html",
            context,
            section="models",
            status=409,
        )
    name = f"models-{moment.day.isoformat()}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


class _Line:
    """What a CSV writer writes to: it gives the line back."""

    def write(self, text: str) -> str:
        return text


def written(rows: Iterator[Mapping[str, Any]], moment: Moment) -> Iterator[str]:
    """The lines of the file, with the mark by which Excel knows UTF-8."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(HEAD)
    for row in rows:
        yield writer.writerow([safe(value) for value in _cells(row, moment)])


def safe(value: object) -> object:
    """A value that no spreadsheet computes; numbers stay numbers."""
    return _BEFORE_FORMULA.sub("'", value) if isinstance(value, str) else value


def _cells(row: Mapping[str, Any], moment: Moment) -> Iterator[object]:
    assessed = row["assessment_id"] is not None
    yield from (row["slug"], row["name"])
    yield from (row["tier"], row["computed_tier"]) if assessed else ("", "")
    yield from (row[name] for name in ("band", "score", "likelihood", "impact"))
    yield from (row[f"residual_{name}"] for name in _RESIDUAL)
    yield row["review_due_on"]
    yield " ".join(filter(None, (row["first_name"], row["last_name"])))
    yield from (row["username"], row["unit"], row["ai_act_class"])
    yield from (" ".join(row["jurisdictions"]), row["vendor"], row["ai_system"])
    yield from (row["registered_at"].isoformat(), moment.at.isoformat())


_RESIDUAL = ("band", "score", "likelihood", "impact")
