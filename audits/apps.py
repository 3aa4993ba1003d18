"""Django configuration of the middle floor."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from audits import capture


class AuditsConfig(AppConfig):
    name = "audits"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Audits"

    def ready(self) -> None:
        """Put every table under capture once all migrations have run."""
        post_migrate.connect(install_capture, sender=self)
        import_module("audits.outside.checks")  # it registers itself


def install_capture(*, using: str, **_: Any) -> None:
    """Answer post_migrate; Django sends it last, when all tables are there."""
    capture.install(using=using)
