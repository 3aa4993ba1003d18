"""What happened, as events for the SIEM, in the order of the log."""

from governance.siem.reading import MOST_LEAVES, Page, read

__all__ = ["MOST_LEAVES", "Page", "read"]
