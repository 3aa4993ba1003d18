"""Backing up and restoring: the database, the stored files, and what was signed."""

# A second session has the same brief. Split: keeping and erasure (and their tests and
# docs/keeping.md) are the other's; archive.py, archive.sql, backup.py, the commands
# archive_log, backup and restore, their tests and docs/backup.md are written here.
