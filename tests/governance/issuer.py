"""An issuer of our own: keys made here, and tokens as GitHub makes them."""

import base64
import json
from datetime import datetime
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from governance import identities
from governance.identities import Wish
from governance.models import TrustRule
from governance.signatures import Proof
from tests.world import NOW, PASSWORD, World

GITHUB = "https://token.actions.githubusercontent.com"
AUDIENCE = "http://127.0.0.1:8000"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name, made once: it takes a while."""
    assert name
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(kid: str = "k1", key=None, **more: object) -> dict:
    public = (key or rsa_key("ours")).public_key()
    kind = RSAAlgorithm if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm
    found = kind.to_jwk(public, as_dict=True)
    found.pop("key_ops", None)
    return {**found, "kid": kid, "use": "sig", **more}


def key_set(*keys: dict) -> str:
    return json.dumps({"keys": list(keys or (jwk(),))})


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def github(at: datetime = NOW, **more: object) -> dict:
    """The claims of a job that deploys from the protected branch."""
    claims = {
        "iss": GITHUB,
        "aud": AUDIENCE,
        "sub": "repo:octo-org@123456/octo-repo@456789:environment:Production",
        "jti": "7f1c-1",
        "iat": seconds(at),
        "nbf": seconds(at) - 300,
        "exp": seconds(at) + 300,
        "repository": "octo-org/octo-repo",
        "repository_id": "456789",
        "repository_owner": "octo-org",
        "repository_owner_id": "123456",
        "environment": "Production",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "push",
        "sha": "a" * 40,
        "run_id": "99",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "job_workflow_ref": "octo-org/octo-repo/.github/workflows/d.yml@" + "c" * 40,
        **more,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def token(claims: dict, key=None, algorithm="RS256", **headers: object) -> str:
    signing = key if key is not None else rsa_key("ours")
    return jwt.encode(claims, signing, algorithm, headers={"kid": "k1", **headers})


def raw(header: dict, claims: dict, signature: bytes = b"") -> str:
    """A token as no library would make it."""
    parts = [json.dumps(part).encode() for part in (header, claims)] + [signature]
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts
    )


CLAIMS = {
    "repository_id": ["456789"],
    "repository_owner_id": ["123456"],
    "environment": ["Production"],
    "ref": ["refs/heads/main"],
    "event_name": ["push", "workflow_dispatch"],
    "runner_environment": ["github-hosted"],
}


def wish(**more: object) -> Wish:
    return Wish(
        **{
            "name": "mortgage-deploy",
            "kind": "github",
            "issuer": GITHUB,
            "claims": CLAIMS,
            "models_pattern": "mortgage-*",
            "environments": ["production"],
            "reason": "Deploys the mortgage model.",
            "jwks": key_set(),
            **more,
        }
    )


def trusted(world: World, at: datetime = NOW, **more: object) -> TrustRule:
    """A rule that Adam made and Rita confirmed."""
    rule = identities.propose(wish=wish(**more), by=world.adam, at=at)
    proof = Proof(password=PASSWORD)
    return identities.confirm(rule=rule, proof=proof, by=world.rita, at=at)
