"""From content to PDF/A-3a: templates, vector graphics, a child that sets them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.utils.translation import gettext as _

from audits.charts import legible
from governance.dossier.checking import check_url, qr_svg
from governance.dossier.collect import Collected
from governance.dossier.figures import svg_of
from governance.dossier.pages import pages_of
from governance.dossier.request import PARTS
from governance.dossier.sections import Section
from governance.dossier.setting import Job, Set, typeset

# Which sections the parts of a dossier have that is too large for one file.
_PART_OF = {
    **dict.fromkeys(
        (
            *("scope", "inventory", "risk", "validation", "oversight", "policy"),
            *("approvals", "authorisations", "changes", "exceptions", "privacy"),
            "third_parties",
        ),
        1,
    ),
    **dict.fromkeys(("trail", "annexes"), 3),
}
_ANYWHERE = "summary"
_TEMPLATES = Path(settings.BASE_DIR) / "templates"
_SCHEME = "dossier:"
_SVG = "image/svg+xml"
CHECK = "check.svg"
# Characters. WeasyPrint 70 breaks a grid within a cell for minutes, or wrongly.
_LONG = 700
_FACTS = re.compile(r'<dl class="facts([^"]*)">(.*?)</dl>', re.DOTALL)
_TEXT = re.compile(r"<dd[^>]*>")


def html_of(context: Mapping[str, Any]) -> str:
    """The document as HTML, every text escaped."""
    engine = Engine(
        dirs=[str(_TEMPLATES)],
        builtins=["governance.dossier.wording"],
        libraries={"i18n": "django.templatetags.i18n"},
    )
    name = str(context.get("page", "dossier/dossier.html"))
    page = engine.get_template(name).render(Context(context))
    return _FACTS.sub(_flowing, str(legible(page)))


def _flowing(found: re.Match[str]) -> str:
    """A list of facts; one with a long text is no grid, so that pages break in it."""
    kind, inside = found.groups()
    if all(len(text) <= _LONG for text in _TEXT.split(inside)):
        return found[0]
    return f'<dl class="facts{kind} long">{inside}</dl>'


def render(
    collected: Collected,
    *,
    part: int = 0,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Set:
    """The PDF of the content with all its files, in the language that is active.

    The same content gives the same bytes, as long as fonts and WeasyPrint are the
    same. `part` of `PARTS` prints some sections only; all files are attached to
    each. Raises what `setting.typeset` raises; `on_progress` hears shares from 0 to 1.
    """
    job = job_of(collected, part=part)
    on_progress(0.3)
    return typeset(job, on_progress=on_progress)


def job_of(collected: Collected, *, part: int = 0) -> Job:
    """The document as it is given to the child: HTML, CSS, figures, attachments."""
    pages = pages_of(collected)
    control = collected.content.control
    files = {
        item.facts.name: (item.body, item.facts.media_type) for item in collected.files
    }
    for drawing in pages.drawings:
        svg = svg_of(drawing.chart, language=control.language).encode()
        files[drawing.url.removeprefix(_SCHEME)] = (svg, _SVG)
    address = check_url(collected.document.facts.sha256)
    files[CHECK] = (qr_svg(address), _SVG)
    context = {
        **pages.context,
        **_printed(pages.context, part),
        "check_url": address,
        "check_image": f"{_SCHEME}{CHECK}",
    }
    css = (_TEMPLATES / "dossier" / "dossier.css").read_text("utf-8")
    return Job(
        html=html_of(context),
        css=f"{css}\n@page {{ size: {control.paper} }}",
        files=files,
        attach=[
            {
                "name": item.facts.name,
                "description": item.facts.description,
                "relationship": item.facts.relationship,
                "moment": control.as_of.isoformat(),
            }
            for item in collected.files
        ],
    )


def _printed(context: Mapping[str, Any], part: int) -> dict[str, Any]:
    """The sections and figures of a part; nothing for the whole, or a short paper."""
    if not part or "sections" not in context:
        return {}
    sections: Mapping[str, Section] = context["sections"]
    shown = {
        name: section
        for name, section in sections.items()
        if name == _ANYWHERE or _PART_OF.get(name, 2) == part
    }
    drawn = context["drawn"] if part == 2 else {**context["drawn"], "all": []}
    words = _("Part %(number)s of %(count)s") % {"number": part, "count": len(PARTS)}
    return {"sections": shown, "drawn": drawn, "part_words": words}
