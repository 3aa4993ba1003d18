"""Dossiers on a schedule: asked for by the clock, once each, and mailed."""

import smtplib
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from urllib.parse import urljoin

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from audits.keeping import add_months
from governance import roles
from governance.dossier.request import CannotBuild
from governance.models import (
    Dossier,
    DossierMail,
    DossierRecipient,
    DossierSchedule,
)
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, User

RIGHT = "request dossiers"
MONTHS = {
    DossierSchedule.Every.MONTHLY.value: 1,
    DossierSchedule.Every.QUARTERLY.value: 3,
    DossierSchedule.Every.YEARLY.value: 12,
}
MOST_RECIPIENTS = 50
MOST_MODELS = 500
MOST_MAILS = 200  # in one go; the clock comes again
LARGEST_MAIL = 15 * 1024**2  # bytes of a PDF that is attached; else a link
MAILED_WITHIN = timedelta(days=30)  # of its end: a mail server may be down for long
State = Dossier.State


@act
def schedule(
    *,
    models_pattern: str,
    every: str,
    first_on: date,
    recipients: list[str],
    by: User,
    at: datetime,
    language: str = "en",
) -> DossierSchedule:
    """Have the dossier of each model that fits asked for from `first_on` on.

    `recipients` are user names; whether they may read a dossier is asked when it is
    mailed. Raises `NotAllowed` and `CannotBuild`.
    """
    roles.require(by, RIGHT, model=models_pattern)
    roles.require_person(by)
    if every not in MONTHS:
        names = ", ".join(MONTHS)
        raise CannotBuild("every", _("Must be one of: %(names)s.") % {"names": names})
    if language not in dict(settings.LANGUAGES):
        names = ", ".join(dict(settings.LANGUAGES))
        raise CannotBuild(
            "language", _("Must be one of: %(names)s.") % {"names": names}
        )
    today = at.astimezone(UTC).date()
    if not today <= first_on <= add_months(today, 24):
        raise CannotBuild(
            "first_on", _("The first day lies within the two years to come.")
        )
    fitting = len(_models(models_pattern))
    if not fitting:
        raise CannotBuild("models_pattern", _("No registered model fits this."))
    if fitting > MOST_MODELS:
        raise CannotBuild(
            "models_pattern",
            _("%(count)s models fit this; a schedule has %(most)s at most.")
            % {"count": fitting, "most": MOST_MODELS},
        )
    people = _people(recipients)
    row = DossierSchedule.objects.create(
        models_pattern=models_pattern,
        every=every,
        language=language,
        first_on=first_on,
        next_on=first_on,
        asked_by=by,
        asked_at=at,
    )
    for person in people:
        DossierRecipient.objects.create(schedule=row, person=person)
    return row


def _people(names: list[str]) -> list[User]:
    wanted = sorted({name.strip() for name in names if name.strip()})
    if len(wanted) > MOST_RECIPIENTS:
        raise CannotBuild(
            "recipients",
            _("A schedule has %(most)s recipients at most.")
            % {"most": MOST_RECIPIENTS},
        )
    found = {
        user.username: user
        for user in User.objects.filter(username__in=wanted, is_active=True)
        if not user.is_machine
    }
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise CannotBuild(
            "recipients",
            _("Nobody here has the name %(names)s.") % {"names": ", ".join(unknown)},
        )
    return [found[name] for name in wanted]


@act
def end(
    *, row: DossierSchedule, because: str, by: User, at: datetime
) -> DossierSchedule:
    """End a schedule; what was asked for stays. Raises `NotAllowed`, `CannotBuild`."""
    roles.require(by, RIGHT, model=row.models_pattern)
    roles.require_person(by)
    locked = DossierSchedule.objects.select_for_update().get(pk=row.pk)
    if locked.ended_at is not None:
        raise CannotBuild("schedule", _("This schedule was ended before."))
    return _ended(locked, because, at)


def _ended(row: DossierSchedule, because: str, at: datetime) -> DossierSchedule:
    row.ended_at, row.ended_because = at, because
    row.save(update_fields=["ended_at", "ended_because"])
    return row


@act
def request_next(*, by: User, at: datetime) -> bool:
    """Ask for the dossiers of the schedule that is due longest; False: none is.

    As of the beginning of the day on which they were due. After a time without a clock
    the last due day alone is made up for. Who asked must still have the right.
    """
    today = at.astimezone(UTC).date()
    row = (
        DossierSchedule.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("asked_by")
        .filter(ended_at=None, next_on__lte=today)
        .order_by("next_on", "id")
        .first()
    )
    if row is None:
        return False
    if not roles.may(row.asked_by, RIGHT, model=row.models_pattern):
        because = _("%(name)s may not ask for dossiers any more.")
        _ended(row, because % {"name": row.asked_by.printed_name}, at)
        return True
    due, following = _days(row, today)
    moment = datetime.combine(due, time(), UTC)
    for model in _models(row.models_pattern):
        version = _version(model, moment)
        if version is not None:
            Dossier.objects.get_or_create(
                schedule=row,
                due_on=due,
                version=version,
                defaults={
                    "language": row.language,
                    "as_of": moment,
                    "requested_by": row.asked_by,
                    "requested_at": at,
                },
            )
    row.next_on = following
    row.save(update_fields=["next_on"])
    return True


