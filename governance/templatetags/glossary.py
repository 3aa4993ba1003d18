"""Explaining a term where it stands."""

from typing import Any

from django import template
from django.template import Context
from django.utils.translation import get_language

from governance.glossary import terms

register = template.Library()


@register.inclusion_tag("components/term.html", takes_context=True)
def term(context: Context, key: str) -> dict[str, Any]:
    """A small button that explains a term of the glossary, and works without
    JavaScript. An unknown key is a mistake of the template, and raises."""
    language = (get_language() or "en")[:2]
    found = terms()[key]
    count = (context.render_context.get("terms") or 0) + 1
    context.render_context["terms"] = count
    return {
        "key": key,
        "id": f"term-{key}-{count}",
        "word": found.word(language),
        "means": found.means(language),
    }
