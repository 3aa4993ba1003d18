"""A benchmark in a process and a database of its own, on the server of the run."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from governance import database_roles, embedded


def run(module: str, *arguments: str, settings: str = "governance.settings") -> Any:
    """Run a module on a new, empty database; return the JSON that it prints.

    Its log cannot spoil that of another benchmark, and a process reads Django's list
    of apps only once.
    """
    data = Path(os.environ["FREIGABE_VAR"]) / "postgres"
    name = module.rpartition(".")[2]
    superuser = embedded.dsn_for(data, user="postgres", database="postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        for statement in (
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            "CREATE DATABASE {}",
        ):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    database_roles.prepare_database(
        embedded.dsn_for(data, user="postgres", database=name)
    )
    owner = embedded.dsn_for(data, user=database_roles.OWNER, database=name)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "DATABASE_URL": embedded.dsn_for(data, database=name),
            "FREIGABE_OWNER_URL": owner,
            # The signer remembers by origin what it signed.
            "FREIGABE_LOG_ORIGIN": f"bench.local/{name}/{os.urandom(4).hex()}",
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def paired(ours: list[float], peer: list[float]) -> dict[str, float]:
    """Return both medians, and the median of the ratios within each pass.

    What else runs on the machine disturbs both halves of a pass alike.
    """
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    return {
        "ours": statistics.median(ours),
        "reference": statistics.median(peer),
        "ratio": statistics.median(ratios),
    }
