"""Local Law 144's public summary as a table for machines, and as a page to publish."""

import csv
import io
from pathlib import Path

from django.conf import settings
from django.template import Context, Engine

from audits.charts import legible
from governance.dossier.content import Content
from governance.dossier.hiring import Line, PublicTable, summary_of
from governance.dossier.reading import line, number

HEAD = (
    "table",
    "measure",
    "features",
    "category",
    "applicants",
    "selected_or_above_median",
    "rate",
    "impact_ratio",
    "share_of_sample",
    "below_2_percent",
    "excluded",
    "unknown_in_table",
)
_TEMPLATES = Path(settings.BASE_DIR) / "templates"


def table(said: Content) -> bytes | None:
    """All categories as CSV (RFC 4180), numbers as in dossier.json."""
    summary = summary_of(said)
    if summary is None:
        return None
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for item in summary.tables:
        writer.writerows(_row(item, row) for row in item.lines)
    return out.getvalue().encode()


def _row(item: PublicTable, row: Line) -> tuple[str, ...]:
    category = row.category
    return (
        item.axis,
        item.table.measure,
        _cell(", ".join(item.table.features)),
        _cell(category.category),
        str(category.n),
        str(category.selected),
        number(category.rate),
        "n/a" if row.impact_ratio is None else number(row.impact_ratio),
        number(category.share_of_sample),
        "yes" if category.below_2_percent else "no",
        "yes" if row.excluded else "no",
        str(item.table.unknown),
    )


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    flat = line(str(legible(text)))
    return f"'{flat}" if flat[0] in "=+-@" else flat


def page(said: Content) -> bytes | None:
    """The summary as one HTML file without scripts, to put on the employer's site."""
    summary = summary_of(said)
    if summary is None:
        return None
    engine = Engine(
        dirs=[str(_TEMPLATES)],
        builtins=["governance.dossier.wording"],
        libraries={"i18n": "django.templatetags.i18n"},
    )
    context = Context({"s": summary, "c": said})
    html = engine.get_template("dossier/ll144_page.html").render(context)
    return str(legible(html)).encode()
