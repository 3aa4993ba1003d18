"""Rules on auditors: who audits decides nothing, and is nobody of ours."""

from django.db.models import Q
from django.utils.translation import gettext as _

from governance.duties.signing import Signing, has_held, named
from registry.models import RegisteredModel, Role, User

_AUDITORS = (Role.AUDITOR, Role.EXTERNAL_AUDITOR)


def auditor_signs(signing: Signing) -> str | None:
    """Rule 7: who audits, or did since the version exists, decides nothing."""
    if has_held(signing, _AUDITORS):
        return named(signing, _("audits or audited here"))
    return None


def ll144_auditor(*, name: str, email: str, model: RegisteredModel) -> str | None:
    """Rule 13: an auditor of Local Law 144 is nobody of ours, nor of the vendor.

    Answers a sentence where the name or address is an account's here, or the name or
    the address's domain names the vendor (6 RCNY 5-300).
    """
    people = User.objects.filter(Q(email__iexact=email) & ~Q(email=""))
    named = {user.printed_name.casefold() for user in User.objects.all()}
    if people.exists() or name.strip().casefold() in named:
        return _("%(name)s works here and is no independent auditor.") % {"name": name}
    vendor = model.vendor.strip().casefold()
    domain = email.casefold().rpartition("@")[2]
    if vendor and (vendor in name.casefold() or vendor.split()[0] in domain):
        return _("%(name)s is of the vendor and is no independent auditor.") % {
            "name": name
        }
    return None
