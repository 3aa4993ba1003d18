"""Acts at the same moment, each on a connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def at_once(refusals: tuple[type[Exception], ...], *works: Callable[[], Any]) -> list:
    """What came of each, in their order: its answer, or the refusal that it met.

    Anything else that is raised, a database error first of all, fails the test.
    """
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            ready.wait(60)
            return work()
        except refusals as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
