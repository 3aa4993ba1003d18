"""Django configuration of the top floor."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils import timezone


class GovernanceConfig(AppConfig):
    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Governance"

    def ready(self) -> None:
        """Fill an empty installation after its tables and triggers exist."""
        post_migrate.connect(_install, sender=self)


def _install(*, plan: Any = (), **_kwargs: Any) -> None:
    from governance.installation import install  # noqa: PLC0415 - models load later

    install(at=timezone.now())
