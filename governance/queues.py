"""The queues of the embedded default broker."""

from django.conf import settings
from django.db import connection, transaction
from pgmq.install import get_embedded_install_sql

QUEUES = ("clock", "evidence", "dossier")


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
