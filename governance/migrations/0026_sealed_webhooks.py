"""Seals the secrets of webhooks, which stood in the table as they are."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import migrations

from governance.sealing import CannotOpen, seal, unseal

PREFIX = "whsec_"


def seal_secrets(apps: Any, editor: Any) -> None:
    """Seal each secret for its endpoint; from then on nothing else is read.

    A key that is not the installation's would make all of them unreadable: where
    something is sealed already, it must open first.
    """
    # The owner's connection, which names the migration as the author in the log.
    alias = editor.connection.alias
    endpoints = apps.get_model("governance", "WebhookEndpoint").objects.using(alias)
    plain = endpoints.filter(secret__startswith=PREFIX)
    if not plain.exists():
        return
    sources = apps.get_model("governance", "DeploymentSource").objects.using(alias)
    for known in (
        endpoints.exclude(secret__startswith=PREFIX),
        sources.exclude(secret=""),
    ):
        row = known.first()
        if row is not None:
            _require_opens(row)
    for row in plain.order_by("pk"):
        row.secret = seal(row.secret, about=str(row.pk))
        row.save(update_fields=["secret"])


def _require_opens(row: Any) -> None:
    try:
        unseal(row.secret, about=str(row.pk))
    except CannotOpen as error:
        raise ImproperlyConfigured(
            "Migrate with the FREIGABE_SECRET_KEY of the other processes: with this "
            "one nothing that was sealed opens."
        ) from error


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0025_ingest"),
    ]

    operations = [
        migrations.RunPython(seal_secrets),
    ]
