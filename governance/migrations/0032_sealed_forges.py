"""Seals what servers of pipelines prove themselves with, and what they are shown.

Both stood as they are in a table whose rows never change: its lock is opened for this
one change, in the migration's transaction, and the log keeps both.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import migrations
from django.db.models.functions import Length

from governance.sealing import CannotOpen, seal, unseal

PLAIN = 43  # signs of `secrets.token_urlsafe(32)`; sealed it has 96
LOCK = "governance_forge DISABLE TRIGGER aa_no_change"
LOCKED = "governance_forge ENABLE ALWAYS TRIGGER aa_no_change"


def seal_secrets(apps: Any, editor: Any) -> None:
    """Seal both for their server; from then on nothing else is read.

    A key that is not the installation's would make them unreadable: where something is
    sealed already, it must open first.
    """
    # The owner's connection, which names the migration as the author in the log.
    alias = editor.connection.alias
    forges = apps.get_model("governance", "Forge").objects.using(alias)
    measured = forges.annotate(length=Length("secret"))
    plain = list(measured.filter(length=PLAIN).order_by("pk"))
    if not plain:
        return
    for kind in ("WebhookEndpoint", "DeploymentSource"):
        rows = apps.get_model("governance", kind).objects.using(alias)
        _require_opens(rows.exclude(secret="").first())
    _require_opens(measured.exclude(length=PLAIN).first())
    with editor.connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {LOCK}")
        for row in plain:
            row.secret = seal(row.secret, about=str(row.pk))
            if row.credential:
                row.credential = seal(row.credential, about=f"{row.pk} credential")
            row.save(update_fields=["secret", "credential"])
        cursor.execute(f"ALTER TABLE {LOCKED}")


def _require_opens(row: Any) -> None:
    if row is None:
        return
    try:
        unseal(row.secret, about=str(row.pk))
    except CannotOpen as error:
        raise ImproperlyConfigured(
            "Migrate with the FREIGABE_SECRET_KEY of the other processes: with this "
            "one nothing that was sealed opens."
        ) from error


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0026_sealed_webhooks"),
    ]

    operations = [
        migrations.RunPython(seal_secrets),
    ]
