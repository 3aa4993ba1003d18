"""How long records are kept, and what a legal hold forbids: the mechanism.

Who may set rules and place holds is for governance/keeping.py to say.
"""

import calendar
from datetime import UTC, date, datetime

from django.db import connection
from django.db.models import Q, QuerySet

from audits.capture import governed_tables
from audits.models import Entry, LegalHold, LegalHoldRelease, RetentionRule
from registry.acts import act
from registry.models import User

HOLDS_LOCK = 0x4652_4549_0004
LONGEST_MONTHS = 1200


class NoRule(Exception):
    """No rule says how long records are kept, so nothing may go."""


class InvalidRule(Exception):
    """This cannot be a retention rule; the text says why."""


class InvalidHold(Exception):
    """A legal hold needs a reason, and something of the log to hold."""


class UnderLegalHold(Exception):
    """A legal hold forbids to erase or archive this; the text names it."""


class SamePerson(Exception):
    """Who placed a legal hold does not release it."""


class AlreadyReleased(Exception):
    """The legal hold was released before."""


def rules_in_force() -> list[RetentionRule]:
    """Return the latest rule of each basis that was not withdrawn, longest first."""
    latest = RetentionRule.objects.order_by("basis", "-set_at", "-id").distinct("basis")
    in_force = [rule for rule in latest if rule.in_force]
    return sorted(in_force, key=lambda rule: (-rule.months, rule.basis))


def longest() -> RetentionRule:
    """Return the rule that decides: of several the longest wins. Raises NoRule."""
    rules = rules_in_force()
    if not rules:
        raise NoRule(
            "No retention rule is in force, so nobody knows what may go: set one "
            "before."
        )
    return rules[0]


def kept_until(recorded_at: datetime) -> date:
    """Return the day until which what was recorded then is kept, by the longest rule.

    Raises NoRule.
    """
    return add_months(recorded_at.astimezone(UTC).date(), longest().months)


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last one of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


@act
def set_rule(
    *,
    basis: str,
    record: str,
    months: int,
    by: User,
    at: datetime,
    in_force: bool = True,
) -> RetentionRule:
    """Say how long a kind of record is kept; replaces the last rule of this basis.

    With `in_force=False` the basis no longer counts. Raises InvalidRule without a basis
    and unless 1 <= months <= 1200.
    """
    if not basis.strip():
        raise InvalidRule("A retention rule needs its basis, such as a law's article.")
    if not 1 <= months <= LONGEST_MONTHS:
        raise InvalidRule(f"Records are kept for 1 to {LONGEST_MONTHS} months.")
    return RetentionRule.objects.create(
        basis=basis.strip(),
        record=record,
        months=months,
        in_force=in_force,
        set_by=by,
        set_at=at,
    )


def standing_holds() -> QuerySet[LegalHold]:
    """Return the legal holds that nobody has released."""
    return LegalHold.objects.filter(release=None).order_by("placed_at")


def holds_on(*, rel: str, pk: str) -> QuerySet[LegalHold]:
    """Return the standing holds that cover a row; `rel` as in entries."""
    covers = Q(rel="") | Q(rel=rel, pk_text="") | Q(rel=rel, pk_text=pk)
    return standing_holds().filter(covers)


def holds_within(*, first: int, last: int) -> list[LegalHold]:
    """Return the standing holds that cover any entry from id `first` to `last`."""
    entries = Entry.objects.filter(entry_id__gte=first, entry_id__lte=last)
    found = []
    for hold in standing_holds():
        covered = entries
        if hold.rel:
            covered = covered.filter(rel=hold.rel)
        if hold.pk_text:
            covered = covered.filter(pk_text=hold.pk_text)
        if covered.exists():
            found.append(hold)
    return found


def require_free(*, rel: str, pk: str) -> None:
    """Refuse while a hold covers the row, and let none be placed until the commit.

    Call it inside the act's transaction. Raises UnderLegalHold.
    """
    lock_holds()
    hold = holds_on(rel=rel, pk=pk).first()
    if hold is not None:
        raise UnderLegalHold(told(hold))


def told(hold: LegalHold) -> str:
    """Say which hold stands in the way, and what would end it."""
    what = f"{hold.rel} {hold.pk_text}".strip() or "everything"
    return (
        f"A legal hold of {hold.placed_at:%Y-%m-%d} covers {what}: "
        f"{hold.because.rstrip('.')}. It must be released first, by somebody else than "
        "who placed it."
    )


@act
def place_hold(
    *, because: str, by: User, at: datetime, rel: str = "", pk: str = ""
) -> LegalHold:
    """Forbid to erase or archive a row, a table (`pk=""`) or everything (`rel=""`).

    Raises InvalidHold without a reason, for a table that is not captured, and for a
    row without its table.
    """
    if not because.strip():
        raise InvalidHold("Say why: the reason is kept with the hold.")
    if pk and not rel:
        raise InvalidHold("A legal hold on a row needs its table.")
    if rel and rel not in {table.rel for table in governed_tables()}:
        raise InvalidHold(f"{rel} is not a table of the log, such as public.x.")
    lock_holds()
    return LegalHold.objects.create(
        rel=rel, pk_text=pk, because=because.strip(), placed_by=by, placed_at=at
    )


@act
def release_hold(
    *, hold: LegalHold, because: str, by: User, at: datetime
) -> LegalHoldRelease:
    """End a legal hold; never by who placed it.

    Raises InvalidHold without a reason, SamePerson and AlreadyReleased.
    """
    if not because.strip():
        raise InvalidHold("Say why: the reason is kept with the release.")
    lock_holds()
    if hold.placed_by_id == by.pk:
        raise SamePerson("Who placed a legal hold does not release it: four eyes.")
    if LegalHoldRelease.objects.filter(hold=hold).exists():
        raise AlreadyReleased("This legal hold was released already.")
    return LegalHoldRelease.objects.create(
        hold=hold, because=because.strip(), released_by=by, released_at=at
    )


def lock_holds() -> None:
    """Wait for, and then keep away, whoever places a hold, until the transaction ends.

    So that a hold is either seen by an erasure or comes after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [HOLDS_LOCK])
