"""The tables of the peers, in a database of their own (apart.run)."""

from typing import Any

import pgtrigger
from django.core.management import call_command
from django.db import connections

from tests.benchmarks import apart

GOVERNED = {"peers_ours": "", "peers_ourspersonal": "owner_email"}


def run(module: str, *arguments: str) -> Any:
    """Run a module with the peers installed; return the JSON it prints."""
    return apart.run(module, *arguments, settings="tests.benchmarks.peers.settings")


def prepare() -> None:
    """Make the tables, and put ours under capture as a migration of ours would."""
    call_command("migrate", verbosity=0)
    # The peers' own tables refer to ours, and have no migrations.
    call_command("migrate", verbosity=0, run_syncdb=True)
    pgtrigger.install(database="owner")
    with connections["owner"].cursor() as cursor:
        for table, personal in GOVERNED.items():
            cursor.execute(
                "SELECT audits_govern(%s::regclass, 'id', '', '', %s, false)",
                [table, personal],
            )
    connections["owner"].close()
