"""What a stranger checks without Freigabe: no database, no settings, no network."""

from audits.offline.command import main

__all__ = ["main"]
