"""What an application may be registered as (RFC 7591 section 2, RFC 8252, RFC 9700, FAPI 2.0)."""

from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from oauth.client_rules import MetadataRefused, Registration, require_registrable
from oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE

SERVICE = Registration(name="City portal", kind="partner", channel="city", scopes=frozenset({"slots.read"}))
WEB = replace(
    SERVICE,
    application_type="web",
    grant_types=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
    redirect_uris=("https://app.example/callback",),
)
NATIVE = replace(WEB, application_type="native", auth_method="none", redirect_uris=("http://127.0.0.1/callback",))


def public(key: Any) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


KEYS = {"keys": [public(ECKey.generate_key("P-384"))]}
KEYED = replace(SERVICE, auth_method="private_key_jwt", jwks=KEYS)


def refused(wanted: Registration, field: str) -> None:
    with pytest.raises(MetadataRefused) as refusal:
        require_registrable(wanted)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "wanted",
    [
        SERVICE,
        WEB,
        NATIVE,
        KEYED,
        replace(KEYED, jwks=None, jwks_uri="https://app.example/jwks.json"),
        replace(KEYED, profile="fapi2", dpop_required=True, par_required=True),
        replace(NATIVE, application_type="browser", redirect_uris=("https://app.example/",)),
        replace(NATIVE, redirect_uris=("http://[::1]:8080/cb", "example.app.hospital:/callback")),
        replace(SERVICE, grant_types=frozenset({CLIENT_CREDENTIALS, TOKEN_EXCHANGE})),
        replace(WEB, redirect_uris=("https://app.example:8443/callback?from=hospital",)),
    ],
)
def test_what_keeps_the_rules_is_registrable(wanted: Registration) -> None:
    require_registrable(wanted)


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/callback",
        "http://127.0.0.1/callback",
        "https://app.example/callback#part",
        "https://app.example/callback#",
        "https://*.app.example/callback",
        "https://app.example/*",
        "https://user@app.example/callback",
        "https://user:word@app.example/callback",
        "https://app.example/a/../callback",
        "https://app.example/./callback",
        "https://app.example:0/callback",
        "https://app.example:99999/callback",
        "https:///callback",
        "https:app.example/callback",
        "https://203.0.113.7/callback",
        "https://[2001:db8::1]/callback",
        "https://2130706433/callback",
        "https://0x7f.1/callback",
        "https://127.1/callback",
        "https://app.example;sandbox/callback",
        "https://app.example,https:/callback",
        "https://app.example%2eevil.example/callback",
        "https://app.example\\@evil.example/",
        "https://app.example/call back",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https://app.例子/callback",
        "//app.example/callback",
        "/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "example.app:/callback",
        "https://app.example/" + "a" * 500,
        "",
    ],
)
def test_a_redirect_address_that_could_lead_elsewhere_is_refused(address: str) -> None:
    refused(replace(WEB, redirect_uris=(address,)), "redirect_uris")
    refused(replace(WEB, post_logout_redirect_uris=(address,)), "post_logout_redirect_uris")


@pytest.mark.parametrize(
    "address",
    ["http://localhost/cb", "http://192.168.1.4/cb", "app:/cb", "example.app://host/cb", "javascript:alert(1)"],
)
def test_what_runs_on_a_device_has_loopback_or_a_scheme_of_its_own(address: str) -> None:
    refused(replace(NATIVE, redirect_uris=(address,)), "redirect_uris")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (replace(SERVICE, name=" "), "client_name"),
        (replace(SERVICE, name="n" * 101), "client_name"),
        (replace(SERVICE, contacts=("nobody",)), "contacts"),
        (replace(SERVICE, contacts=("a@b.example",) * 6), "contacts"),
        (replace(SERVICE, grant_types=frozenset()), "grant_types"),
        (replace(SERVICE, grant_types=frozenset({"password"})), "grant_types"),
        (replace(SERVICE, grant_types=frozenset({"implicit"})), "grant_types"),
        (replace(SERVICE, grant_types=frozenset({REFRESH_TOKEN})), "grant_types"),
        (replace(SERVICE, grant_types=frozenset({AUTHORIZATION_CODE})), "grant_types"),
        (replace(NATIVE, grant_types=frozenset({AUTHORIZATION_CODE, CLIENT_CREDENTIALS})), "grant_types"),
        (replace(NATIVE, grant_types=frozenset({AUTHORIZATION_CODE, TOKEN_EXCHANGE})), "grant_types"),
        (replace(WEB, redirect_uris=()), "redirect_uris"),
        (replace(SERVICE, redirect_uris=("https://app.example/",)), "redirect_uris"),
        (replace(WEB, redirect_uris=("https://app.example/",) * 2), "redirect_uris"),
        (replace(WEB, redirect_uris=tuple(f"https://app.example/{n}" for n in range(11))), "redirect_uris"),
        (replace(SERVICE, auth_method="none", grant_types=frozenset()), "grant_types"),
        (replace(WEB, auth_method="none"), "token_endpoint_auth_method"),
        (replace(WEB, application_type="browser"), "token_endpoint_auth_method"),
        (replace(SERVICE, auth_method="private_key_jwt"), "jwks"),
        (replace(KEYED, jwks_uri="https://app.example/jwks"), "jwks"),
        (replace(KEYED, jwks=None, jwks_uri="ftp://app.example/jwks"), "jwks_uri"),
        (replace(KEYED, jwks=None, jwks_uri="https://user@app.example/jwks"), "jwks_uri"),
        (replace(KEYED, profile="fapi2"), "profile"),
        (replace(SERVICE, profile="fapi2", dpop_required=True, par_required=True), "profile"),
    ],
)
def test_each_rule_names_its_field(wanted: Registration, field: str) -> None:
    refused(wanted, field)


def test_private_shared_weak_and_nameless_keys_are_refused() -> None:
    whole = dict(ECKey.generate_key("P-256").as_dict(private=True))
    weak = {"kty": "RSA", "e": "AQAB", "n": "v" * 170, "kid": "weak"}
    other_curve = public(ECKey.generate_key("P-521"))
    two = [public(ECKey.generate_key("P-256")) | {"kid": "same"} for _ in range(2)]
    for keys in (
        [whole],
        [dict(OctKey.generate_key(256).as_dict(private=True))],
        [weak],
        [other_curve],
        two,
        [public(ECKey.generate_key("P-256")) for _ in range(2)],
        [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}],
        [{"kty": "unknown"}],
        ["text"],
        [],
        [public(ECKey.generate_key("P-256")) | {"kid": str(n)} for n in range(21)],
    ):
        refused(replace(KEYED, jwks={"keys": keys}), "jwks")
    refused(replace(KEYED, jwks={}), "jwks")


def test_keys_of_each_usual_kind_are_taken() -> None:
    kinds = [ECKey.generate_key("P-256"), ECKey.generate_key("P-384"), RSAKey.generate_key(2048)]
    entries = [public(key) | {"kid": str(n)} for n, key in enumerate(kinds)]
    require_registrable(replace(KEYED, jwks={"keys": entries}))


def test_smart_s_user_context_is_not_registered() -> None:
    refused(replace(WEB, scopes=frozenset({"patient/Patient.r", "user/Patient.rs"})), "scope")
