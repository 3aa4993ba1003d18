"""Keys in a PKCS#11 token, the gate's and the seal's: an HSM, SoftHSM in tests."""

import contextlib
import importlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from functools import cache, partial
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.conf import settings
from django.utils.translation import gettext as _

from audits.note import NoteMalformed, parse_public_key
from governance.permit.key import NoKey, SigningKey

# A token that does not answer denies. A decision asks four times at most, so that the
# gate never hangs for five seconds.
PATIENCE_SECONDS = 1.2
ED25519 = bytes.fromhex("06032b6570")  # the OID 1.3.101.112 in DER (RFC 8410, 3)
OCTET_STRING = b"\x04\x20"
POINT_BYTES = 65  # of P-256, uncompressed (SEC 1, 2.3.3)

T = TypeVar("T")
_sessions: dict[
    tuple[int, str, str], Any
] = {}  # touched by the thread of `_queue` only


def configured() -> bool:
    """Whether the operator named a PKCS#11 module."""
    return bool(settings.FREIGABE_PKCS11_MODULE)


def find(label: str) -> SigningKey:
    """The Ed25519 key with this label. Raises `NoKey`."""
    return _key(label, _ask(partial(_read, label)))


def find_or_make(label: str) -> SigningKey:
    """The same; it is made inside the token, and never leaves it, if there is none."""
    return _key(label, _ask(partial(_read_or_make, label)))


def find_ecdsa(
    label: str,
) -> tuple[ec.EllipticCurvePublicKey, Callable[[bytes], bytes]]:
    """The P-256 key with this label, and what signs a digest with it (DER).

    Both raise `NoKey`.
    """
    point = _ask(partial(_read_ecdsa, label))
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), point[-POINT_BYTES:]
        )
    except ValueError as error:
        raise NoKey(
            _("The key %(label)s in the token is no P-256 key.") % {"label": label}
        ) from error
    return public, lambda digest: _der(_ask(partial(_sign_ecdsa, label, digest)))


def _der(signature: bytes) -> bytes:
    """A token answers r and s one after the other (PKCS #11, 2.3.1)."""
    half = len(signature) // 2
    numbers = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
    return encode_dss_signature(*numbers)


def _key(label: str, point: bytes) -> SigningKey:
    try:
        public: Ed25519PublicKey = parse_public_key(point.removeprefix(OCTET_STRING))
    except NoteMalformed as error:
        raise NoKey(
            _("The key %(label)s in the token is no Ed25519 key.") % {"label": label}
        ) from error
    return SigningKey(public, lambda message: _ask(partial(_sign, label, message)))


def _ask(work: Callable[[Any, Any], T]) -> T:
    """Do this with an open session, one at a time. Raises `NoKey` for every failure."""
    if not configured():
        raise NoKey(
            _("The gate's key is in a token, and FREIGABE_PKCS11_MODULE names none.")
        )
    try:
        pkcs11 = importlib.import_module("pkcs11")
        failures = importlib.import_module("pkcs11.exceptions")
    except ImportError as error:
        raise NoKey(
            _("python-pkcs11 is not installed: pip install freigabe[pkcs11].")
        ) from error
    queue = _queue(os.getpid())
    try:
        return queue.submit(_with_session, pkcs11, work).result(PATIENCE_SECONDS)
    except TooSlow as error:
        raise NoKey(_("The PKCS#11 token does not answer.")) from error
    except (failures.PKCS11Error, RuntimeError, OSError, ValueError) as error:
        said = str(error) or type(error).__name__
        raise NoKey(_("The PKCS#11 token refuses: %(why)s.") % {"why": said}) from error


@cache
def _queue(_process: int) -> ThreadPoolExecutor:
    """One thread a process: two must not use a session at once, nor a fork."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="pkcs11")


def _with_session(pkcs11: Any, work: Callable[[Any, Any], T]) -> T:
    """Work with the session of this process; a broken one is opened anew, once."""
    name = (
        os.getpid(),
        settings.FREIGABE_PKCS11_MODULE,
        settings.FREIGABE_PKCS11_TOKEN,
    )
    if name in _sessions:
        try:
            return work(pkcs11, _sessions[name])
        except pkcs11.exceptions.PKCS11Error:
            with contextlib.suppress(pkcs11.exceptions.PKCS11Error):
                _sessions.pop(name).close()
    library = pkcs11.lib(settings.FREIGABE_PKCS11_MODULE)
    token = library.get_token(token_label=settings.FREIGABE_PKCS11_TOKEN)
    session = token.open(user_pin=settings.FREIGABE_PKCS11_PIN, rw=True)
    _sessions[name] = session
    return work(pkcs11, session)


def _read(label: str, pkcs11: Any, session: Any) -> bytes:
    public = session.get_key(
        object_class=pkcs11.ObjectClass.PUBLIC_KEY,
        key_type=pkcs11.KeyType.EC_EDWARDS,
        label=label,
    )
    return bytes(public[pkcs11.Attribute.EC_POINT])


def _read_or_make(label: str, pkcs11: Any, session: Any) -> bytes:
    try:
        return _read(label, pkcs11, session)
    except pkcs11.exceptions.NoSuchKey:
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS,
            {pkcs11.Attribute.EC_PARAMS: ED25519},
            local=True,
        )
        curve.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=label
        )
    return _read(label, pkcs11, session)


def _sign(label: str, message: bytes, pkcs11: Any, session: Any) -> bytes:
    private = session.get_key(
        object_class=pkcs11.ObjectClass.PRIVATE_KEY,
        key_type=pkcs11.KeyType.EC_EDWARDS,
        label=label,
    )
    return bytes(private.sign(message, mechanism=pkcs11.Mechanism.EDDSA))


def _read_ecdsa(label: str, pkcs11: Any, session: Any) -> bytes:
    public = session.get_key(
        object_class=pkcs11.ObjectClass.PUBLIC_KEY,
        key_type=pkcs11.KeyType.EC,
        label=label,
    )
    return bytes(public[pkcs11.Attribute.EC_POINT])


def _sign_ecdsa(label: str, digest: bytes, pkcs11: Any, session: Any) -> bytes:
    private = session.get_key(
        object_class=pkcs11.ObjectClass.PRIVATE_KEY,
        key_type=pkcs11.KeyType.EC,
        label=label,
    )
    return bytes(private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
