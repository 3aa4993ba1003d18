"""The act of asking for a dossier."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from audits import log, past
from audits.capture import relation
from governance import roles
from governance.models import Dossier
from registry.acts import act
from registry.models import ModelVersion, User

VARIANTS = ("version",)
PARTS = (1, 2, 3)  # of render.py


class CannotBuild(Exception):
    """Such a dossier does not exist; `field` names what is wrong with the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@act
def request_dossier(
    *,
    version: ModelVersion,
    by: User,
    at: datetime,
    variant: str = "version",
    language: str = "en",
    as_of: datetime | None = None,
) -> Dossier:
    """Put a dossier into the queue; a worker builds it as of `as_of`, or as of now.

    Raises `NotAllowed`, and `CannotBuild` for an unknown variant or language, and for
    a moment in the future or before the version was registered.
    """
    roles.require(by, "request dossiers", model=version.model)
    _require_known("variant", variant, VARIANTS)
    _require_known("language", language, [code for code, _name in settings.LANGUAGES])
    moment = as_of or at
    if moment > at:
        raise CannotBuild("as_of", _("The moment must not lie in the future."))
    if moment < version.registered_at or not _recorded(version, by_then=moment):
        raise CannotBuild("as_of", _("The version was not registered at that moment."))
    return Dossier.objects.create(
        version=version,
        variant=variant,
        language=language,
        as_of=moment,
        requested_by=by,
        requested_at=at,
    )


def _recorded(version: ModelVersion, *, by_then: datetime) -> bool:
    """Whether the log knew the version by then, as far as its entries are kept."""
    entries = log.entries_for(rel=relation(ModelVersion), pk=str(version.pk))
    first = entries.first()
    return first is None or first.occurred_at <= by_then or past.repeats(first)


def _require_known(field: str, value: str, known: tuple[str, ...] | list[str]) -> None:
    if value not in known:
        raise CannotBuild(
            field, _("Must be one of: %(names)s.") % {"names": ", ".join(known)}
        )


@act
def split(*, dossier: Dossier, by: User, at: datetime) -> list[Dossier]:
    """Ask for a dossier that was too large in parts, as of the same moment.

    Asked twice, the same parts are answered. Raises `NotAllowed`, and `CannotBuild`
    for a dossier that was not too large.
    """
    roles.require(by, "request dossiers", model=dossier.version.model)
    locked = Dossier.objects.select_for_update().get(pk=dossier.pk)
    if not locked.too_large or locked.part:
        raise CannotBuild("dossier", _("This dossier was not too large for one file."))
    there = Dossier.objects.filter(
        version=locked.version,
        variant=locked.variant,
        language=locked.language,
        as_of=locked.as_of,
        part__in=PARTS,
    )
    known = {row.part: row for row in there.exclude(state=Dossier.State.FAILED)}
    return [
        known.get(part)
        or Dossier.objects.create(
            version=locked.version,
            variant=locked.variant,
            language=locked.language,
            as_of=locked.as_of,
            part=part,
            requested_by=by,
            requested_at=at,
        )
        for part in PARTS
    ]
