"""The queues of the embedded default broker."""

from django.conf import settings
from django.db import connections, transaction
from pgmq.install import get_embedded_install_sql
from psycopg import sql

from audits.capture import MIGRATION

QUEUES = ("clock", "evidence", "dossier")
# The owner's functions act for the application, which owns no table and makes none.
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.prokind = 'f'
AND p.pronamespace = 'pgmq'::regnamespace AND NOT p.prosecdef
"""


def install() -> None:
    """Install pgmq's SQL and our queues where they are missing, as the owner.

    Does nothing for another broker. It needs neither extension nor superuser.
    """
    if not settings.CELERY_BROKER_URL.startswith("pgmq://"):
        return
    alias = settings.FREIGABE_OWNER_ALIAS
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('freigabe.queues'))")
        cursor.execute(
            "SELECT set_config('freigabe.actor', %s, true)",
            [MIGRATION],
        )
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone() == (None,):
            cursor.execute(get_embedded_install_sql())
        for queue in QUEUES:
            cursor.execute("SELECT pgmq.create(%s)", [queue])
        if alias != "default":
            cursor.execute(_FUNCTIONS)
            for (function,) in cursor.fetchall():
                cursor.execute(
                    f"ALTER FUNCTION {function} SECURITY DEFINER "
                    "SET search_path = pgmq, pg_catalog, pg_temp"
                )
            cursor.execute(
                sql.SQL("GRANT USAGE ON SCHEMA pgmq TO {}").format(
                    sql.Identifier(settings.FREIGABE_DATABASE_ROLE)
                )
            )
