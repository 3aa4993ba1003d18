"""Explaining a term where it stands."""

from typing import Any

from django import template
from django.utils.translation import get_language

from governance.glossary import terms

register = template.Library()


@register.inclusion_tag("components/term.html", takes_context=True)
def term(context: dict[str, Any], key: str) -> dict[str, Any]:
    """A small button that explains a term of the glossary, and works without
    JavaScript. An unknown key is a mistake of the template, and raises."""
    language = (get_language() or "en")[:2]
    found = terms()[key]
    count = context.render_context.get("terms", 0) + 1  # type: ignore[attr-defined]
    context.render_context["terms"] = count  # type: ignore[attr-defined]
    return {
        "key": key,
        "id": f"term-{key}-{count}",
        "word": found.word(language),
        "means": found.means(language),
    }
