"""People log in at their identity provider: by recorded subject, or not at all."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured

from governance import persons
from governance.environment import require_together
from registry.models import User
from tests.governance.issuer import jwk, key_set, rsa_key, seconds
from tests.governance.provider import CLIENT, recorded
from tests.world import NOW, later


@pytest.fixture
def vera(world, provider):
    recorded(world, world.vera, provider, "s-vera", NOW)
    return world.vera


def come(client, provider, sub="s-vera", at=NOW, start="/single-sign-on", **claims):
    asked = client.get(start)
    assert asked.status_code == 302, asked.content
    return client.get(
        "/single-sign-on/back", provider.visit(asked.url, at=at, sub=sub, **claims)
    )


def who(client) -> str | None:
    return client.session.get("_auth_user_id")


def test_a_recorded_subject_logs_its_account_in(client, clock, vera, provider):
    answer = come(client, provider, start="/single-sign-on?next=/worklist")
    assert (answer.status_code, answer.url) == (302, "/worklist")
    assert who(client) == str(vera.pk)


def test_the_provider_is_asked_for_the_subject_alone_with_pkce(
    client, clock, vera, provider
):
    asked = client.get("/single-sign-on")
    query = parse_qs(urlsplit(asked.url).query)
    assert asked.url.startswith(f"{provider.address}/authorize?")
    assert query["scope"] == ["openid"] and query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert "prompt" not in query


def test_the_client_shows_its_secret(client, clock, vera, provider, settings):
    settings.FREIGABE_SSO_CLIENT_SECRET = "a:b"
    come(client, provider)
    shown, form = provider.exchanges[0]
    assert shown == "Basic ZnJlaWdhYmU6YSUzQWI="
    assert "client_secret" not in form


def test_nobody_is_made_or_matched_by_an_address(client, clock, vera, provider):
    before = User.objects.count()
    answer = come(client, provider, sub="other", email=vera.email, email_verified=True)
    assert answer.status_code == 403
    assert "record your subject" in answer.content.decode()
    assert who(client) is None and User.objects.count() == before


def test_an_ended_identity_lets_nobody_in(client, clock, world, provider):
    row = recorded(world, world.vera, provider, "s-vera", NOW)
    persons.end_identity(identity=row, reason="Wrong.", by=world.adam, at=NOW)
    assert come(client, provider).status_code == 403


def test_a_subject_of_two_accounts_lets_nobody_in(client, clock, world, vera, provider):
    recorded(world, world.carl, provider, "s-vera", NOW)
    assert come(client, provider).status_code == 403


def test_a_subject_of_another_issuer_lets_nobody_in(client, clock, world, provider):
    provider.address, here = "https://other.example", provider.address
    recorded(world, world.vera, provider, "s-vera", NOW)
    provider.address = here
    assert come(client, provider).status_code == 403


def test_a_deactivated_account_stays_out(client, clock, vera, provider):
    User.objects.filter(pk=vera.pk).update(is_active=False)
    assert come(client, provider).status_code == 403


BAD = {
    "another issuer": {"iss": "https://other.example"},
    "for somebody else": {"aud": "other"},
    "for others as well": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "another nonce": {"nonce": "n"},
    "no nonce": {"nonce": ...},
    "expired": {"exp": seconds(NOW) - 20, "iat": seconds(NOW) - 60},
    "not yet": {"iat": seconds(NOW) + 60},
    "times as text": {"exp": "tomorrow"},
    "no end": {"exp": ...},
    "endless": {"exp": float("inf")},
    "no subject": {"sub": ...},
    "subject as number": {"sub": 7},
    "methods as text": {"amr": "pwd"},
    "moment as text": {"auth_time": "now"},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
def test_a_token_that_proves_nothing_lets_nobody_in(
    client, clock, vera, provider, claims
):
    answer = come(client, provider, **claims)
    assert answer.status_code == 403, answer.content.decode()
    assert who(client) is None


def test_a_foreign_signature_lets_nobody_in(client, clock, vera, provider):
    provider.key = rsa_key("foreign")
    answer = come(client, provider)
    assert "signature of the identity token is wrong" in answer.content.decode()


def test_an_unknown_key_lets_nobody_in(client, clock, vera, provider):
    provider.keys = key_set(jwk("k2"))
    assert come(client, provider).status_code == 403


def test_an_answer_to_another_browser_is_worth_nothing(client, clock, vera, provider):
    asked = client.get("/single-sign-on")
    back = provider.visit(asked.url, at=NOW, sub="s-vera")
    other = type(client)()
    assert other.get("/single-sign-on/back", back).status_code == 403
    assert who(other) is None


def test_an_answer_counts_once_and_for_ten_minutes(client, clock, vera, provider):
    asked = client.get("/single-sign-on")
    back = provider.visit(asked.url, at=NOW, sub="s-vera")
    clock(later(minutes=10))
    assert client.get("/single-sign-on/back", back).status_code == 403
    clock(NOW)
    assert client.get("/single-sign-on/back", back).status_code == 403


def test_another_issuer_in_the_answer_is_refused(client, clock, vera, provider):
    asked = client.get("/single-sign-on")
    back = provider.visit(asked.url, at=NOW, sub="s-vera")
    answer = client.get("/single-sign-on/back", {**back, "iss": "https://x.example"})
    assert answer.status_code == 403 and not provider.exchanges


def test_nobody_is_sent_on_to_another_site(client, clock, vera, provider):
    answer = come(client, provider, start="/single-sign-on?next=https://evil.example/")
    assert answer.url == "/"


@pytest.mark.parametrize(
    "bent",
    [
        {"issuer": "https://other.example"},
        {"authorization_endpoint": "https://evil.example/authorize"},
        {"authorization_endpoint": None},
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_followed(client, provider, bent):
    provider.pages |= bent
    assert client.get("/single-sign-on").status_code == 503


def test_a_code_is_sent_to_no_other_host(client, clock, vera, provider):
    provider.pages["token_endpoint"] = "http://127.0.0.2:1/token"
    assert come(client, provider).status_code == 503
    assert not provider.exchanges


def test_our_own_network_is_not_called_unless_allowed(client, provider, settings):
    settings.FREIGABE_OIDC_ALLOW = []
    answer = client.get("/single-sign-on")
    assert answer.status_code == 503 and not provider.asked


def test_without_settings_there_is_no_such_door(client, db):
    assert client.get("/single-sign-on").status_code == 404
    assert "single sign-on" not in client.get("/account/login/").content.decode()


def test_the_log_in_page_offers_it(client, provider, db):
    assert "/single-sign-on" in client.get("/account/login/").content.decode()


def test_half_a_setting_does_not_start():
    with pytest.raises(ImproperlyConfigured, match="Set CLIENT"):
        require_together(needed=False, ISSUER="https://x", CLIENT="")
    with pytest.raises(ImproperlyConfigured, match="ISSUER, CLIENT"):
        require_together(needed=True, ISSUER="", CLIENT="")
    require_together(needed=False, ISSUER="", CLIENT="")
