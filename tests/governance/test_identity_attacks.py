"""Tokens that somebody made up, stole, or got for another repository."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives import serialization

from governance import identities
from governance.access import InvalidToken
from governance.models import PipelineToken
from tests.governance import issuer
from tests.governance.issuer import GITHUB, github, raw, rsa_key, token, trusted, wish
from tests.world import NOW, later

HEADER = {"alg": "RS256", "kid": "k1"}
HEAD = raw(HEADER, {}).partition(".")[0]


def enter(text, at=NOW):
    return identities.authenticate(text, at=at, address="192.0.2.7")


@pytest.fixture
def rule(world):
    return trusted(world)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, []])
def test_an_unsigned_token_is_refused(rule, algorithm):
    text = raw({**HEADER, "alg": algorithm}, github())
    with pytest.raises(InvalidToken, match="RS256"):
        enter(text)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_secret_to_sign_with(rule, algorithm):
    pem = (
        rsa_key("ours")
        .public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )
    signed = raw({**HEADER, "alg": algorithm}, github()).rpartition(".")[0]
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    mac = hmac.new(pem, signed.encode(), getattr(hashlib, name)).digest()
    text = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    with pytest.raises(InvalidToken, match="RS256"):
        enter(text)


@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "https://evil.example/jwks.json", "k1' OR '1'='1"),
        *("K1", "k1 ", "", "k" * 201, "k1\n", None, 1, ["k1"], {"kid": "k1"}),
    ],
)
def test_a_kid_is_the_name_of_a_key_and_nothing_else(rule, kid):
    signed = token(github())
    _head, claims, signature = signed.split(".")
    head = raw({**HEADER, "kid": kid}, {}).partition(".")[0]
    with pytest.raises(InvalidToken, match="kid|no such key"):
        enter(f"{head}.{claims}.{signature}")


def test_keys_that_a_token_brings_along_count_for_nothing(rule):
    thief = rsa_key("thief")
    own = issuer.jwk(key=thief)
    brought = {
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "jwk": own,
        "x5c": ["MIIB"],
    }
    with pytest.raises(InvalidToken, match="signature"):
        enter(token(github(), key=thief, **brought))
    assert enter(token(github(), **brought)).is_machine


@pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"b64": False}])
def test_unknown_extensions_are_refused(rule, extension):
    text = raw({**HEADER, **extension}, github(), b"x")
    with pytest.raises(InvalidToken, match="extensions"):
        enter(text)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://github.com/octo-org"},
        {"aud": issuer.AUDIENCE + "/"},
        {"aud": [issuer.AUDIENCE, "https://other.example"]},
        {"aud": []},
        {"aud": None},
        {"aud": ...},
        {"aud": {"0": issuer.AUDIENCE}},
    ],
)
def test_a_token_that_is_for_others_is_refused(rule, claims):
    with pytest.raises(InvalidToken):
        enter(token(github(**claims)))


T = issuer.seconds(NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": T - 31},
        {"exp": ...},
        {"exp": str(T + 300)},
        {"exp": True},
        {"exp": [T + 300]},
        {"exp": 1e308},
        {"exp": -1},
        {"exp": T + 3601},
        {"exp": T - 1, "iat": T},
        {"iat": ...},
        {"iat": T + 31},
        {"iat": T - 7200, "exp": T + 60},
        {"iat": str(T)},
        {"nbf": T + 31},
        {"nbf": None},
        {"nbf": "soon"},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 201},
        {"jti": "a\x00b"},
        {"iss": [GITHUB]},
    ],
)
def test_a_token_out_of_its_time_or_without_a_name_is_refused(rule, claims):
    text = raw(HEADER, github(**claims), b"x")
    with pytest.raises(InvalidToken) as refused:
        enter(text)
    assert "signature" not in str(refused.value)


def test_half_a_minute_between_two_clocks_is_forgiven(rule):
    assert enter(token(github(later(seconds=29)))).is_machine
    assert enter(token(github(exp=T + 60, jti="2")), at=later(seconds=89)).is_machine
    with pytest.raises(InvalidToken, match="expired"):
        enter(token(github(exp=T + 60, jti="2")), at=later(seconds=90))


def test_what_is_not_a_number_at_all_is_no_time(rule):
    claims = json.dumps(github()).replace(str(T + 300), "NaN")
    part = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
    head = raw(HEADER, {}).partition(".")[0]
    with pytest.raises(InvalidToken, match="exp"):
        enter(f"{head}.{part}.eA")


@pytest.mark.parametrize(
    "claims",
    [
        # A repository of the same name, made after ours was deleted.
        {"repository_id": "999"},
        {"repository_owner_id": "999"},
        {"repository_id": 456789},
        {"repository_id": ["456789"]},
        {"repository_id": ...},
        {"repository_id": "456789 "},
        # A pull request, from a fork or not.
        {"event_name": "pull_request"},
        {"event_name": "pull_request_target"},
        {"ref": "refs/pull/7/merge"},
        {"ref": "refs/heads/main2"},
        {"ref": "refs/heads/MAIN"},
        {"ref": ["refs/heads/main"]},
        {"environment": "production"},
        {"environment": ...},
        {"environment": {"name": "Production"}},
        {"runner_environment": "self-hosted"},
    ],
)
def test_a_job_that_is_not_the_one_we_trust_stays_outside(rule, claims):
    with pytest.raises(InvalidToken):
        enter(token(github(**claims)))
    assert not PipelineToken.objects.exists()


def test_a_pull_request_stays_outside_also_where_the_rule_says_nothing_of_refs(world):
    claims = {**issuer.CLAIMS}
    del claims["ref"]
    trusted(world, claims=claims)
    assert enter(token(github())).is_machine
    for ref in ("refs/pull/7/merge", ["refs/pull/7/merge"], 7):
        with pytest.raises(InvalidToken):
            enter(token(github(ref=ref, jti="2")))


def test_a_workflow_that_is_pinned_must_be_that_one(world):
    pinned = github()["job_workflow_ref"]
    trusted(world, claims={**issuer.CLAIMS, "job_workflow_ref": [pinned]})
    assert enter(token(github())).is_machine
    with pytest.raises(InvalidToken, match="job_workflow_ref"):
        enter(token(github(job_workflow_ref=pinned.replace("c", "d"), jti="2")))


def test_a_token_of_another_issuer_with_the_same_kid_is_refused(world):
    other = rsa_key("other")
    trusted(world)
    trusted(
        world,
        name="other",
        issuer="https://ghes.example/_services/token",
        jwks=issuer.key_set(issuer.jwk(key=other)),
    )
    theirs = github(iss="https://ghes.example/_services/token", jti="2")
    assert enter(token(theirs, key=other)).trust_rule.name == "other"
    for claims, key in ((github(), other), (theirs, rsa_key("ours"))):
        with pytest.raises(InvalidToken, match="signature"):
            enter(token(claims, key=key))
    with pytest.raises(InvalidToken, match="No rule"):
        enter(token(github(iss="https://evil.example")))


@pytest.mark.parametrize(
    "text",
    [
        "..",
        "a.b.c",
        "e30.e30.",
        "eyJhbGciOiJSUzI1NiJ9.W10.x",
        f"{HEAD}.{base64.urlsafe_b64encode(b'[' * 5000).decode()}.x",
        f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.e30.x",
        f"{HEAD}.!!!!.x",
        raw(HEADER, {"iss": "\ud800", "aud": "\ud800"}),
        "x" * 3000 + ".." + "y" * 5000,
        ".." + "1" * 100_000,
    ],
)
def test_what_is_no_token_is_refused_in_words(rule, text):
    with pytest.raises(InvalidToken):
        enter(text)


def test_a_changed_token_is_refused(rule):
    head, _claims, signature = token(github()).split(".")
    other = token(github(environment="Staging")).split(".")[1]
    with pytest.raises(InvalidToken, match="signature"):
        enter(f"{head}.{other}.{signature}")
    with pytest.raises(InvalidToken, match="signature"):
        enter(f"{head}.{_claims}.{signature[:-8]}AAAAAAAA")
    with pytest.raises(InvalidToken, match="signature"):
        enter(f"{head}.{_claims}.")


def test_nothing_opens_before_the_second_hand_and_after_the_end(world):
    identities.propose(wish=wish(), by=world.adam, at=NOW)
    with pytest.raises(InvalidToken, match="No rule"):
        enter(token(github()))
    text = token(github())
    made = trusted(world, name="second")
    assert enter(text).is_machine
    identities.end(rule=made, reason="Moved.", by=world.rita, at=later(minutes=1))
    with pytest.raises(InvalidToken, match="No rule"):
        enter(text, at=later(minutes=1))
    # Nor by a later rule that trusts the same job.
    trusted(world, name="third", at=later(minutes=2))
    with pytest.raises(InvalidToken, match="another rule"):
        enter(text, at=later(minutes=2))
    assert enter(token(github(jti="new")), at=later(minutes=2)).is_machine


def test_a_jti_stands_in_one_token_only(rule):
    assert enter(token(github())).is_machine
    assert enter(token(github())).is_machine
    with pytest.raises(InvalidToken, match="jti"):
        enter(token(github(run_id="100")))


def test_two_rules_that_fit_are_none(world):
    trusted(world)
    trusted(world, name="wider", models_pattern="*")
    with pytest.raises(InvalidToken, match="Several rules"):
        enter(token(github()))


def test_a_deactivated_identity_stays_outside(world, rule):
    rule.user.is_active = False
    rule.user.save()
    with pytest.raises(InvalidToken):
        enter(token(github()))
