"""Imports a library without a large one that it would pull along if it were there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(name: str) -> Iterator[None]:
    """Hide a package while others are imported; afterwards it is there again.

    XGBoost and LightGBM import scikit-learn for wrappers that nobody uses here: 0.7
    seconds and 130 MiB of each child. A package that is loaded already stays.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # its import then fails
    try:
        yield
    finally:
        del sys.modules[name]
