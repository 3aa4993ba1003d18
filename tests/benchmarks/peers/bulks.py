"""Times bulk writes of three variants, interleaved. Run by stage.run(); prints JSON."""

import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import django

django.setup()

import pghistory  # noqa: E402 - the models need Django set up
from django.db import transaction  # noqa: E402
from django.db.models import F  # noqa: E402

from audits.models import Entry  # noqa: E402
from registry.acts import acting, through  # noqa: E402
from tests.benchmarks.peers import models, stage  # noqa: E402
from tests.benchmarks.peers.row import Row  # noqa: E402

ROWS, BATCH, PASSES = 10_000, 1_000, 4
VARIANTS: dict[str, tuple[type[Row], Callable[[], Any]]] = {
    "plain": (models.Plain, transaction.atomic),
    "ours": (models.Ours, lambda: acting(by=17)),
    "pghistory": (models.Pghistory, lambda: pghistory.context(user=17)),
}


def _bulk_update(model: type[Row]) -> None:
    rows = list(model._default_manager.order_by("pk")[:ROWS])
    for row in rows:
        row.status = f"status-{row.risk_tier}-{uuid.uuid4().hex[:4]}"
        row.threshold += Decimal("0.000001")
    model._default_manager.bulk_update(rows, ["status", "threshold"], batch_size=BATCH)


def _update(model: type[Row]) -> None:
    first = model._default_manager.order_by("pk")[:ROWS].values("pk")
    model._default_manager.filter(pk__in=first).update(risk_tier=F("risk_tier") + 1)


def _bulk_create(model: type[Row]) -> None:
    model._default_manager.bulk_create(
        (model(code=uuid.uuid4().hex, name="Model", facts={}) for _ in range(ROWS)),
        batch_size=BATCH,
    )


def measure() -> dict[str, Any]:
    """Seconds of each operation and variant, pass by pass; all must be recorded."""
    for model, _around in VARIANTS.values():
        _bulk_create(model)
    answer: dict[str, Any] = {"rows": ROWS}
    events = models.Pghistory.pgh_event_model.objects  # type: ignore[attr-defined]
    ours = Entry.objects.filter(rel="public.peers_ours", pk_text__isnull=False)
    operations = {
        "bulk_update": _bulk_update,
        "update": _update,
        "bulk_create": _bulk_create,
    }
    for name, operation in operations.items():
        before = ours.count(), events.count()
        times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(PASSES):
            for variant in random.sample(list(VARIANTS), len(VARIANTS)):
                model, around = VARIANTS[variant]
                begin = time.perf_counter()
                with around():
                    operation(model)
                times[variant].append(time.perf_counter() - begin)
        written = ours.count() - before[0], events.count() - before[1]
        if written != (ROWS * PASSES, ROWS * PASSES):
            raise SystemExit(f"{name} recorded {written}: the numbers are void.")
        answer[name] = times
    return answer


if __name__ == "__main__":
    stage.prepare()
    with through("page"):
        measured = measure()
    sys.stdout.write(json.dumps(measured))