def _days(row: DossierSchedule, today: date) -> tuple[date, date]:
    """The last due day until today, and the next one; counted from the first day."""
    step, count = MONTHS[row.every], 0
    while add_months(row.first_on, step * (count + 1)) <= today:
        count += 1
    first = add_months(row.first_on, step * count)
    return first, add_months(row.first_on, step * (count + 1))


def _models(pattern: str) -> list[RegisteredModel]:
    rows = RegisteredModel.objects.order_by("slug")
    return [row for row in rows if fnmatchcase(row.slug, pattern)]


def _version(model: RegisteredModel, moment: datetime) -> ModelVersion | None:
    """The version that was deployed last, else registered last, by that moment."""
    there = model.versions.filter(registered_at__lte=moment)
    ran = there.filter(deployments__reported_at__lte=moment)
    return (
        ran.order_by("-deployments__reported_at").first()
        or there.order_by("-registered_at").first()
    )


def unsent(*, at: datetime) -> list[tuple[Dossier, User]]:
    """Who waits for a mail about which dossier that ended, the oldest first."""
    ended = Dossier.objects.filter(
        state__in=[State.FINISHED, State.FAILED], ended_at__gt=at - MAILED_WITHIN
    )
    wanted = ended.filter(schedule__recipients__isnull=False).order_by("ended_at", "id")
    pairs = wanted.values_list("pk", "schedule__recipients__person")
    mailed = set(
        DossierMail.objects.filter(dossier__in=ended).values_list("dossier", "person")
    )
    waiting = [pair for pair in pairs if pair not in mailed][:MOST_MAILS]
    rows = Dossier.objects.select_related("version__model").defer("document")
    dossiers = rows.in_bulk([dossier for dossier, _person in waiting])
    people = User.objects.in_bulk([person for _dossier, person in waiting])
    return [(dossiers[dossier], people[person]) for dossier, person in waiting]


@act
def mail(*, dossier: Dossier, person: User, by: User, at: datetime) -> DossierMail:
    """Mail a dossier to somebody who may read it; else record why not.

    What was mailed is noted in the transaction that sends. Raises OSError and
    `smtplib.SMTPException` where the server refuses; nothing is noted then.
    """
    Dossier.objects.select_for_update().only("id").get(pk=dossier.pk)
    before = DossierMail.objects.filter(dossier=dossier, person=person).first()
    if before is not None:
        return before
    refusal = ""
    try:
        model = dossier.version.model if dossier.version else None
        roles.require(person, "read", model=model)
        if not person.email:
            refusal = _("No mail address is known.")
    except roles.NotAllowed as error:
        refusal = str(error)
    if not refusal:
        with translation.override(dossier.language):
            _message(dossier, person).send()
    return DossierMail.objects.create(
        dossier=dossier, person=person, mailed_at=at, refusal=refusal
    )


def send_all(*, by: User, at: datetime) -> list[str]:
    """Mail what waits; return what the mail server refused, which is tried again."""
    failures = []
    for dossier, person in unsent(at=at):
        try:
            mail(dossier=dossier, person=person, by=by, at=at)
        # An address that is none, or with a line break in it, is a ValueError.
        except (OSError, smtplib.SMTPException, ValueError) as error:
            failures.append(f"No dossier for {person.username}: {error}")
    return failures


def _message(dossier: Dossier, person: User) -> EmailMessage:
    words = {
        "name": dossier.about,
        "day": dossier.due_on or dossier.as_of.date(),
        "url": urljoin(f"{settings.FREIGABE_INSTANCE_URL}/", f"dossiers/{dossier.pk}/"),
        "why": dossier.failure,
    }
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(">") or "localhost"
    made = dossier.state == State.FINISHED
    if made:
        text = _("The dossier of %(name)s as of %(day)s is ready:") % words
    else:
        text = _("The dossier of %(name)s as of %(day)s failed: %(why)s") % words
    message = EmailMessage(
        _("Dossier of %(name)s, %(day)s") % words,
        f"{text}\n{words['url']}\nSHA-256 {dossier.pdf_sha256 or '-'}",
        to=[person.email],
        headers={"Message-ID": f"<dossier-{dossier.pk.hex}-{person.pk.hex}@{host}>"},
    )
    stored = dossier.pdf_name
    if made and stored and default_storage.size(stored) <= LARGEST_MAIL:
        with default_storage.open(stored) as file:
            message.attach(f"{dossier.stem}.pdf", file.read(), "application/pdf")
    return message
