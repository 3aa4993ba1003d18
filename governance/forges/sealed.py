"""What a server proves itself with, and what we show it: sealed in its row.

Each for its own purpose: in the place of the other it opens nothing. Reading raises
`sealing.CannotOpen`, also for what stands there as it is. What was replaced last
counts, and only that.
"""

from typing import Literal

from governance.models import Forge, ForgeRequest, ForgeSecret
from governance.sealing import seal, unseal

Kept = Forge | ForgeSecret


def put_secret(row: Kept, forge: Forge, secret: str) -> None:
    """Seal in a row that is not stored yet what the server proves itself with."""
    row.secret = seal(secret, about=str(forge.pk))


def put_credential(row: Kept, forge: Forge, credential: str) -> None:
    """Seal in a row that is not stored yet what we show the server."""
    row.credential = seal(credential, about=_shown(forge))


def put_token(row: ForgeRequest, token: str) -> None:
    """Seal in a question that is not stored yet what its answer is shown with."""
    row.token = seal(token, about=_answering(row))


def secret_of(forge: Forge) -> str:
    """What the server proves itself with."""
    return unseal(_newest(forge, "secret"), about=str(forge.pk))


def credential_of(forge: Forge) -> str:
    """What we show when we answer."""
    return unseal(_newest(forge, "credential"), about=_shown(forge))


def token_of(row: ForgeRequest) -> str:
    """What the check gave us for the answer to this question, and no other."""
    return unseal(row.token, about=_answering(row))


def _newest(forge: Forge, name: Literal["secret", "credential"]) -> str:
    rows = forge.replacements.exclude(**{name: ""}).order_by("-sequence")
    found: str | None = rows.values_list(name, flat=True).first()
    return getattr(forge, name) if found is None else found


def _shown(forge: Forge) -> str:
    return f"{forge.pk} credential"


def _answering(row: ForgeRequest) -> str:
    return f"{row.pk} token"
