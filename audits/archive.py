"""Archiving whole partitions of entries; leaves, tiles and proofs stay."""

# Being written by the session that also writes governance/backup.py (see there).
