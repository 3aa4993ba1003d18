"""The Celery application: the clock and the muscle, never the memory."""

import os

from celery import Celery
from django.db.backends.utils import CursorWrapper
from pgmq.install import get_embedded_install_sql

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

QUEUES = ("clock", "evidence", "dossier")

app = Celery("freigabe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance"])


def install_queues(cursor: CursorWrapper) -> None:
    """Install pgmq's SQL and our queues where they are missing.

    Call it in a transaction. It needs no extension and no superuser.
    """
    cursor.execute("SELECT to_regclass('pgmq.meta')")
    if cursor.fetchone() == (None,):
        # Through psycopg: the script holds % signs, which Django would replace.
        cursor.cursor.execute(get_embedded_install_sql())
    for queue in QUEUES:
        cursor.execute("SELECT pgmq.create(%s)", [queue])
