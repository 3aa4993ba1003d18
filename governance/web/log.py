"""The state of the log: whether it holds, who else keeps it, what is not protected."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from audits import epochs, log
from audits.keys import KeyUnusable
from audits.models import (
    Entry,
    Epoch,
    Erasure,
    KeyEvent,
    SchemaChange,
    Verification,
)
from governance import log_state
from governance.web.frame import PersonRequest, page, show
from governance.web.log_reading import Line, lines

SHORT = 10  # rows of each list on this page; the timeline has all
SCHEMA_CHANGES = "public.audits_schemachange"


@dataclass(frozen=True)
class DefinitionChange:
    """A change of the database's own definitions; `outside`: no act or migration."""

    row: SchemaChange
    line: Line | None

    @property
    def outside(self) -> bool:
        """Whether neither an act nor a migration stands behind it."""
        return self.line is None or self.line.outside


@page
def state_page(request: PersonRequest) -> HttpResponse:
    """The log in one word, and everything that stands behind the word."""
    now = timezone.now()
    state = log.status(at=now)
    entries = Entry.objects.order_by("-entry_id")
    return show(
        request,
        "log/state_page.html",
        {
            "log": state,
            "verification": state.verification,
            "says": word(state.verification, now),
            "keepers": log_state.keepers(state.size),
            "gaps": log_state.gaps(state),
            "epochs": Epoch.objects.all(),
            "origin": log.origin(),
            "keys": _keys(),
            "key_events": KeyEvent.objects.order_by("-recorded_at")[:SHORT],
            "definitions": _definitions(),
            "outside": lines(entries.filter(actor=None)[:SHORT]),
            "latest": lines(entries[: SHORT // 2]),
            "erasures": Erasure.objects.select_related("erased_by")[:SHORT],
        },
        section="log",
    )


def word(verification: Verification | None, at: datetime) -> str:
    """`yes` it holds, `no` it does not, `wait` nobody has checked it lately."""
    if verification is None:
        return "wait"
    if not verification.ok:
        return "no"
    oldest = at - timedelta(hours=settings.FREIGABE_LOG_MAX_AGE_HOURS)
    return "yes" if verification.ran_at >= oldest else "wait"


def _keys() -> list[dict[str, str | None]] | None:
    """The log's public keys with their times; None where the folder cannot be read."""
    try:
        return epochs.published_keys()
    except (OSError, KeyUnusable):
        return None


def _definitions() -> list[DefinitionChange]:
    """The latest changes of definitions, each with the entry that recorded it."""
    rows = list(SchemaChange.objects.all()[:SHORT])
    entries = Entry.objects.filter(
        rel=SCHEMA_CHANGES, pk_text__in=[str(row.pk) for row in rows]
    )
    found = {line.entry.pk_text: line for line in lines(entries)}
    return [DefinitionChange(row, found.get(str(row.pk))) for row in rows]
