"""Freigabe's settings with the peers beside it, for the benchmarks of capture only."""

from governance.settings import *  # noqa: F403
from governance.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "pgtrigger",
    "pghistory",
    "simple_history",
    "auditlog",
    "tests.benchmarks.peers",
]
