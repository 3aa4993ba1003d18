"""Looking at sources that are due: first all of the answer, then one act records it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.clusters import kubernetes, mlflow
from governance.clusters.asking import Asker, Seen, Unreachable
from governance.models import DeploymentSource, SourceRun
from governance.reconciliation.recording import record
from governance.sealing import CannotOpen, unseal
from registry.models import User


def due(*, at: datetime) -> list[DeploymentSource]:
    """The sources to look at now: their time has come, or a person asked."""
    rows = DeploymentSource.objects.filter(ended_at=None).select_related("environment")
    return [row for row in rows if _is_due(row, at)]


def _is_due(source: DeploymentSource, at: datetime) -> bool:
    last = source.runs.order_by("-sequence").first()
    if last is None or last.began_at > at:
        return True
    asked = source.asked_at is not None and last.began_at < source.asked_at <= at
    return asked or at >= last.began_at + timedelta(minutes=source.interval_minutes)


def reconcile(*, source: DeploymentSource, by: User, at: datetime) -> SourceRun:
    """Look at a source and record what runs there, or why it could not be seen.

    No transaction is open while others are waited for. Raises what `record` raises.
    """
    seen: Sequence[Seen] | None = None
    problem = ""
    try:
        seen = _look(source)
    except (Unreachable, CannotOpen) as error:
        problem = str(error)
    return record(source=source, seen=seen, problem=problem, by=by, at=at)


def _look(source: DeploymentSource) -> Sequence[Seen]:
    secret = unseal(source.secret, about=str(source.pk)) if source.secret else ""
    asker = Asker(source.url, secret, source.certificate)
    if source.kind == DeploymentSource.Kind.KUBERNETES:
        return kubernetes.look(asker, source.places)
    return mlflow.look(asker, source.places)
