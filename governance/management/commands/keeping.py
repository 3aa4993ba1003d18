"""`manage.py keeping`: retention rules, legal holds, and erasing a person."""

import sys
from argparse import ArgumentParser
from datetime import datetime
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from audits import keeping as rules
from audits.models import LegalHold
from governance import erasure, keeping, roles
from governance.management.base import DatabaseCommand
from registry.acts import through
from registry.models import User

_REFUSALS = (
    roles.NotAllowed,
    rules.InvalidRule,
    rules.InvalidHold,
    rules.SamePerson,
    rules.AlreadyReleased,
    rules.UnderLegalHold,
    erasure.CannotErase,
)


class Command(DatabaseCommand):
    """All but `list` is done by a person, who types their password."""

    help = "List and set retention rules, place and release legal holds, erase people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand for each act."""
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("list", help="rules and legal holds in force")
        rule = _by(what.add_parser("rule", help="set or end a retention rule"))
        rule.add_argument("basis", help="the law or house rule that asks for it")
        rule.add_argument("--record", default="log")
        rule.add_argument("--months", type=int, required=True)
        rule.add_argument("--end", action="store_true", help="no longer in force")
        hold = _by(what.add_parser("hold", help="stop erasing and archiving"))
        hold.add_argument("--table", default="", help="public.registry_user, or all")
        hold.add_argument("--row", default="", help="the row's key, or all rows")
        hold.add_argument("--because", required=True)
        release = _by(what.add_parser("release", help="end somebody else's hold"))
        release.add_argument("hold", help="its id, as `list` shows it")
        release.add_argument("--because", required=True)
        erase = _by(what.add_parser("erase", help="erase a person"))
        erase.add_argument("user", help="user name")
        erase.add_argument("--because", required=True)

    def handle(self, **options: Any) -> None:
        """Act, and say what was done in one line."""
        if options["what"] == "list":
            self._list()
            return
        act = getattr(self, f"_{options['what']}")
        by, at = _person(options["by"]), timezone.now()
        with through("command"):
            try:
                act(options, by, at)
            except _REFUSALS as error:
                raise CommandError(str(error)) from error

    def _list(self) -> None:
        for rule in rules.rules_in_force():
            self.stdout.write(f"{rule.months:5d} months  {rule.basis}: {rule.record}")
        for hold in rules.standing_holds():
            self.stdout.write(f"{hold.pk}  {hold}: {hold.because}")

    def _rule(self, options: dict[str, Any], by: User, at: datetime) -> None:
        rule = keeping.set_rule(
            basis=options["basis"],
            record=options["record"],
            months=options["months"],
            in_force=not options["end"],
            by=by,
            at=at,
        )
        ended = _("ended") if options["end"] else _("in force")
        self.stdout.write(f"{rule}, {ended}")

    def _hold(self, options: dict[str, Any], by: User, at: datetime) -> None:
        hold = keeping.place_hold(
            rel=options["table"],
            pk=options["row"],
            because=options["because"],
            by=by,
            at=at,
        )
        self.stdout.write(f"{hold.pk}  {hold}")

    def _release(self, options: dict[str, Any], by: User, at: datetime) -> None:
        try:
            hold = LegalHold.objects.get(pk=options["hold"])
        except (LegalHold.DoesNotExist, ValidationError) as error:
            why = _("There is no legal hold %(id)s.") % {"id": options["hold"]}
            raise CommandError(why) from error
        keeping.release_hold(hold=hold, because=options["because"], by=by, at=at)
        self.stdout.write(_("%(hold)s is released") % {"hold": hold})

    def _erase(self, options: dict[str, Any], by: User, at: datetime) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            who = {"name": options["user"]}
            raise CommandError(_("There is no user %(name)s.") % who)
        done = erasure.erase(user=user, because=options["because"], by=by, at=at)
        self.stdout.write(
            _("Erased: now %(name)s; %(count)d values can no longer be opened.")
            % {"name": done.username, "count": done.erasure.openings}
        )
        for line in done.stays:
            self.stdout.write(f"- {line}")


def _by(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("--by", required=True, help="your user name")
    return parser


def _person(name: str) -> User:
    """Return the person who acts, once they gave their password."""
    asked = _("Password of %(name)s: ") % {"name": name}
    if sys.stdin.isatty():
        password = getpass(asked)
    else:
        password = sys.stdin.readline().rstrip("\n")
    user = User.objects.filter(username=name, is_machine=False).first()
    if user is None or not user.is_active or not user.check_password(password):
        raise CommandError(_("The user name or the password is wrong."))
    return user
