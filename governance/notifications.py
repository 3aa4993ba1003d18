"""Telling people what happened: rows in the transaction of the act that tells."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import translation

from governance.models import (
    Announcement,
    Notification,
    NotificationRead,
    NotificationWish,
)
from registry.acts import act
from registry.models import Role, User

SUBJECT_LIMIT = 300


def tell(
    *,
    to: Iterable[User | Role],
    subject: object,
    text: object,
    at: datetime,
    link: str = "",
    about: Model | None = None,
    kind: str = "notice",
    values: Mapping[str, object] | None = None,
) -> Announcement:
    """Tell people, and all who hold a role now, in the transaction of the caller.

    `subject` and `text` may be lazy translations with `%(name)s` for `values`: each
    recipient reads them in their own language. `link` is a path of this site. Machines
    and deactivated accounts are told nothing; nobody is told the same thing twice.
    Every registered webhook is sent `kind`, `about` and `link`, never the words.
    """
    announcement = Announcement.objects.create(
        kind=kind,
        about_type=about._meta.db_table if about is not None else "",
        about_id=str(about.pk) if about is not None else "",
        link=link,
        told_at=at,
    )
    people = _people(to)
    languages = dict(
        NotificationWish.objects.filter(person__in=people).values_list(
            "person_id", "language"
        )
    )
    rows = []
    for person in people:
        with translation.override(languages.get(person.pk, settings.LANGUAGE_CODE)):
            rows.append(
                Notification(
                    announcement=announcement,
                    recipient=person,
                    subject=_words(subject, values)[:SUBJECT_LIMIT],
                    text=_words(text, values),
                    told_at=at,
                )
            )
    Notification.objects.bulk_create(rows)
    return announcement


def _words(template: object, values: Mapping[str, object] | None) -> str:
    return str(template) if values is None else str(template) % values


def _people(to: Iterable[User | Role]) -> list[User]:
    """Whom that names: active people, each once, in a stable order."""
    named = list(to)
    ids = {one.pk for one in named if isinstance(one, User)}
    roles = [one for one in named if isinstance(one, Role)]
    people = User.objects.filter(is_active=True, is_machine=False)
    found = set(people.filter(pk__in=ids))
    if roles:
        found |= set(
            people.filter(
                role_assignments__role__in=roles, role_assignments__ended_at=None
            )
        )
    return sorted(found, key=lambda person: person.username)


def told(person: User) -> QuerySet[Notification]:
    """All that the person was told, the newest first."""
    rows = Notification.objects.filter(recipient=person)
    return rows.select_related("announcement", "read")


def unread(person: User) -> QuerySet[Notification]:
    """What the person has not read yet, the newest first."""
    return told(person).filter(read=None)


@act
def mark_read(*, notifications: Iterable[Notification], by: User, at: datetime) -> int:
    """Mark one's own notifications as read; how many were unread.

    Those of others and those read already are left as they are.
    """
    mine = unread(by).filter(pk__in=[row.pk for row in notifications])
    rows = [NotificationRead(notification=row, read_by=by, read_at=at) for row in mine]
    NotificationRead.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@act
def wish(*, language: str, digest: str, by: User, at: datetime) -> NotificationWish:
    """Say in which language, and how often by mail, one wants to be told.

    The first digest is sent with the clock's next look.
    """
    row, _created = NotificationWish.objects.select_for_update().get_or_create(
        person=by
    )
    row.language = language
    row.digest = NotificationWish.Digest(digest)
    row.next_digest_at = None if row.digest == NotificationWish.Digest.NEVER else at
    row.save()
    return row
