"""Django's PostgreSQL, with the patience of a web process: its `ENGINE`."""
