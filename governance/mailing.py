"""The digest: what a person was told and has not read, in one mail."""

import smtplib
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance import notifications
from governance.models import Notification, NotificationMailed, NotificationWish
from registry.acts import act
from registry.models import User

EVERY = {
    NotificationWish.Digest.DAILY.value: timedelta(days=1),
    NotificationWish.Digest.WEEKLY.value: timedelta(days=7),
}
AGAIN = timedelta(minutes=5)  # after a mail server refused
LARGEST = 100  # what more there is, the page shows


class NotSent(Exception):
    """The mail server did not take the mail; the text says for whom."""


def send_next(*, by: User, at: datetime) -> bool:
    """Send the digest that is due longest; False: none is due.

    What was mailed is noted in the transaction that sends: workers at the same time
    take different people, and who is killed while sending sends it again, under the
    same Message-ID. Raises `NotSent` after putting the person off for `AGAIN`.
    """
    failure = _send_next(by=by, at=at)
    if isinstance(failure, NotSent):
        raise failure
    return failure


@act
def _send_next(*, by: User, at: datetime) -> bool | NotSent:
    wish = (
        NotificationWish.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("person")
        .filter(next_digest_at__lte=at, person__is_active=True)
        .exclude(digest=NotificationWish.Digest.NEVER)
        .order_by("next_digest_at", "id")
        .first()
    )
    if wish is None:
        return False
    rows = list(_new(wish.person)[:LARGEST])
    wish.next_digest_at = at + EVERY[wish.digest]
    problem: NotSent | None = None
    if rows and wish.person.email:
        try:
            _mail(wish, rows)
        # An address that is none, or with a line break in it, is a ValueError.
        except (OSError, smtplib.SMTPException, ValueError) as error:
            problem = NotSent(f"No digest for {wish.person.username}: {error}")
            wish.next_digest_at = at + AGAIN
        else:
            mailed = [NotificationMailed(notification=r, mailed_at=at) for r in rows]
            NotificationMailed.objects.bulk_create(mailed)
    wish.save(update_fields=["next_digest_at"])
    return problem or True


def _new(person: User) -> QuerySet[Notification]:
    """What no digest had yet, and the person has not read."""
    return notifications.unread(person).filter(mailed=None)


def _mail(wish: NotificationWish, rows: list[Notification]) -> None:
    with translation.override(wish.language):
        count = len(rows)
        subject = ngettext(
            "Freigabe: %(count)s notification",
            "Freigabe: %(count)s notifications",
            count,
        ) % {"count": count}
        parts = [_part(row) for row in rows]
        foot = _("How often you get this: %(url)s") % {"url": _url("/notifications/")}
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">") or "localhost"
    EmailMessage(
        subject,
        "\n\n".join([*parts, foot]),
        to=[wish.person.email],
        # The same rows in a second attempt make the same mail.
        headers={"Message-ID": f"<digest-{rows[0].pk.hex}-{count}@{host}>"},
    ).send()


def _part(row: Notification) -> str:
    lines = [row.subject, row.text]
    if row.announcement.link:
        lines.append(_url(row.announcement.link))
    return "\n".join(lines)


def _url(link: str) -> str:
    return urljoin(f"{settings.FREIGABE_INSTANCE_URL}/", link)
