"""Permits that were given: do they stand, taking them back, asking again, proving."""

from governance.issued.listing import PAYLOAD_TYPE, revoked_list
from governance.issued.proving import NotYet, proof_of
from governance.issued.renewing import CannotRenew, renew
from governance.issued.revoking import CannotRevoke, NoSuchPermit, revoke
from governance.issued.standing import VALID, is_revoked, state_of, states_of

__all__ = [
    "PAYLOAD_TYPE",
    "VALID",
    "CannotRenew",
    "CannotRevoke",
    "NoSuchPermit",
    "NotYet",
    "is_revoked",
    "proof_of",
    "renew",
    "revoke",
    "revoked_list",
    "state_of",
    "states_of",
]
