"""Accounts and bearer tokens."""

import hashlib
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from governance import roles
from governance.models import Token, TokenUse
from governance.records import valid
from registry.acts import act, acting
from registry.models import Environment, Role, Scope, User

SYSTEM = "system"
_PREFIX = "frg_"


class InvalidToken(Exception):
    """The token is unknown, expired, revoked, or its user is gone."""


class CannotIssue(Exception):
    """The token asked for must not exist; `field` names what is wrong, if any."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def system_user() -> User:
    """The machine that acts for the installation itself (clock, commands, set-up)."""
    found = User.objects.filter(username=SYSTEM).first()
    if found is not None:
        return found
    with acting(by=SYSTEM, reason="installation"):
        user, _created = User.objects.get_or_create(
            username=SYSTEM, defaults={"is_machine": True, "first_name": "Freigabe"}
        )
    return user


@act
def create_person(
    *,
    username: str,
    first_name: str,
    last_name: str,
    email: str,
    unit: str,
    password: str,
    by: User,
) -> User:
    """Add a person, without any role. Raises `NotAllowed`, `Refused`."""
    _require_manager(by)
    facts = {"first_name": first_name, "last_name": last_name, "unit": unit}
    valid(User(username=username, email=email, **facts), unset=["password"])
    return User.objects.create_user(username, email, password, **facts)


@act
def issue_token(
    *,
    name: str,
    by: User,
    at: datetime,
    role: Role | None = None,
    user: User | None = None,
    models_pattern: str = "*",
    environments: tuple[str, ...] = (),
    days: int = 90,
) -> tuple[Token, str]:
    """Issue a token for a machine (`role`) or a person (`user`); the secret comes once.

    An administrator issues tokens for CI services and for themselves; others only the
    operator's command line. `environments` are slugs, none means all. Raises
    `CannotIssue` unless exactly one of role and user is given and 1 <= days <=
    `FREIGABE_TOKEN_MAX_DAYS`, and when the token would outlive or exceed the one that
    `by` came in with.
    """
    _require_manager(by)
    expires_at = at + timedelta(days=min(days, 10_000))
    _require_within(by, models_pattern, environments, expires_at)
    borrowed = user not in (None, by) or role not in (None, Role.CI)
    if borrowed and by.username != SYSTEM:
        raise CannotIssue(_("A token would let you act as somebody else."))
    if (role is None) == (user is None):
        raise CannotIssue(_("Name either a role or a person."))
    if not 1 <= days <= settings.FREIGABE_TOKEN_MAX_DAYS:
        raise CannotIssue(
            _("A token is valid for 1 to %(days)s days.")
            % {"days": settings.FREIGABE_TOKEN_MAX_DAYS},
            "days",
        )
    _require_known(name, models_pattern, environments)
    if user is None:
        user = _machine(name, role or Role.CI, by=by, at=at)
        personal = False
    else:
        personal = True
    secret = _PREFIX + secrets.token_urlsafe(32)
    token = Token.objects.create(
        name=name,
        user=user,
        personal=personal,
        models_pattern=models_pattern,
        environments=list(environments),
        sha256=_digest(secret),
        issued_by=by,
        issued_at=at,
        expires_at=expires_at,
    )
    return token, secret


def _require_within(
    by: User, models_pattern: str, environments: tuple[str, ...], expires_at: datetime
) -> None:
    """A token begets none that may do more than itself, or lives longer."""
    held = by.scope
    if held is None:
        return
    wider = held.models_pattern not in ("*", models_pattern)
    if held.environments:
        wider |= not environments or not set(environments) <= set(held.environments)
    if wider:
        raise CannotIssue(_("Your token may do less than the one that you ask for."))
    if held.ends_at is None or expires_at > held.ends_at:
        raise CannotIssue(_("Your token ends before the one you ask for."), "days")


def _require_known(
    name: str, models_pattern: str, environments: tuple[str, ...]
) -> None:
    """Refuse what would be a token for nothing, or without a name."""
    if not name.strip() or not name.isprintable():
        raise CannotIssue(_("Give it a name."), "name")
    if not models_pattern.strip() or not models_pattern.isprintable():
        raise CannotIssue(
            _("Say for which models, such as credit-*."), "models_pattern"
        )
    known = Environment.objects.filter(slug__in=environments)
    if unknown := set(environments) - set(known.values_list("slug", flat=True)):
        raise CannotIssue(
            _("There is no environment %(names)s.")
            % {"names": ", ".join(sorted(unknown))[:200]},
            "environments",
        )


@act
def revoke_token(*, token: Token, by: User, at: datetime) -> Token:
    """End a token at once. Raises `NotAllowed`; a revoked one stays as it is."""
    if by not in (token.user, token.issued_by):
        _require_manager(by)
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
    return token


def tokens_for(by: User) -> QuerySet[Token]:
    """The tokens that one may see: an administrator all, others their own.

    `last_used_on` is the last day of use, in UTC.
    """
    rows = Token.objects.select_related("user", "issued_by")
    if not roles.may(by, "manage access"):
        rows = rows.filter(Q(user=by) | Q(issued_by=by))
    rows = rows.annotate(last_used_on=Max("uses__used_on"))
    return rows.order_by("-issued_at", "id")


@act
def deactivate(*, user: User, by: User, at: datetime) -> User:
    """Close an account: its roles and tokens end, its signatures stay readable.

    A user is never deleted (21 CFR 11.100). Raises `NotAllowed`.
    """
    _require_manager(by)
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.role_assignments.filter(ended_at=None).update(ended_at=at)
    user.tokens.filter(revoked_at=None).update(revoked_at=at)
    return user


def _require_manager(by: User) -> None:
    if by.username != SYSTEM:
        roles.require(by, "manage access")


def authenticate(secret: str, *, at: datetime) -> User:
    """The user behind a token, with its scope; notes the day of its use.

    Raises `InvalidToken`.
    """
    today = at.astimezone(UTC).date()
    uses = TokenUse.objects.filter(token=OuterRef("pk"), used_on=today)
    rows = Token.objects.select_related("user").annotate(used_today=Exists(uses))
    token = rows.filter(sha256=_digest(secret)).first()
    if token is None:
        raise InvalidToken(_("This token is unknown."))
    if token.revoked_at is not None:
        raise InvalidToken(_("This token was revoked."))
    if token.expires_at <= at:
        raise InvalidToken(
            _("This token expired on %(day)s. Ask an administrator for a new one.")
            % {"day": token.expires_at.date().isoformat()}
        )
    if not token.user.is_active:
        raise InvalidToken(_("The account of this token is deactivated."))
    if not token.used_today:
        with suppress(IntegrityError), acting(by=token.user), transaction.atomic():
            TokenUse.objects.create(token=token, used_on=today)
    token.user.scope = Scope(
        token.models_pattern,
        tuple(token.environments),
        token.personal,
        ends_at=token.expires_at,
    )
    return token.user


def _machine(name: str, role: Role, *, by: User, at: datetime) -> User:
    """The machine user of a token; whatever its role, `approvals.sign` refuses it."""
    user, _created = User.objects.get_or_create(
        username=f"{role.value}:{name}",
        defaults={"is_machine": True, "first_name": name},
    )
    roles.grant(user=user, role=role, by=by, at=at)
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
