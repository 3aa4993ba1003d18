"""What was kept in English, in the reader's language where that is at hand.

Rules have their words in their pack, sentences of ours in the catalogue. Around values
they are found again by `sentences`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.db.models import Q

from governance import policy
from governance.models import PolicyPack
from governance.policy import Check, Rule
from governance.web import sentences

Rules = Mapping[tuple[str, str], Rule]


def rules_of(names: Iterable[str], *, drafts: Iterable[str] = ()) -> Rules:
    """The rules of packs by pack and id, in one query; `drafts` are texts of more.

    Each name is slug and version, as `Check.pack` has it.
    """
    wanted = Q(pk=None)
    for name in sorted(set(names)):
        slug, _gap, version = name.partition(" ")
        wanted |= Q(slug=slug, version=version)
    rows = PolicyPack.objects.filter(wanted).values_list("document", flat=True)
    packs = [policy.parse(text) for text in (*rows, *drafts)]
    return {(pack.name, rule.id): rule for pack in packs for rule in pack.rules}


def read(check: Check, rules: Rules) -> Check:
    """The check with what was kept of its rule, and of us, in the reader's language."""
    rule = rules.get((check.pack, check.requirement))
    own = {rule.titles["en"]: rule.title, rule.texts["en"]: rule.text} if rule else {}

    def said(text: str) -> str:
        return own.get(text) or sentences.told(text)

    return replace(
        check,
        title=said(check.title),
        observed=own.get(check.observed) or sentences.all_told(check.observed),
        because=said(check.because),
        next_step=said(check.next_step),
    )
