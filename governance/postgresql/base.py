"""The database of a web process: no request waits longer for it than it may."""

from typing import Any

from django.db.backends.postgresql import base

from governance import patience


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes connections from the pool (`patience.pool`) while there is time left.

    Django's own asks the pool anew even to leave a transaction whose connection is
    lost, and would then wait once more.
    """

    def get_new_connection(self, conn_params: Any) -> Any:
        """A connection that still answered. Raises `PoolTimeout`."""
        self.pool.open()
        with patience.counted():
            return self.pool.getconn(timeout=patience.left(patience.POOL_SECONDS))
