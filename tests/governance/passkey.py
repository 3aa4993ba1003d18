"""A passkey in software: what an authenticator does, with a key of its own."""

import base64
import hashlib
import json
import struct

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256

from registry.models import User

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Passkey:
    """ES256, attestation "none", a counter that rises."""

    def __init__(self, host: str = "testserver") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = hashlib.sha256(str(id(self)).encode()).digest()
        self.host = host
        self.count = 0

    def enrol(self, user: User, **more: object) -> Authenticator:
        """What allauth keeps once the account page has enrolled it."""
        public = ES256.from_cryptography_key(self.key.public_key())
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id
        data = self._data(PRESENT | VERIFIED | ATTESTED) + attested
        made = {
            "fmt": "none",
            "attStmt": {},
            "authData": data + cbor.encode(dict(public)),
        }
        client = self._client("webauthn.create", b64(b"enrolment"), "http")
        credential = {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {
                "clientDataJSON": b64(client),
                "attestationObject": b64(cbor.encode(made)),
            },
        }
        return Authenticator.objects.create(
            user=user,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": "Key", "credential": credential},
            **more,
        )

    def answer(
        self,
        options: dict,
        flags: int = PRESENT | VERIFIED,
        scheme: str = "http",
        step: int = 1,
    ) -> dict:
        """The assertion for what the server asks, as `toJSON` of the browser gives."""
        self.count += step
        wanted = options["publicKey"]["challenge"]
        client = self._client("webauthn.get", wanted, scheme)
        data = self._data(flags)
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(SHA256()))
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "authenticatorData": b64(data),
                "clientDataJSON": b64(client),
                "signature": b64(signature),
                "userHandle": None,
            },
        }

    def _data(self, flags: int) -> bytes:
        site = hashlib.sha256(self.host.encode()).digest()
        return site + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, challenge: str, scheme: str) -> bytes:
        origin = f"{scheme}://{self.host}"
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": origin}
        ).encode()
