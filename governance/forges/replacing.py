"""Another secret for a server that is listened to, or another credential.

For one that was seen, and after a change of the installation's key, with which what
was sealed before does not open. The server, its places and its user stay.
"""

import secrets
from datetime import datetime

from django.utils.translation import gettext as _

from governance import roles
from governance.forges import sealed
from governance.forges.agreeing import RIGHT, WrongState, credential_fault
from governance.models import Forge, ForgeEnd, ForgeSecret
from governance.records import Refused
from registry.acts import act
from registry.models import User


@act
def replace_secret(*, forge: Forge, by: User, at: datetime) -> tuple[Forge, str]:
    """The server and its new secret, which is told only now; the one before proves
    nothing more. Raises `NotAllowed`, `WrongState`."""
    row = _begun(forge, by, at)
    secret = secrets.token_urlsafe(32)
    sealed.put_secret(row, row.forge, secret)
    row.save(force_insert=True)
    return row.forge, secret


@act
def replace_credential(
    *, forge: Forge, credential: str, by: User, at: datetime
) -> Forge:
    """Answer with another key of the GitHub App, or another token of GitLab.

    Raises `NotAllowed`, `WrongState`, `Refused`, also for Azure DevOps.
    """
    row = _begun(forge, by, at)
    fault = credential_fault(row.forge.kind, credential)
    if row.forge.kind == Forge.Kind.AZURE:
        fault = _("Azure DevOps brings its own token with each check.")
    if fault:
        raise Refused({"credential": [fault]})
    sealed.put_credential(row, row.forge, credential)
    row.save(force_insert=True)
    return row.forge


def _begun(forge: Forge, by: User, at: datetime) -> ForgeSecret:
    """The next replacement, not stored; the server is locked, so that others wait."""
    roles.require(by, RIGHT, model="*")
    roles.require_person(by)
    locked = Forge.objects.select_for_update(of=("self",)).get(pk=forge.pk)
    if ForgeEnd.objects.filter(forge=locked).exists():
        raise WrongState(_("This server has ended already."))
    number = locked.replacements.count() + 1
    return ForgeSecret(forge=locked, sequence=number, replaced_by=by, replaced_at=at)
