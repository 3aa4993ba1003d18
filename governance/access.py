"""Accounts and bearer tokens."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import roles
from governance.models import Token
from registry.acts import act, acting
from registry.models import Role, Scope, User

SYSTEM = "system"
_PREFIX = "frg_"


class InvalidToken(Exception):
    """The token is unknown, expired, revoked, or its user is gone."""


class CannotIssue(Exception):
    """The token asked for must not exist."""


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
    """Add a person, without any role."""
    _require_manager(by)
    return User.objects.create_user(
        username,
        email,
        password,
        first_name=first_name,
        last_name=last_name,
        unit=unit,
    )


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
    operator's command line. Raises `CannotIssue` unless exactly one of role and user
    is given and 1 <= days <= 366.
    """
    _require_manager(by)
    borrowed = user not in (None, by) or role not in (None, Role.CI)
    if borrowed and by.username != SYSTEM:
        raise CannotIssue(_("A token would let you act as somebody else."))
    if (role is None) == (user is None):
        raise CannotIssue(_("Name either a role or a person."))
    if not 1 <= days <= 366:
        raise CannotIssue(_("A token is valid for 1 to 366 days."))
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
        expires_at=at + timedelta(days=days),
    )
    return token, secret


@act
def revoke_token(*, token: Token, by: User, at: datetime) -> Token:
    """End a token at once. Raises `NotAllowed`; a revoked one stays as it is."""
    if by not in (token.user, token.issued_by):
        _require_manager(by)
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
    return token


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
    """The user behind a token, with its scope. Raises `InvalidToken`."""
    token = Token.objects.select_related("user").filter(sha256=_digest(secret)).first()
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
    token.user.scope = Scope(
        token.models_pattern, tuple(token.environments), token.personal
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
