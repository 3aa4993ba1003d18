"""Waking a worker after a commit, so that nobody waits for the clock."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError
from psycopg import Error as DatabaseError

logger = logging.getLogger(__name__)

EVIDENCE = "governance.tasks.execute_evidence"
FORGES = "governance.tasks.call_forges"
DOSSIERS = "governance.tasks.render_dossiers"


def nudge(task: str) -> None:
    """Send the task once the act has committed.

    A broker that is down costs seconds, not work: the clock finds the pending row.
    """
    transaction.on_commit(lambda: _send(task))


def _send(task: str) -> None:
    try:
        current_app.send_task(task, retry=False, expires=60)
    except (KombuError, DatabaseError, OSError) as error:
        logger.warning("The broker did not take %s: %s", task, error)
