"""Lines for the log of a pipeline: the verdict first, then what stops it."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.api.results.outcome import read, state

_ORDER = ("fail", "warn", "waived", "pass")
_SIGN = {"fail": "FAIL", "warn": "warn", "waived": "waiv", "pass": "ok  "}


def written(data: Mapping[str, Any]) -> str:
    """The answer as text; what fails comes first, each with its next step.

    A person's text stays on its line: nobody writes a line of their own into a log.
    """
    outcome = read(data)
    head = (outcome.verdict, outcome.decision_id, _asked(data))
    lines = [" ".join(part for part in head if part)]
    for check in sorted(outcome.checks, key=lambda one: _ORDER.index(state(one))):
        sign = _SIGN[state(check)]
        lines.append(f"{sign} {_line(check['title'])}: {_line(check['observed'])}")
        if state(check) != "pass":
            lines.append(f"     {_line(check['because'])}")
        if check["next_step"]:
            lines.append("     " + _("Next: %s") % _line(check["next_step"]))
    if data.get("page"):
        lines.append(_("Page: %s") % _line(str(data["page"])))
    return "\n".join(lines) + "\n"


def _asked(data: Mapping[str, Any]) -> str:
    parts = [data.get(name) or "" for name in ("model", "version", "environment")]
    return _line(" ".join(part for part in parts if part))


def _line(text: str) -> str:
    """One line without control characters (a terminal would obey them)."""
    return "".join(c if c.isprintable() else " " for c in text)
