"""The clock: which task is due how often, and which worker does it."""

from datetime import timedelta
from typing import Any

ROUTES = {
    "governance.tasks.execute_*": {"queue": "evidence"},
    "governance.tasks.render_*": {"queue": "dossier"},
    # It reads the whole log: not on the clock's own queue.
    "governance.tasks.verify_*": {"queue": "dossier"},
    # It waits for others.
    "governance.tasks.ask_*": {"queue": "dossier"},
    "governance.tasks.export_*": {"queue": "dossier"},
    "governance.tasks.call_*": {"queue": "dossier"},
    "governance.tasks.pull_*": {"queue": "dossier"},
    "governance.tasks.mail_*": {"queue": "dossier"},
    "governance.tasks.join_*": {"queue": "dossier"},
}
SECONDS = {
    "integrate_log": 1,
    "tend_log": 10,
    "ask_outside": 15,
    "verify_log": 10,
    "execute_evidence": 3,
    "render_dossiers": 3,
    "mail_dossiers": 60,
    "pull_triggers": 300,
    "remind_signers": 300,
    "call_webhooks": 5,
    "call_forges": 3,
    "pull_deployments": 60,
    "join_lineage": 60,
}


def ticks(*, digests: bool, export_minutes: int | None) -> dict[str, dict[str, Any]]:
    """Celery beat's schedule; digests and exports only where they are configured.

    A tick that nobody took within its period is void: the next one does its work.
    """
    due = dict(SECONDS)
    if digests:
        due["mail_digests"] = 60
    if export_minutes is not None:
        due["export_log"] = 60 * export_minutes
    return {
        name: {
            "task": f"governance.tasks.{name}",
            "schedule": timedelta(seconds=seconds),
            "options": {"expires": 2 * seconds},
        }
        for name, seconds in due.items()
    }
