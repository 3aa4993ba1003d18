"""What the tests of the set-up share."""

import signal
from collections.abc import Iterator

import pytest

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def restored_signals() -> Iterator[list[str]]:
    """Put back the signals that a supervisor takes; gives a list for its lines."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield []
    for number, handler in before.items():
        signal.signal(number, handler)
