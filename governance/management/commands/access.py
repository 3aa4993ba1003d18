"""Give and end what lets people in: accounts, roles, tokens."""

import secrets
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from governance import access, roles
from governance.management.base import DatabaseCommand
from governance.models import Token
from governance.records import Refused
from registry.acts import through
from registry.models import Role, User


class Command(DatabaseCommand):
    """`manage.py access --add-person ... | --grant-role USER ROLE | ...`"""

    help = "Add a person, grant or end a role, revoke a token, or deactivate a user."

    def add_arguments(self, parser: CommandParser) -> None:
        """Exactly one of them."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--add-person", nargs=4, metavar=("USER", "FIRST", "LAST", "E-MAIL")
        )
        what.add_argument("--revoke-token", metavar="NAME")
        what.add_argument("--grant-role", nargs=2, metavar=("USER", "ROLE"))
        what.add_argument("--end-role", nargs=2, metavar=("USER", "ROLE"))
        what.add_argument("--deactivate", metavar="USER")

    def handle(self, **options: Any) -> None:
        """Do it as the installation's operator, and say what was done."""
        by, at = access.system_user(), timezone.now()
        with through("command"):
            if facts := options["add_person"]:
                person, password = _added(*facts, by=by)
                self.stdout.write(
                    f"{person} is added and holds no role yet.\n"
                    f"Password, shown only now: {password}"
                )
            elif name := options["revoke_token"]:
                tokens = Token.objects.filter(name=name, revoked_at=None)
                for token in tokens:
                    access.revoke_token(token=token, by=by, at=at)
                self.stdout.write(f"{len(tokens)} tokens named {name} revoked")
            elif pair := options["grant_role"] or options["end_role"]:
                user, role = _user(pair[0]), _role(pair[1])
                if options["grant_role"]:
                    roles.grant(user=user, role=role, by=by, at=at)
                else:
                    roles.end(user=user, role=role, by=by, at=at)
                held = ", ".join(sorted(roles.roles_of(user))) or "none"
                self.stdout.write(f"{user} now holds: {held}")
            else:
                user = access.deactivate(
                    user=_user(options["deactivate"]), by=by, at=at
                )
                self.stdout.write(f"{user} is deactivated")


def _added(
    username: str, first: str, last: str, email: str, *, by: User
) -> tuple[User, str]:
    """Somebody new, with a password to hand over."""
    facts = {
        "username": username,
        "first_name": first,
        "last_name": last,
        "email": email,
    }
    password = secrets.token_urlsafe(12)
    try:
        person = access.create_person(**facts, unit="", password=password, by=by)
    except Refused as refusal:
        said = " ".join(text for texts in refusal.errors.values() for text in texts)
        raise CommandError(said) from refusal
    return person, password


def _user(name: str) -> User:
    found = User.objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no user {name}.")
    return found


def _role(name: str) -> Role:
    if name not in Role.values:
        raise CommandError(
            f"There is no role {name}; roles are {', '.join(Role.values)}."
        )
    return Role(name)
