"""Reports on the conditions of an approval; one that breaks them suspends it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from governance import access, conditions, roles, suspensions
from governance.lifecycle import State, state_of
from governance.models import Condition, ConditionFact
from registry.acts import act
from registry.models import User


class CannotReport(Exception):
    """There is nothing to report on this condition."""


@act
def report(
    *,
    condition: Condition,
    observed: Mapping[str, Any],
    source: str,
    by: User,
    at: datetime,
) -> ConditionFact:
    """Keep what a deployment or the monitoring observed: `{percent}`, `{regions}` or
    `{value}`.

    A breach shuts the gate from now on and suspends the authorisation, whoever reports
    it: so that permits given before are on the list of revoked ones. Raises
    `NotAllowed`, `CannotReport`.
    """
    request = condition.request
    roles.require(
        by,
        "report deployments",
        model=request.version.model,
        environment=request.environment,
    )
    if condition.kind in (conditions.Kind.FINDING_CLOSED, conditions.Kind.UNTIL):
        raise CannotReport(
            _("This is read from the finding or the calendar, and not reported.")
        )
    locked = Condition.objects.select_for_update(of=("self",)).get(pk=condition.pk)
    last = locked.facts.order_by("-sequence").first()
    fact = ConditionFact.objects.create(
        condition=locked,
        observed=dict(observed),
        holds=conditions.holds(locked, observed),
        source=source or by.printed_name,
        reported_by=by,
        reported_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    authorisation = getattr(request, "authorisation", None)
    if (
        not fact.holds
        and authorisation is not None
        and state_of(authorisation) == State.ACTIVE
    ):
        suspensions.change_authorisation(
            authorisation=authorisation,
            to=State.SUSPENDED,
            reason=_("A condition of the approval is broken: %(what)s")
            % {"what": conditions.in_words(locked)},
            by=access.system_user(),
            at=at,
        )
    return fact
