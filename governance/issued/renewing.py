"""Asking the question of a permit again, before or after it has expired."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import gate
from governance.models import GateDecision, PermitRevocation
from registry.acts import act
from registry.models import User


class CannotRenew(Exception):
    """The permit was revoked: only a new question of its own can be asked."""


@act
def renew(*, permit: GateDecision, by: User, at: datetime) -> GateDecision:
    """Decide the same question anew; the new decision names the former permit.

    Nothing is taken over: everything is examined as at the first time. Raises
    `CannotRenew`, and what `gate.decide` raises.
    """
    if PermitRevocation.objects.filter(permit_id=permit.pk).exists():
        raise CannotRenew(
            _("This permit was revoked; a revoked permit is not renewed. Ask the gate.")
        )
    question = gate.Question(
        environment=permit.asked_environment,
        model=permit.asked_model,
        version=permit.asked_version,
        digest=permit.asked_digest,
    )
    return gate.decide(question=question, by=by, at=at, renewal_of=permit)
