"""Times saves of all variants, interleaved. Run by stage.run(); prints JSON."""

import itertools
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import django

django.setup()

import pghistory  # noqa: E402 - the models need Django set up
from auditlog.models import LogEntry  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from audits.models import Entry  # noqa: E402
from registry.acts import acting, through  # noqa: E402
from tests.benchmarks.peers import models, stage  # noqa: E402
from tests.benchmarks.peers.row import Row  # noqa: E402

PASSES, SAVES, POOL = 80, 20, 200
CONTEXT = {"sub": "17", "via": "page", "request": uuid.uuid4().hex, "reason": ""}
_numbers = itertools.count()
Around = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Variant:
    """A way to save: the table, and what an application opens around the save."""

    name: str
    model: type[Row]
    around: Around


@contextmanager
def _prefixed() -> Iterator[None]:
    """Send the context in front of the statement, as django-pghistory does."""

    def execute(call: Any, query: Any, values: Any, many: bool, state: Any) -> Any:
        result = call(
            f"SELECT set_config('freigabe.actor', %s, true); {query}",
            (json.dumps(CONTEXT), *values),
            many,
            state,
        )
        while state["cursor"].cursor.nextset():
            pass
        return result

    with connection.execute_wrapper(execute):
        yield


def _act() -> AbstractContextManager[object]:
    return acting(by=17)


def _pghistory() -> AbstractContextManager[object]:
    return pghistory.context(user=17, url="/page", request=CONTEXT["request"])


@contextmanager
def _pghistory_in_transaction() -> Iterator[None]:
    with transaction.atomic(), _pghistory():
        yield


VARIANTS = (
    Variant("plain", models.Plain, nullcontext),
    Variant("plain in atomic()", models.Plain, transaction.atomic),
    Variant("act", models.Ours, _act),
    Variant("act, one personal column", models.OursPersonal, _act),
    Variant("no context", models.Ours, nullcontext),
    Variant("one statement", models.Ours, _prefixed),
    Variant("pghistory with context", models.Pghistory, _pghistory),
    Variant("pghistory in atomic()", models.Pghistory, _pghistory_in_transaction),
    Variant("simple-history", models.SimpleHistory, nullcontext),
    Variant("auditlog", models.Auditlog, nullcontext),
)


def measure(operation: str) -> dict[str, list[float]]:
    """Microseconds for a save of each variant, pass by pass, in random order."""
    pools = {model: _pool(model) for model in {v.model for v in VARIANTS}}
    before = recorded()
    times: dict[str, list[float]] = {v.name: [] for v in VARIANTS}
    for _ in range(PASSES):
        for variant in random.sample(VARIANTS, len(VARIANTS)):
            rows = _rows(variant.model, operation, pools[variant.model])
            times[variant.name].append(_timed(variant, rows) / SAVES * 1e6)
    _require_recorded(before)
    return times


def recorded() -> dict[str, int]:
    """Count what each way of recording has written so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM audits_entry WHERE actor = '17' AND rel = %s "
            "AND body::jsonb->'ctx'->>'via' = 'page'",
            ["public.peers_ours"],
        )
        with_actor = cursor.fetchone()[0]
    return {
        "ours": Entry.objects.filter(rel="public.peers_ours").count(),
        "ours with context": with_actor,
        "personal": Entry.objects.filter(rel="public.peers_ourspersonal").count(),
        "pghistory": models.Pghistory.pgh_event_model.objects.exclude(  # type: ignore[attr-defined]
            pgh_context=None
        ).count(),
        "simple-history": models.SimpleHistory.history.count(),
        "auditlog": LogEntry.objects.count(),
    }


def _require_recorded(before: dict[str, int]) -> None:
    """Stop when somebody did not record every save: the numbers would be void."""
    times = PASSES * SAVES
    expected = dict.fromkeys(before, times) | {
        "ours": 3 * times,
        "ours with context": 2 * times,
        "pghistory": 2 * times,
    }
    written = {name: n - before[name] for name, n in recorded().items()}
    if written != expected:
        raise SystemExit(f"Recorded {written}, not {expected}: the numbers are void.")


def _timed(variant: Variant, rows: list[Row]) -> float:
    around = variant.around
    begin = time.perf_counter()
    for row in rows:
        with around():
            row.save()
    return time.perf_counter() - begin


def _rows(model: type[Row], operation: str, pool: list[Row]) -> list[Row]:
    if operation == "create":
        return [_new(model) for _ in range(SAVES)]
    rows = random.sample(pool, SAVES)
    for row in rows:
        number = next(_numbers)
        row.status = f"status-{number}"
        row.threshold = Decimal(number % 1_000_000) / 1_000_000
        row.changed_at = timezone.now()
    return rows


def _new(model: type[Row]) -> Row:
    number = next(_numbers)
    return model(
        code=f"model-{number}",
        name=f"Model {number}",
        facts={"purpose": "credit", "population": number, "regions": ["AT", "DE"]},
    )


def _pool(model: type[Row]) -> list[Row]:
    rows = [_new(model) for _ in range(POOL)]
    for row in rows:
        row.save()
    return list(model._default_manager.all())


if __name__ == "__main__":
    stage.prepare()
    with through("page", request=CONTEXT["request"]):
        answer = measure(sys.argv[1])
    sys.stdout.write(json.dumps(answer))
