"""A database of its own for the peers: their triggers are findings in a real log."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pgtrigger
import psycopg
from django.core.management import call_command
from django.db import connections

from governance import database_roles, embedded

DATABASE = "peers"


def run(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module with the peers installed; return the JSON it prints.

    A process of its own, because Django reads its list of apps only once.
    """
    data = Path(os.environ["FREIGABE_VAR"]) / "postgres"
    superuser = embedded.dsn_for(data, user="postgres", database="postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    database_roles.prepare_database(
        embedded.dsn_for(data, user="postgres", database=DATABASE)
    )
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers.settings",
            "DATABASE_URL": embedded.dsn_for(data, database=DATABASE),
            "FREIGABE_OWNER_URL": embedded.dsn_for(
                data, user=database_roles.OWNER, database=DATABASE
            ),
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def prepare() -> None:
    """Make the tables, and put ours under capture as a migration of ours would."""
    call_command("migrate", verbosity=0)
    # The peers' own tables refer to ours, and have no migrations.
    call_command("migrate", verbosity=0, run_syncdb=True)
    pgtrigger.install(database="owner")
    with connections["owner"].cursor() as cursor:
        for table, personal in (
            ("peers_ours", ""),
            ("peers_ourspersonal", "owner_email"),
        ):
            cursor.execute(
                "SELECT audits_govern(%s::regclass, 'id', '', '', %s, false)",
                [table, personal],
            )
    connections["owner"].close()
