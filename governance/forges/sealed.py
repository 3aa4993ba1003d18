"""What a server proves itself with, and what we show it: sealed in its row.

Each for its own purpose: in the place of the other it opens nothing. Reading raises
`sealing.CannotOpen`, also for what stands there as it is.
"""

from governance.models import Forge
from governance.sealing import seal, unseal


def put(forge: Forge, *, secret: str, credential: str) -> None:
    """Give a server that is not stored yet its secret and our credential, sealed."""
    forge.secret = seal(secret, about=str(forge.pk))
    if credential:
        forge.credential = seal(credential, about=_shown(forge))


def secret_of(forge: Forge) -> str:
    """What the server proves itself with."""
    return unseal(forge.secret, about=str(forge.pk))


def credential_of(forge: Forge) -> str:
    """What we show when we answer."""
    return unseal(forge.credential, about=_shown(forge))


def _shown(forge: Forge) -> str:
    return f"{forge.pk} credential"
