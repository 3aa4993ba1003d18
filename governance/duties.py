"""The rules of separation of duties, as a table; those on approvals are applied here.

They are applied in the act, inside its transaction, over rows and log of all time
(decisions.md 3.4).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.models import EvidenceRun, ForeignEvidence
from governance import persons
from governance.models import ApprovalRequest, Delegation, Signature
from governance.persons import Same
from governance.separation import askers, hands_in
from registry.models import RegisteredModel, Role, RoleAssignment, User

Meaning = Signature.Meaning
FRESH = timedelta(hours=24)
SOURCE = "decisions.md 3.4"
EVERY_TIER = frozenset({1, 2, 3, 4})
STRICT_TIERS = frozenset({1, 2})
_AUDITORS = (Role.AUDITOR, Role.EXTERNAL_AUDITOR)


@dataclass(frozen=True)
class Signing:
    """A signature that somebody is about to give on a request.

    `others` are the people whose signatures stand there already. `delegation` is set
    where it is given for somebody else.
    """

    request: ApprovalRequest
    by: User
    role: Role
    meaning: str
    tier: int
    at: datetime
    others: tuple[User, ...] = ()
    owner_may_sign: bool = False
    delegation: Delegation | None = None

    @cached_property
    def hands(self) -> dict[str, str]:
        """Who has had a hand in the version."""
        return hands_in(self.request.version)

    @property
    def registered_at(self) -> datetime:
        """Since when the version exists."""
        return self.request.version.registered_at


@dataclass(frozen=True)
class Conflict:
    """A rule that speaks against a signature; a hard one forbids it."""

    rule: int
    hard: bool
    because: str


Finding = Callable[[Signing], str | None]


@dataclass(frozen=True)
class Rule:
    """One rule: two hands that must not be one. Warns outside `hard_tiers`.

    `finds` answers a sentence when the rule speaks against a signature on an approval;
    it is None for rules on other records, whose own acts apply them (`where`).
    """

    id: int
    title: str | Promise
    scope: str | Promise
    hard_tiers: frozenset[int] = EVERY_TIER
    finds: Finding | None = None
    where: str = "approvals.sign"
    source: str = SOURCE

    @property
    def strict_tiers(self) -> list[int]:
        """The tiers in which it forbids, in order; elsewhere it warns."""
        return sorted(self.hard_tiers)


def conflicts(signing: Signing) -> list[Conflict]:
    """Every rule that speaks against this signature, hard ones first.

    Whoever signs by delegation inherits the conflicts of the delegator and keeps their
    own (rule 11).
    """
    found = [
        Conflict(rule.id, signing.tier in rule.hard_tiers, because)
        for rule in RULES
        if rule.finds is not None and (because := rule.finds(signing))
    ]
    if signing.delegation is not None:
        delegator = signing.delegation.delegator
        inherited = replace(signing, by=delegator, delegation=None)
        found += [
            Conflict(11, conflict.hard, conflict.because)
            for conflict in conflicts(inherited)
        ]
    return sorted(found, key=lambda conflict: (not conflict.hard, conflict.rule))


def _named(signing: Signing, what: str) -> str:
    return _("%(name)s %(what)s and cannot sign it.") % {
        "name": signing.by.printed_name,
        "what": what,
    }


def _hand(signing: Signing) -> str | None:
    what = signing.hands.get(str(signing.by.pk))
    attests = (
        signing.owner_may_sign
        and signing.tier == 4
        and signing.by.pk == signing.request.version.model.owner_id
    )
    return None if what is None or attests else _named(signing, what)


def developer_validates(signing: Signing) -> str | None:
    """Rule 1: who developed the version does not review it."""
    return _hand(signing) if signing.meaning == Meaning.REVIEW else None


def developer_or_owner_approves(signing: Signing) -> str | None:
    """Rule 2: who developed or owns it does not approve or reject it.

    A pack may let the owner of a tier 4 model attest it (startup-light).
    """
    return _hand(signing) if signing.meaning != Meaning.REVIEW else None


def validator_approves(signing: Signing) -> str | None:
    """Rule 3: who validated the version does not approve it, and the reverse."""
    if signing.meaning == Meaning.REVIEW:
        approved = _signed_before(signing, Meaning.APPROVAL)
        return _named(signing, _("approved this version")) if approved else None
    if signing.meaning == Meaning.APPROVAL and (
        _signed_before(signing, Meaning.REVIEW)
        or _is(signing.by, signing.request.version.model.validator)
    ):
        return _named(signing, _("validated this version"))
    return None


def _signed_before(signing: Signing, meaning: str) -> bool:
    """Whether this person signed the version so on any request: themselves, by a
    delegate, or with another account."""
    rows = Signature.objects.filter(
        request__version=signing.request.version, meaning=meaning
    ).select_related("signed_by", "delegation__delegator")
    people = {row.signed_by for row in rows}
    people |= {row.delegation.delegator for row in rows if row.delegation}
    return any(_is(signing.by, person) for person in people)


def _is(by: User, other: User | None) -> bool:
    """Whether both accounts are known to be of one person."""
    return other is not None and persons.same_person(by, other) == Same.YES


def administrator_signs(signing: Signing) -> str | None:
    """Rule 6: who administers the platform, or did since the version exists."""
    if _held(signing, (Role.PLATFORM_ADMIN,)):
        return _named(signing, _("administers or administered this platform"))
    return None


def auditor_signs(signing: Signing) -> str | None:
    """Rule 7: who audits, or did since the version exists, decides nothing."""
    if _held(signing, _AUDITORS):
        return _named(signing, _("audits or audited here"))
    return None


def machine_signs(signing: Signing) -> str | None:
    """Rule 8: a machine never signs."""
    return _("A machine cannot sign.") if signing.by.is_machine else None


def second_account_signs(signing: Signing) -> str | None:
    """Rule 12: one human with two accounts is one person.

    Where it is unknown whether two accounts are of one human, tier 1 takes them to be.
    """
    ids = {*signing.hands, *askers(signing.request)} - {str(signing.by.pk)}
    hands = User.objects.filter(pk__in=ids)
    if signing.by in signing.others:
        return _("%(name)s has signed already.") % {"name": signing.by.printed_name}
    for other in (*signing.others, *hands):
        same = persons.same_person(signing.by, other)
        if same == Same.NO:
            continue
        names = {"name": signing.by.printed_name, "other": other.printed_name}
        if same == Same.YES:
            return _("%(name)s and %(other)s are accounts of one person.") % names
        if signing.tier == 1:
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
    if signing.meaning == Meaning.APPROVAL and _held(signing, (Role.DPO,)):
        return _named(signing, _("is or was data protection officer"))
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


def uploader_reviews(signing: Signing) -> str | None:
    """Rule 16: who provided evidence does not judge it.

    The report of a validation is judged by whoever approves: see `wrote_the_report`.
    """
    version = signing.request.version
    if signing.meaning != Meaning.REVIEW:
        return None
    runs = EvidenceRun.objects.filter(version=version).values_list("requested_by")
    uploads = ForeignEvidence.objects.filter(version=version).values_list("attached_by")
    if _among(signing.by, [pk for (pk,) in (*runs, *uploads)]):
        return _("%(name)s provided or requested evidence that this reviews.") % {
            "name": signing.by.printed_name
        }
    return None


def wrote_the_report(signing: Signing) -> str | None:
    """Rule 16, hard: who uploaded the validation report does not accept it."""
    version = signing.request.version
    uploads = ForeignEvidence.objects.filter(version=version, kind="validation_report")
    if signing.meaning == Meaning.APPROVAL and _among(
        signing.by, uploads.values_list("attached_by", flat=True)
    ):
        return _named(signing, _("uploaded its validation report"))
    return None


def asker_signs(signing: Signing) -> str | None:
    """Rule 17: who asks for an approval, or judged its risk, does not give it."""
    what = askers(signing.request).get(str(signing.by.pk))
    if what is None or (signing.owner_may_sign and _hand(signing) is None):
        return None
    return _named(signing, what)


def _held(signing: Signing, roles: Sequence[Role]) -> bool:
    """Whether the person, with any account, holds such a role, or held it since the
    version exists."""
    holders = RoleAssignment.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=signing.registered_at), role__in=roles
    )
    return _among(signing.by, holders.values_list("user", flat=True))


def _among(by: User, ids: Iterable[UUID]) -> bool:
    """Whether the person is one of these, with this account or another known one."""
    keys = set(ids)
    return by.pk in keys or (
        persons.twin_of_ids(by, keys, unknown_is_one=False) is not None
    )


def _bootstrapped(held: RoleAssignment) -> bool:
    """Whether the installation itself gave the role, on its first day."""
    if held.granted_by is None or held.granted_by.username != "system":
        return False
    first = RoleAssignment.objects.order_by("granted_at").first()
    return first is not None and held.granted_at <= first.granted_at + FRESH


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


_VERSION = gettext_lazy("same version")
_ALWAYS = gettext_lazy("always")
RULES: tuple[Rule, ...] = (
    Rule(
        1,
        gettext_lazy("Developer and validator"),
        _VERSION,
        finds=developer_validates,
    ),
    Rule(
        2,
        gettext_lazy("Developer or owner, and approver"),
        _VERSION,
        finds=developer_or_owner_approves,
    ),
    Rule(
        3,
        gettext_lazy("Validator and approver"),
        _VERSION,
        STRICT_TIERS,
        validator_approves,
    ),
    Rule(
        4,
        gettext_lazy("Who asks for a waiver and who grants it"),
        gettext_lazy("same waiver"),
        where="waiving.sign",
    ),
    Rule(
        5,
        gettext_lazy("Author and approver of a policy"),
        gettext_lazy("same pack version"),
        where="publishing",
    ),
    Rule(
        6,
        gettext_lazy("Platform administrator and any role that signs"),
        gettext_lazy("installation"),
        finds=administrator_signs,
    ),
    Rule(
        7,
        gettext_lazy("Auditor and any role that writes"),
        gettext_lazy("installation"),
        finds=auditor_signs,
    ),
    Rule(
        8,
        gettext_lazy("Machine and the signature of a person"),
        _ALWAYS,
        finds=machine_signs,
    ),
    Rule(
        9,
        gettext_lazy("Who broke the glass and who reviews it"),
        gettext_lazy("same event"),
        where="emergencies",
    ),
    Rule(
        10,
        gettext_lazy("Who breaks the glass and who confirms it"),
        gettext_lazy("same event"),
        STRICT_TIERS,
        where="emergencies",
    ),
    Rule(
        11,
        gettext_lazy("A delegate has the delegator's conflicts and their own"),
        gettext_lazy("delegation"),
        where="delegation.delegate, approvals.sign",
    ),
    Rule(
        12,
        gettext_lazy("Two accounts of one person"),
        _ALWAYS,
        finds=second_account_signs,
    ),
    Rule(
        13,
        gettext_lazy("Auditor of Local Law 144, and employee or vendor"),
        gettext_lazy("audit"),
        where="duties.ll144_auditor",
    ),
    Rule(
        14,
        gettext_lazy("Data protection officer and approver"),
        _VERSION,
        finds=dpo_approves,
    ),
    Rule(
        15,
        gettext_lazy("A role of less than a day, or given by who asks"),
        gettext_lazy("approval"),
        STRICT_TIERS,
        role_is_fresh,
    ),
    Rule(
        16,
        gettext_lazy("Who provides evidence and who reviews it"),
        gettext_lazy("same evidence"),
        frozenset(),
        uploader_reviews,
    ),
    Rule(
        16,
        gettext_lazy("Who uploads the validation report and who accepts it"),
        gettext_lazy("same evidence"),
        finds=wrote_the_report,
    ),
    Rule(
        17,
        gettext_lazy("Who asks or assesses the risk, and who signs"),
        gettext_lazy("same request"),
        finds=asker_signs,
        source="docs/decisions (Freigabe)",
    ),
)
