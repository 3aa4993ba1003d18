"""Which version of Freigabe runs here."""

import tomllib
from functools import cache

from django.conf import settings


@cache
def software_version() -> str:
    """The version that stands in the project's own pyproject.toml.

    One answer for what a validation package is for (21 CFR 11.10(a)) and for what a
    dossier names.
    """
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))
    return str(project["project"]["version"])
