"""Rules on auditors: who audits decides nothing, and is nobody of ours."""

import unicodedata

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from governance.duties.signing import Signing, has_held, named
from governance.models import PersonIdentity
from governance.persons import address
from registry.models import RegisteredModel, Role, RoleAssignment, User

_AUDITORS = (Role.AUDITOR, Role.EXTERNAL_AUDITOR)
# Types of evidence that name an auditor of Local Law 144.
LL144_EVIDENCE = frozenset({"bias_audit", "auditor_declaration"})


def auditor_signs(signing: Signing) -> str | None:
    """Rule 7: who audits, or did since the version exists, decides nothing."""
    if has_held(signing, _AUDITORS):
        return named(signing, _("audits or audited here"))
    return None


def ll144_auditor(*, name: str, email: str, model: RegisteredModel) -> str | None:
    """Rule 13: an auditor of Local Law 144 is nobody of ours, nor of the vendor.

    Answers a sentence where the name or address (empty when unknown) is that of an
    account here, the address stands under a domain of ours, or the name or the
    address's domain names the vendor (6 RCNY 5-300).
    """
    wanted, domain = _folded(name), _domain(email)
    if _is_of_ours(wanted, address(email)):
        return _("%(name)s works here and is no independent auditor.") % {"name": name}
    vendor = _folded(model.vendor)
    if vendor and (vendor in wanted or vendor.split()[0] in domain):
        return _("%(name)s is of the vendor and is no independent auditor.") % {
            "name": name
        }
    return None


def _is_of_ours(name: str, mailbox: str) -> bool:
    people = list(_ours())
    domain = _domain(mailbox)
    recorded = PersonIdentity.objects.filter(
        user__in=people, kind=PersonIdentity.Kind.EMAIL, value=mailbox, ended_at=None
    )
    return (
        any(_folded(user.printed_name) == name for user in people)
        or (domain != "" and any(_domain(user.email) == domain for user in people))
        or recorded.exists()
    )


def _domain(email: str) -> str:
    return address(email).rpartition("@")[2]


def _ours() -> QuerySet[User]:
    """Everybody with an account, also of former days, but for those who never held
    another role than that of an external auditor: they come from outside."""
    held = RoleAssignment.objects.filter(user=OuterRef("pk"))
    outside = Exists(held.filter(role=Role.EXTERNAL_AUDITOR)) & ~Exists(
        held.exclude(role=Role.EXTERNAL_AUDITOR)
    )
    return User.objects.filter(~outside, is_machine=False)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
