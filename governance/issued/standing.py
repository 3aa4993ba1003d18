"""Whether a permit that was given still counts: decided when it is read."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from governance import conditions, emergencies
from governance.lifecycle import State, standing_among
from governance.lifecycle import state_of as authorisation_state
from governance.models import (
    Authorisation,
    EmergencyAuthorisation,
    GateDecision,
    KeyCompromise,
    PermitRevocation,
)

# The states in which a permit counts.
VALID = frozenset({"valid", "break-glass"})


def state_of(row: GateDecision, *, at: datetime) -> str:
    """One of `valid`, `break-glass`, `expired`, `revoked`, `suspended`, `superseded`,
    `breached` and `invalid`."""
    return states_of([row], at=at)[row.pk]


def states_of(rows: Iterable[GateDecision], *, at: datetime) -> dict[UUID, str]:
    """The state of each permit; what several rest on is judged once."""
    found = list(rows)
    void = _void(found)
    granted = {row.authorisation for row in found if row.authorisation}
    standing = standing_among(granted, at=at)
    holding = [row for row in granted if row.pk in standing]
    broken = conditions.breached_among(holding, at=at)
    grounds: dict[UUID | None, str] = {}
    states = {}
    for row in found:
        if row.pk in void:
            states[row.pk] = "revoked"
            continue
        ground = row.emergency or row.authorisation
        name = ground.pk if ground is not None else None
        if name not in grounds:
            grounds[name] = _of_ground(ground, standing, broken, at)
        over = row.expires_at is None or row.expires_at <= at
        counts = grounds[name] in VALID
        states[row.pk] = "expired" if over and counts else grounds[name]
    return states


def is_revoked(row: GateDecision) -> bool:
    """Whether a person took the permit back, or others may hold the key that signed."""
    return bool(_void([row]))


def _void(rows: Sequence[GateDecision]) -> set[UUID]:
    taken_back = PermitRevocation.objects.filter(permit_id__in=[r.pk for r in rows])
    stolen = frozenset(KeyCompromise.objects.values_list("key_id", flat=True))
    signed = {r.pk for r in rows if stolen and _signers_of(r.permit) & stolen}
    return set(taken_back.values_list("permit_id", flat=True)) | signed


def _signers_of(permit: str) -> frozenset[str]:
    """The ids of the keys that signed a permit's envelope."""
    if not permit:
        return frozenset()
    return frozenset(one["keyid"] for one in json.loads(permit)["signatures"])


def _of_ground(
    ground: Authorisation | EmergencyAuthorisation | None,
    standing: Collection[UUID],
    broken: Collection[UUID],
    at: datetime,
) -> str:
    """What becomes of all permits that rest on it."""
    if ground is None:
        return "invalid"
    if isinstance(ground, EmergencyAuthorisation):
        return "break-glass" if emergencies.stands(ground, at=at) else "expired"
    state = authorisation_state(ground)
    if state != State.ACTIVE:
        return str(state.value)
    if ground.pk not in standing:
        return "expired" if at >= ground.valid_until else "superseded"
    return "breached" if ground.pk in broken else "valid"
