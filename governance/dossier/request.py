"""The act of asking for a dossier."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from audits import log, past
from audits.capture import relation
from governance import roles
from governance.dossier.redaction import CATEGORIES
from governance.dossier.variants import OF_VERSION, is_public, variant_of
from governance.models import Authorisation, Dossier
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, User

VERSION, AUTHORISATION, PORTFOLIO = "version", "authorisation", "portfolio"
VARIANTS = (*(item.name for item in OF_VERSION), AUTHORISATION, PORTFOLIO)
PARTS = (1, 2, 3)  # of render.py


class CannotBuild(Exception):
    """Such a dossier does not exist; `field` names what is wrong with the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Form:
    """How a dossier looks: its language, its paper, and what outsiders do not see.

    `withhold` names categories of `redaction.CATEGORIES`.
    """

    language: str = "en"
    paper: str = Dossier.Paper.A4
    withhold: tuple[str, ...] = ()


@act
def request_dossier(
    *,
    version: ModelVersion,
    by: User,
    at: datetime,
    variant: str = VERSION,
    language: str = "en",
    as_of: datetime | None = None,
    form: Form | None = None,
) -> Dossier:
    """Put a dossier into the queue; a worker builds it as of `as_of`, or as of now.

    Raises `NotAllowed`, and `CannotBuild` for an unknown variant or language, for a
    paper that such a model cannot have, and for a moment in the future or before the
    version was registered.
    """
    roles.require(by, "request dossiers", model=version.model)
    _require_known("variant", variant, [item.name for item in OF_VERSION])
    moment = _moment(as_of, at)
    if moment < version.registered_at or not _recorded(version, by_then=moment):
        raise CannotBuild("as_of", _("The version was not registered at that moment."))
    _require_fitting(variant, version, by_then=as_of)
    form = form or Form(language=language)
    if form.withhold and is_public(variant):
        raise CannotBuild("withhold", _("A paper for outside has nothing to withhold."))
    return _queued(form, variant, moment, by, at, version=version)


@act
def request_authorisation(
    *,
    authorisation: Authorisation,
    by: User,
    at: datetime,
    form: Form | None = None,
    as_of: datetime | None = None,
) -> Dossier:
    """Put the dossier of one authorisation into the queue.

    Raises `NotAllowed`, and `CannotBuild` for an unknown form and for a moment in the
    future or before the authorisation began.
    """
    version = authorisation.version
    roles.require(by, "request dossiers", model=version.model)
    moment = _moment(as_of, at)
    if moment < authorisation.valid_from:
        raise CannotBuild("as_of", _("The authorisation had not begun by that moment."))
    return _queued(
        form or Form(),
        AUTHORISATION,
        moment,
        by,
        at,
        version=version,
        authorisation=authorisation,
    )


@act
def request_portfolio(
    *,
    by: User,
    at: datetime,
    scope: str = "",
    form: Form | None = None,
    as_of: datetime | None = None,
) -> Dossier:
    """Put the dossier of all models into the queue, or of one unit's as `scope`.

    Raises `NotAllowed`, and `CannotBuild` for an unknown form or unit and for a moment
    in the future.
    """
    roles.require(by, "request dossiers")
    if by.scope is not None and (
        by.scope.models_pattern != "*" or by.scope.models is not None
    ):
        raise CannotBuild("variant", _("You may read some of the models only."))
    scope = scope.strip()
    if scope and not User.objects.filter(unit=scope).exists():
        raise CannotBuild("scope", _("No person is of this unit."))
    moment = _moment(as_of, at)
    return _queued(form or Form(), PORTFOLIO, moment, by, at, scope=scope)


def _moment(as_of: datetime | None, at: datetime) -> datetime:
    moment = as_of or at
    if moment > at:
        raise CannotBuild("as_of", _("The moment must not lie in the future."))
    return moment


def _queued(
    form: Form, variant: str, moment: datetime, by: User, at: datetime, **about: Any
) -> Dossier:
    _require_known("language", form.language, [code for code, _n in settings.LANGUAGES])
    _require_known("paper", form.paper, list(Dossier.Paper.values))
    for name in form.withhold:
        _require_known("withhold", name, list(CATEGORIES))
    return Dossier.objects.create(
        variant=variant,
        language=form.language,
        paper=form.paper,
        withheld=sorted(set(form.withhold)),
        seed=secrets.token_hex(32) if form.withhold else "",
        as_of=moment,
        requested_by=by,
        requested_at=at,
        **about,
    )


def _recorded(version: ModelVersion, *, by_then: datetime) -> bool:
    """Whether the log knew the version by then, as far as its entries are kept."""
    entries = log.entries_for(rel=relation(ModelVersion), pk=str(version.pk))
    first = entries.first()
    return first is None or first.occurred_at <= by_then or past.repeats(first)


def _require_fitting(
    variant: str, version: ModelVersion, *, by_then: datetime | None
) -> None:
    """Refuse a paper that does not exist for such a model, as its record stood."""
    asked, record = variant_of(variant), version.model
    if by_then is not None:
        try:
            with past.as_of(by_then):
                record = RegisteredModel.objects.get(pk=version.model_id)
        except past.Archived as error:
            raise CannotBuild("as_of", str(error)) from error
    if not asked.fits(record):
        raise CannotBuild("variant", str(asked.refusal))


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
    model = dossier.version.model if dossier.version else None
    roles.require(by, "request dossiers", model=model)
    locked = Dossier.objects.select_for_update().get(pk=dossier.pk)
    if not locked.too_large or locked.part:
        raise CannotBuild("dossier", _("This dossier was not too large for one file."))
    if locked.version is None:
        raise CannotBuild("dossier", _("Ask for the dossiers of single units instead."))
    same = {
        name: getattr(locked, name)
        for name in (
            *("version", "authorisation", "scope", "variant", "language", "paper"),
            *("withheld", "seed", "as_of"),
        )
    }
    there = Dossier.objects.filter(part__in=PARTS, **same)
    known = {row.part: row for row in there.exclude(state=Dossier.State.FAILED)}
    return [
        known.get(part)
        or Dossier.objects.create(part=part, requested_by=by, requested_at=at, **same)
        for part in PARTS
    ]
