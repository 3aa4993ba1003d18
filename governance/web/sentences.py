"""Kept English sentences of ours that hold values, told again in the reader's language.

A value that is a word of ours, such as a band or a role, is told in it, too. What
somebody wrote, names and numbers stay as they are, and so does a sentence that is
not known here.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

_DAY = r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)? UTC)?"
_NUMBER = r"-?\d+(?:\.\d+)?"
# What a value looks like; any other is any text.
_SHAPES = {
    **dict.fromkeys(("at", "day", "until", "signed"), _DAY),
    **dict.fromkeys(("have", "wanted", "score", "tier", "value", "count"), _NUMBER),
    "group": r"(?: \([^()]*\))?",
    "severity": r"[^()]+",
}
# The sentences that checks keep, with the values in them that are words of ours.
_SENTENCES: Mapping[str, tuple[str, ...]] = {
    gettext_noop("waived until %(until)s: %(observed)s"): ("observed",),
    gettext_noop("none for %(name)s"): (),
    gettext_noop("valid until %(until)s"): (),
    gettext_noop("expired on %(until)s"): (),
    gettext_noop("authorised until %(day)s"): (),
    gettext_noop("superseded by %(newer)s, which runs here"): (),
    gettext_noop("%(slug)s is not registered"): (),
    gettext_noop("asked for %(asked)s, registered is %(stored)s"): ("stored",),
    gettext_noop("record %(digest)s"): (),
    gettext_noop("%(at)s, nothing is signed yet"): (),
    gettext_noop("%(at)s, the last checkpoint is of %(signed)s"): (),
    gettext_noop("%(word)s, %(at)s"): ("word",),
    gettext_noop("missing: %(names)s"): (),
    gettext_noop("%(band)s %(score)s, tier %(tier)s, review due on %(day)s"): ("band",),
    gettext_noop("Its review was due on %(day)s."): (),
    gettext_noop("no report: %(kind)s"): ("kind",),
    gettext_noop("report of %(day)s has expired"): (),
    gettext_noop("%(label)s%(group)s %(value)s (limit %(limit)s)"): ("label",),
    gettext_noop("%(label)s is not estimable (limit %(limit)s)"): ("label",),
    gettext_noop("The developer or validator requests evidence: %(kind)s."): ("kind",),
    gettext_noop("%(have)s of %(wanted)s signatures"): (),
    gettext_noop("%(pack)s: %(have)s of %(wanted)s signatures"): (),
    gettext_noop("%(owner)s submits the version for approval."): (),
    gettext_noop("%(name)s rejected it: %(reason)s"): (),
    gettext_noop("Still to sign: %(seats)s."): ("seats",),
    gettext_noop("%(count)s open findings."): (),
    gettext_noop("Open: %(title)s (%(severity)s)."): ("severity",),
    gettext_noop("Waiver asked for by %(name)s: %(reason)s"): (),
    gettext_noop("%(owner)s completes the inventory record."): (),
}
_BETWEEN_SEATS = re.compile(r"( x | \(| / |\), |\)| or )")
_BETWEEN_SENTENCES = re.compile(r"(; |(?<=\.) )")


def told(text: str) -> str:
    """One sentence; also one without values."""
    if not text or (get_language() or "en") == "en":
        return text
    if (whole := _(text)) != text:
        return whole
    for sentence, pattern in _patterns().items():
        if found := pattern.fullmatch(text):
            own = _SENTENCES[sentence]
            return _(sentence) % {
                name: _READ.get(name, told)(value) if name in own else value
                for name, value in found.groupdict().items()
            }
    return text


def all_told(text: str) -> str:
    """What was observed: one sentence, or several one after the other."""
    if (whole := told(text)) != text:
        return whole
    return "".join(map(told, _BETWEEN_SENTENCES.split(text)))


def _seats(text: str) -> str:
    return "".join(_(part) for part in _BETWEEN_SEATS.split(text) if part)


_READ: Mapping[str, Callable[[str], str]] = {"seats": _seats, "observed": all_told}


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {sentence: _pattern(sentence) for sentence in _SENTENCES}


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence looks like with any values."""
    parts = re.split(r"%\((\w+)\)s", sentence)
    values = [f"(?P<{name}>{_SHAPES.get(name, '.+?')})" for name in parts[1::2]]
    words = [re.escape(part) for part in parts[::2]]
    whole = "".join(a + b for a, b in zip(words, [*values, ""], strict=True))
    return re.compile(whole, re.DOTALL)
