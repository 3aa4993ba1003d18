"""The rules of separation of duties, as a table, and those that speak against one
signature.

They are applied in the act, inside its transaction, over rows and log of all time
(decisions.md 3.4).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from governance.duties import auditors, hands, people
from governance.duties.signing import Signing

SOURCE = "decisions.md 3.4"
EVERY_TIER = frozenset({1, 2, 3, 4})
STRICT_TIERS = frozenset({1, 2})
Finding = Callable[[Signing], str | None]


@dataclass(frozen=True)
class Conflict:
    """A rule that speaks against a signature; a hard one forbids it."""

    rule: int
    hard: bool
    because: str


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


_VERSION = gettext_lazy("same version")
_ALWAYS = gettext_lazy("always")
RULES: tuple[Rule, ...] = (
    Rule(
        1,
        gettext_lazy("Developer and validator"),
        _VERSION,
        finds=hands.developer_validates,
    ),
    Rule(
        2,
        gettext_lazy("Developer or owner, and approver"),
        _VERSION,
        finds=hands.developer_or_owner_approves,
    ),
    Rule(
        3,
        gettext_lazy("Validator and approver"),
        _VERSION,
        STRICT_TIERS,
        hands.validator_approves,
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
        finds=people.administrator_signs,
    ),
    Rule(
        7,
        gettext_lazy("Auditor and any role that writes"),
        gettext_lazy("installation"),
        finds=auditors.auditor_signs,
    ),
    Rule(
        8,
        gettext_lazy("Machine and the signature of a person"),
        _ALWAYS,
        finds=people.machine_signs,
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
        finds=people.second_account_signs,
    ),
    Rule(
        13,
        gettext_lazy("Auditor of Local Law 144, and employee or vendor"),
        gettext_lazy("audit"),
        where="declaring.declare, attaching.attach",
    ),
    Rule(
        14,
        gettext_lazy("Data protection officer and approver"),
        _VERSION,
        finds=people.dpo_approves,
    ),
    Rule(
        15,
        gettext_lazy("A role of less than a day, or given by who asks"),
        gettext_lazy("approval"),
        STRICT_TIERS,
        people.role_is_fresh,
    ),
    Rule(
        16,
        gettext_lazy("Who provides evidence and who reviews it"),
        gettext_lazy("same evidence"),
        frozenset(),
        hands.uploader_reviews,
    ),
    Rule(
        16,
        gettext_lazy("Who uploads the validation report and who accepts it"),
        gettext_lazy("same evidence"),
        finds=hands.wrote_the_report,
    ),
    Rule(
        17,
        gettext_lazy("Who asks or assesses the risk, and who signs"),
        gettext_lazy("same request"),
        finds=hands.asker_signs,
        source="docs/decisions (Freigabe)",
    ),
)


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
