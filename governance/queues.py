"""The broker's queues: how they are made, and how a task is nudged after a commit."""

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from pgmq.install import get_embedded_install_sql
from psycopg import Error
from psycopg_pool import PoolTimeout

QUEUES = ("clock", "evidence", "dossier")
logger = logging.getLogger(__name__)


def install() -> None:
    """Install pgmq's SQL and our queues where they are missing.

    Does nothing for another broker. It needs neither extension nor superuser.
    """
    if not settings.CELERY_BROKER_URL.startswith("pgmq://"):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('freigabe.queues'))")
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone() == (None,):
            cursor.execute(get_embedded_install_sql())
        for queue in QUEUES:
            cursor.execute("SELECT pgmq.create(%s)", [queue])


def nudge(task: str) -> None:
    """Ask for `task` of `governance.tasks` right after the commit.

    Work waits in tables, so a lost nudge loses nothing: the clock comes by.
    """
    transaction.on_commit(partial(_send, f"governance.tasks.{task}"))


def _send(name: str) -> None:
    try:
        current_app.send_task(name, retry=False)
    except (OperationalError, Error, PoolTimeout, OSError) as failure:
        logger.warning("No nudge for %s, the clock will do it: %s", name, failure)
