"""Replacements of a forge's secrets; and the tokens of answers, which stood plain."""

import uuid
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from governance.sealing import seal


def seal_tokens(apps: Any, editor: Any) -> None:
    """Seal the token of each question that was not answered yet, for that question.

    A token lives two days. With another key than the installation's it would not open:
    then the answer fails and says so, which lets nothing through.
    """
    # The owner's connection, which names the migration as the author in the log.
    rows = apps.get_model("governance", "ForgeRequest").objects
    for row in rows.using(editor.connection.alias).exclude(token="").order_by("pk"):
        row.token = seal(row.token, about=f"{row.pk} token")
        row.save(update_fields=["token"])


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0035_token_claims_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(seal_tokens),
        migrations.CreateModel(
            name="ForgeSecret",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                ("secret", models.CharField(blank=True, max_length=100)),
                ("credential", models.TextField(blank=True)),
                ("replaced_at", models.DateTimeField()),
                (
                    "forge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replacements",
                        to="governance.forge",
                    ),
                ),
                (
                    "replaced_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["forge", "-sequence"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("forge", "sequence"), name="forge_secrets_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("secret", ""),
                                models.Q(("credential", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("secret", ""), _negated=True),
                                ("credential", ""),
                            ),
                            _connector="OR",
                        ),
                        name="a_forge_secret_or_its_credential",
                    ),
                ],
            },
        ),
    ]
