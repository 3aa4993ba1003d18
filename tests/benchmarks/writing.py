"""Counts acts with and without the integrator. Run by apart.run(); prints JSON."""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from audits import log  # noqa: E402
from registry.acts import acting, through  # noqa: E402
from registry.models import Environment  # noqa: E402

WRITERS, WINDOWS, SECONDS = 4, 8, 2.0
_TICK = settings.CELERY_BEAT_SCHEDULE["integrate_log"]["schedule"].total_seconds()
_fork = multiprocessing.get_context("fork")


def measure() -> dict[str, Any]:
    """Microseconds between two acts, in windows that alternate."""
    counts = [_fork.Value("L", 0) for _ in range(WRITERS)]
    running, stop = _fork.Event(), _fork.Event()
    jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (_write, (number, count, stop)) for number, count in enumerate(counts)
    ]
    jobs.append((_integrate, (running, stop)))
    processes = [_fork.Process(target=target, args=args) for target, args in jobs]
    for process in processes:
        process.start()
    try:
        time.sleep(2)
        pairs = [_pair(counts, running) for _ in range(WINDOWS)]
    finally:
        stop.set()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("A writer or the integrator failed: the numbers are void.")
    without, beside = zip(*pairs, strict=True)
    return {"without": without, "with": beside, "writers": WRITERS}


def _pair(counts: "list[Synchronized[int]]", running: Any) -> tuple[float, float]:
    """One window without, one with; what piled up is integrated between them."""
    running.clear()
    time.sleep(_TICK)
    without = _window(counts)
    running.set()
    time.sleep(_TICK)
    return without, _window(counts)


def _window(counts: "list[Synchronized[int]]") -> float:
    before = sum(count.value for count in counts)
    begin = time.perf_counter()
    time.sleep(SECONDS)
    done = sum(count.value for count in counts) - before
    return (time.perf_counter() - begin) / done * 1e6


def _write(number: int, count: "Synchronized[int]", stop: Any) -> None:
    while not stop.is_set():
        slug = f"w{number}-{count.value}"
        with through("page"), acting(by=17):
            Environment.objects.create(slug=slug, name=slug)
        count.value += 1
    connections.close_all()


def _integrate(running: Any, stop: Any) -> None:
    """As the clock does: integrate, sign, wait for the next tick."""
    while not stop.is_set():
        if running.wait(0.1):
            log.advance(at=timezone.now())
            stop.wait(_TICK)
    connections.close_all()


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    log.advance(at=timezone.now())
    connections.close_all()
    sys.stdout.write(json.dumps(measure()))
