"""Rules on people: machines, two accounts of one human, roles of today."""

from datetime import timedelta

from django.utils.translation import gettext as _

from governance import persons
from governance.duties.signing import Meaning, Signing, has_held, named
from governance.models import Delegation
from governance.persons import Same
from governance.separation import askers
from registry.models import Role, RoleAssignment, User

FRESH = timedelta(hours=24)


def administrator_signs(signing: Signing) -> str | None:
    """Rule 6: who administers the platform, or did since the version exists."""
    if has_held(signing, (Role.PLATFORM_ADMIN,)):
        return named(signing, _("administers or administered this platform"))
    return None


def machine_signs(signing: Signing) -> str | None:
    """Rule 8: a machine never signs."""
    return _("A machine cannot sign.") if signing.by.is_machine else None


def second_account_signs(signing: Signing) -> str | None:
    """Rule 12: one human with two accounts is one person.

    Where it is unknown whether two accounts are of one human, tier 1 takes them to be.
    """
    if signing.by in signing.others:
        return _("%(name)s has signed already.") % {"name": signing.by.printed_name}
    ids = {*signing.hands, *askers(signing.request)} - {str(signing.by.pk)}
    register = persons.Register()
    for other in (*signing.others, *User.objects.filter(pk__in=ids)):
        same = register.same(signing.by.pk, other.pk)
        names = {"name": signing.by.printed_name, "other": other.printed_name}
        if same == Same.YES:
            return _("%(name)s and %(other)s are accounts of one person.") % names
        if same == Same.UNKNOWN and signing.tier == 1:
            return (
                _(
                    "Nothing shows that %(name)s and %(other)s are two people; in tier "
                    "1 that must be known. An administrator records their identities."
                )
                % names
            )
    return None


def dpo_approves(signing: Signing) -> str | None:
    """Rule 14: the data protection officer advises, and approves nothing."""
    if signing.meaning == Meaning.APPROVAL and has_held(signing, (Role.DPO,)):
        return named(signing, _("is or was data protection officer"))
    return None


def role_is_fresh(signing: Signing) -> str | None:
    """Rule 15: the role is not of today, nor from whoever asks for the approval.

    What the installation gave on its first day is no haste.
    """
    if signing.delegation is not None:
        return _delegation_is_fresh(signing, signing.delegation)
    held = signing.by.role_assignments.filter(role=signing.role, ended_at=None).first()
    if held is None:
        return None
    if held.granted_by_id == signing.request.requested_by_id:
        return _(
            "%(name)s holds the role from the person who asks for the approval."
        ) % {"name": signing.by.printed_name}
    if held.granted_at > signing.at - FRESH and not _bootstrapped(held):
        return _("%(name)s has been %(role)s for less than a day.") % {
            "name": signing.by.printed_name,
            "role": signing.role.label,
        }
    return None


def _delegation_is_fresh(signing: Signing, given: Delegation) -> str | None:
    """A delegation of today is as hasty as a role of today; the delegator's own role
    is looked at with their other conflicts (rule 11)."""
    if given.delegated_at <= signing.at - FRESH:
        return None
    return _("%(name)s has signed for %(delegator)s for less than a day.") % {
        "name": signing.by.printed_name,
        "delegator": given.delegator.printed_name,
    }


def _bootstrapped(held: RoleAssignment) -> bool:
    """Whether the installation itself gave the role, on its first day."""
    if held.granted_by is None or held.granted_by.username != "system":
        return False
    first = RoleAssignment.objects.order_by("granted_at").first()
    return first is not None and held.granted_at <= first.granted_at + FRESH
