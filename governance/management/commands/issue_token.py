"""Issue a bearer token; its secret is printed once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from governance import access, roles
from governance.management.base import DatabaseCommand
from registry.acts import through
from registry.models import Role, User


class Command(DatabaseCommand):
    """`manage.py issue_token --role ROLE --name NAME`, or `--user NAME`."""

    help = "Issue a bearer token for a machine (--role) or a person (--user)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Either --role or --user."""
        parser.add_argument("--role", choices=Role.values)
        parser.add_argument("--user", help="user name of a person")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--models", default="*", help="pattern of slugs: credit-*")
        parser.add_argument("--environment", action="append", default=[])
        parser.add_argument("--days", type=int, default=90)

    def handle(self, **options: Any) -> None:
        """Print the secret and nothing else on standard output."""
        user = None
        if options["user"]:
            user = User.objects.filter(
                username=options["user"], is_machine=False, is_active=True
            ).first()
            if user is None:
                raise CommandError(f"There is no person {options['user']}.")
        with through("command"):
            try:
                _token, secret = access.issue_token(
                    name=options["name"],
                    role=Role(options["role"]) if options["role"] else None,
                    user=user,
                    models_pattern=options["models"],
                    environments=tuple(options["environment"]),
                    days=options["days"],
                    by=access.system_user(),
                    at=timezone.now(),
                )
            except (access.CannotIssue, roles.RoleConflict) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(secret)
