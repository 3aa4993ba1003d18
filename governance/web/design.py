"""The design system on one page: tokens as the style sheet has them, and components."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django import forms
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from governance.models.risk import Band
from governance.policy import Check
from governance.web.frame import PersonRequest, page_for_all, show

_TOKEN = re.compile(r"--([a-z0-9-]+):\s*([^;]+);")
MEANINGS: dict[str, str | Promise] = {
    "paper": _("the page"),
    "sheet": _("fields and statements"),
    "ink": _("text"),
    "soft": _("text that matters less"),
    "line": _("hairlines"),
    "wash": _("where something is chosen"),
    "edge": _("edges of fields"),
    "brand": _("links, and the one primary button"),
    "brand-ink": _("text on it"),
    "focus": _("where the keyboard is"),
    "low": _("low risk"),
    "medium": _("medium risk"),
    "high": _("high risk"),
    "severe": _("severe risk, and what is urgent"),
    "low-wash": _("ground of low"),
    "medium-wash": _("ground of medium"),
    "high-wash": _("ground of high"),
    "severe-wash": _("ground of severe"),
    "yes": _("holds, is allowed"),
    "no": _("does not hold, is denied"),
    "wait": _("waits for somebody"),
}


@dataclass(frozen=True)
class Token:
    """A value of the design that has a name; `dark` is its value on dark ground."""

    name: str
    light: str
    dark: str
    meaning: str | Promise = ""


class SampleForm(forms.Form):
    """Fields as every form shows them."""

    name = forms.CharField(
        label=_("A field"), help_text=_("What it is for, in a sentence.")
    )
    choice = forms.ChoiceField(
        label=_("A choice"), choices=[("", "–"), ("1", "1"), ("2", "2")]
    )


@lru_cache(maxsize=1)
def tokens() -> dict[str, list[Token]]:
    """The tokens by what they are for, read out of the style sheet itself."""
    css = Path(str(finders.find("governance/app.css"))).read_text("utf-8")
    light, dark = (_values(block) for block in _roots(css))
    found: dict[str, list[Token]] = {"colour": [], "type": [], "space": [], "other": []}
    for name, value in light.items():
        token = Token(name, value, dark.get(name, value), MEANINGS.get(name, ""))
        found[_kind(name)].append(token)
    return found


def _values(block: str) -> dict[str, str]:
    return {match[1]: match[2] for match in _TOKEN.finditer(block)}


def _roots(css: str) -> list[str]:
    """The declarations of the two `:root`, light and dark."""
    return [part.split("}", 1)[0] for part in css.split(":root {")[1:3]]


def _kind(name: str) -> str:
    if name in MEANINGS:
        return "colour"
    if name.startswith("t-"):
        return "type"
    return "space" if re.fullmatch(r"s\d", name) else "other"


@page_for_all
def design(request: PersonRequest) -> HttpResponse:
    """Show tokens and components, each as the pages use it."""
    form = SampleForm({"name": "", "choice": "1"})
    form.is_valid()
    return show(
        request,
        "help/design.html",
        {
            "tokens": tokens(),
            "bands": [
                (band.value, n) for band, n in zip(Band, (2, 6, 12, 20), strict=True)
            ],
            "checks": _checks(),
            "form": form,
        },
        section="design",
    )


def _checks() -> list[Check]:
    """One check of each outcome."""
    return [
        Check(
            "sample-1", str(_("A rule that holds")), True, "0.04", str(_("Because."))
        ),
        Check(
            "sample-2",
            str(_("A rule that fails")),
            False,
            "0.14",
            str(_("Because.")),
            next_step=str(_("who does what now.")),
        ),
    ]
