"""Rules about the people who sign: trained, identified, and answerable."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.evidence_types import title_of
from governance.policy import Check, Rule
from governance.requirements.answers import answer, unusable
from governance.requirements.documents import (
    candidates,
    document,
    next_step,
    problems,
)
from governance.requirements.use import signers


def record(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """With `per: signer` one of each person who signed the request; else any.

    Nobody has signed yet: then nothing is shown, and the rule fails.
    """
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    asked = {name: value for name, value in item.items() if name != "per"}
    if "per" not in item:
        return document(rule, asked, case)
    people = signers(case)
    rows = candidates(case, asked)
    lacking = [_("Nobody has signed yet.")] if not people else []
    for person in people:
        row = next((row for row in rows if row.person == person.pk), None)
        if row is None:
            lacking.append(_("%(name)s: none.") % {"name": person.printed_name})
        else:
            lacking += [
                f"{person.printed_name}: {text}" for text in problems(asked, case, row)
            ]
    title = title_of(item["type"])
    return answer(
        rule,
        observed=_("%(title)s of %(count)s signers.")
        % {"title": title, "count": len(people)},
        problems=lacking,
        next_step=next_step(item["type"], title),
    )
