"""How long we wait for the database and the broker: no answer of the gate hangs.

A server that is gone refuses at once; one that accepts and stays silent would keep a
request, and its thread, for ever. Time-outs of the server itself do not help then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

CONNECTING_SECONDS = 2  # to connect, and to hear whether a kept connection still lives
POOL_SECONDS = 3.0  # until one of the process's connections is free
DECIDING_SECONDS = 3.5  # a request that decides, for all its statements together
STATEMENT_SECONDS = 30.0  # any statement of any other request

RV = TypeVar("RV")


@dataclass
class _Budget:
    left: float


_budget: ContextVar[_Budget | None] = ContextVar("freigabe_patience", default=None)


class Silent(psycopg.OperationalError):
    """The database did not answer in time; the connection was given up."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Wait for the database so many seconds inside, all its answers together.

    Our own work is not counted: a process that has just started is slow, not hanging.
    """
    token = _budget.set(_Budget(left(seconds)))
    try:
        yield
    finally:
        _budget.reset(token)


def left(most: float) -> float:
    """Seconds that may be waited now, `most` at most; 0.0 when the time is over."""
    budget = _budget.get()
    return most if budget is None else min(max(budget.left, 0.0), most)


@contextmanager
def counted() -> Iterator[None]:
    """Take the time inside from what may be waited."""
    budget = _budget.get()
    before = budget.left if budget else inf
    began = monotonic()
    try:
        yield
    finally:
        if budget is not None:
            budget.left = before - (monotonic() - began)


class Impatient(psycopg.Connection[Any]):
    """A connection that gives up, and closes, when the server stays silent.

    What the server does meanwhile is never committed, unless it was the commit itself
    whose answer was lost: then the act stands, and whoever asked was told 503.
    """

    def wait(
        self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None
    ) -> RV:
        """As psycopg does, no longer than the request may take. Raises `Silent`."""
        patience = left(STATEMENT_SECONDS if timeout is None else timeout)
        try:
            with counted():
                return super().wait(gen, interval, patience)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise Silent(f"The database was silent for {patience:.1f} s.") from error

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Only the pool asks here, whether the server is there; Django has cursors."""
        with counted(), within(CONNECTING_SECONDS):
            return super().execute(*args, **kwargs)


def pool(size: int) -> dict[str, Any]:
    """The options of the pool of a web process.

    After an outage every request tries to connect anew: a pool that keeps trying by
    itself waits longer each time, up to minutes after the server is back.
    """
    return {
        "min_size": 1,
        "max_size": size,
        "timeout": POOL_SECONDS,
        "reconnect_timeout": 1.0,
        "connection_class": Impatient,
    }


def broker(url: str, *, database: str, hidden_seconds: int) -> dict[str, Any]:
    """The transport options of Celery for this broker.

    `database` is what pgmq connects to, as libpq keywords: its own reading of a URL
    drops ?host=/socket/dir. A message that a worker has taken is hidden from the others
    for so long; then, the worker being dead, another takes it.
    """
    if not url.startswith("pgmq://"):
        return {"max_retries": 1, "interval_start": 0, "connect_retries_timeout": 2}
    return {
        "conn_string": database,
        "init_extension": False,
        "pool_size": 2,
        "pool_timeout": 5,
        # No blocking read: a worker of two queues would sleep on the empty one.
        "wait_time_seconds": 0,
        "polling_interval": 1.0,
        "use_notify": True,
        "visibility_timeout": hidden_seconds,
    }
