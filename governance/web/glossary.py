"""The glossary as a page."""

from django.http import HttpResponse
from django.utils.translation import get_language

from governance.glossary import Term, terms
from governance.web.frame import PersonRequest, page_for_all, show


@page_for_all
def glossary(request: PersonRequest) -> HttpResponse:
    """Show every term with its meaning here, and its word in the other language.

    `?q=` shows those whose word or meaning contains a text.
    """
    language = (get_language() or "en")[:2]
    wanted = request.GET.get("q", "").strip()
    found = [row for row in terms().values() if _speaks_of(row, wanted.casefold())]
    found.sort(key=lambda row: row.word(language).casefold())
    other = "en" if language == "de" else "de"
    return show(
        request,
        "help/glossary.html",
        {
            "terms": [
                (row.key, row.word(language), row.word(other), row.means(language))
                for row in found
            ],
            "other": other,
            "wanted": wanted,
        },
        section="glossary",
    )


def _speaks_of(row: Term, text: str) -> bool:
    said = (row.en, row.de, row.means_en, row.means_de)
    return any(text in one.casefold() for one in said)
