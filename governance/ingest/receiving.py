"""OpenLineage events come in: kept as they are, each once, nothing decided."""

from collections.abc import Sequence
from datetime import datetime

from governance import nudge, roles
from governance.ingest.openlineage import Told
from governance.models import LineageEvent, LineageName
from registry.acts import act
from registry.models import User

RIGHT = "report lineage"
TASK = "governance.tasks.join_lineage"


@act
def receive(*, events: Sequence[Told], by: User, at: datetime) -> list[LineageEvent]:
    """Keep events; a worker joins what they name. Answers the rows in their order.

    An event that was received from the same sender before is that row, and changes
    nothing. What a token may speak of is kept with it. Raises `NotAllowed`.
    """
    roles.require(by, RIGHT)
    pattern = by.scope.models_pattern if by.scope else "*"
    made = {
        told.sha256: LineageEvent(
            **{name: getattr(told, name) for name in _KEPT},
            models_pattern=pattern,
            received_by=by,
            received_at=at,
        )
        for told in events
    }
    # In one order, so that two batches with the same events wait, and never for ever.
    LineageEvent.objects.bulk_create(
        [made[sha256] for sha256 in sorted(made)], ignore_conflicts=True
    )
    rows = LineageEvent.objects.filter(received_by=by, sha256__in=list(made))
    kept = {row.sha256: row for row in rows}
    names = [
        LineageName(event=kept[told.sha256], received_at=at, **vars(thing))
        for told in {one.sha256: one for one in events}.values()
        if kept[told.sha256].pk == made[told.sha256].pk
        for thing in told.things
    ]
    LineageName.objects.bulk_create(names)
    nudge.nudge(TASK)
    return [kept[told.sha256] for told in events]


_KEPT = (
    "kind",
    "run_id",
    "event_type",
    "event_time",
    "job",
    "document",
    "sha256",
)
