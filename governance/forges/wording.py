"""What a server is told: the verdict, every reason, and where to read on."""

from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _

from governance.models import GateDecision

KEPT = 8000  # signs of a reason: an entry of the log holds 64 KiB
LONGEST = 1024  # signs of a comment (GitHub, "Create custom protection rules")
# Signs that Markdown would obey, and @, which would call people.
_MARKS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|#~"} | {"@": "(at)"})


def of_decision(row: GateDecision) -> str:
    """The reason of a decision, in plain lines."""
    asked = f"{row.asked_model} {row.asked_version} · {row.asked_environment}"
    if row.allowed and row.expires_at is not None:
        return _("Allowed: %(asked)s, until %(until)s.") % {
            "asked": asked,
            "until": row.expires_at.strftime("%Y-%m-%d %H:%M UTC"),
        }
    lines = [_("Denied: %(asked)s.") % {"asked": asked}]
    for check in row.checks:
        if not check["passed"]:
            lines.append(
                f"{check['title']}: {check['observed']}. {check['next_step']}".strip()
            )
    return "\n".join(_line(line) for line in lines)[:KEPT]


def comment(reason: str, decision: GateDecision | None) -> str:
    """The reason as Markdown that nobody's text can format, with a link that is ours.

    Never more than 1024 signs; what is left out stands behind the link.
    """
    link = ""
    if decision is not None:
        address = urljoin(f"{settings.FREIGABE_INSTANCE_URL}/", f"gate/{decision.pk}/")
        link = f"\n\n{address}"
    text = "\n\n".join(
        _line(line).translate(_MARKS) for line in reason.splitlines() if line.strip()
    )
    room = LONGEST - len(link)
    if len(text) > room:
        text = text[: room - 2].rstrip("\\") + " …"
    return text + link


def _line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
