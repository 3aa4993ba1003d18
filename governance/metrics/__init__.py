"""Numbers for Prometheus, on a port of their own: how much and how long, never who."""

from governance.metrics.serving import start

__all__ = ["start"]
