"""What the law makes of a rule on a day (decisions.md 3.2, rules 2 and 3)."""

from datetime import date

from governance.policy.pack import Citation, Rule

IN_FORCE = "in_force"
NOT_YET = "adopted_not_yet_applicable"
RESCINDED = "rescinded"
# Nobody is bound by these, but an author may make a rule of them.
BY_CHOICE = frozenset({"draft", "voluntary", "under_rescission"})


def standing(citation: Citation, on: date) -> str:
    """The legal status of a source on a day; dates outrank what was written down.

    A source is rescinded after `valid_to`, and not yet applicable before `valid_from`
    and `applies_from`; from `applies_from` on, adopted law is in force.
    """
    if citation.status == RESCINDED:
        return RESCINDED
    if citation.valid_to is not None and on > citation.valid_to:
        return RESCINDED
    if citation.status in BY_CHOICE:
        return citation.status
    begins = [day for day in (citation.valid_from, citation.applies_from) if day]
    if begins:
        return IN_FORCE if on >= max(begins) else NOT_YET
    return citation.status


def effective_severity(rule: Rule, *, on: date, early_adoption: bool) -> str:
    """How strictly a rule binds on a day: as written, or only as a warning.

    It warns only while no source makes it bind: all are adopted and not yet applicable
    (unless adopted early), or rescinded. `always` rules bind as written.
    """
    if rule.always:
        return rule.severity
    now = {standing(citation, on) for citation in rule.citations}
    if now & (BY_CHOICE | {IN_FORCE}):
        return rule.severity
    return rule.severity if early_adoption and NOT_YET in now else "warn"
