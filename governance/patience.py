"""How long a web process waits for the database: no answer of the gate hangs.

A server that is gone refuses at once; one that accepts and stays silent would keep a
request, and its thread, for ever. Time-outs of the server itself do not help then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

CONNECTING_SECONDS = 2  # to connect, and to hear whether a kept connection still lives
POOL_SECONDS = 3.0  # until one of the process's connections is free
DECIDING_SECONDS = 3.5  # a request that decides, from its beginning to its last answer
STATEMENT_SECONDS = 30.0  # any statement of any other request

RV = TypeVar("RV")
_until: ContextVar[float | None] = ContextVar("freigabe_until", default=None)


class Silent(psycopg.OperationalError):
    """The database did not answer in time; the connection was given up."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give up what is asked of the database inside when so many seconds have passed."""
    outer = _until.get()
    end = monotonic() + seconds
    token = _until.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _until.reset(token)


def left(most: float) -> float:
    """Seconds that may be waited now, `most` at most; 0.0 when the time is over."""
    end = _until.get()
    return most if end is None else min(max(end - monotonic(), 0.0), most)


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
            return super().wait(gen, interval, patience)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise Silent(f"The database was silent for {patience:.1f} s.") from error

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Only the pool asks here, whether the server is there; Django has cursors."""
        with within(CONNECTING_SECONDS):
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
