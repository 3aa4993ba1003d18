"""Since when a version is used, and by whom its request is signed."""

from datetime import datetime
from typing import TYPE_CHECKING

from governance.case import Case

if TYPE_CHECKING:
    from registry.models import User


def in_use_since(case: Case) -> datetime | None:
    """When the version was first authorised anywhere; None when it never was."""
    return case.around.used_since


def signers(case: Case) -> "list[User]":
    """The people who signed the request of a case, each once."""
    return list({row.signed_by_id: row.signed_by for row in case.signatures}.values())
