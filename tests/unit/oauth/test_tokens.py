"""An access token is believed only if we signed it, for here, for now (RFC 9068 section 4)."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from oauth import keys, tokens
from oauth.errors import InvalidToken
from tests.factories.keys import signing_key
from tests.unit.oauth.conftest import ISSUER

pytestmark = pytest.mark.usefixtures("keys_dir")

SCOPES = frozenset({"slots.read", "appointments.write"})


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": f"{ISSUER}/open/v1",
        "sub": "portal-app",
        "client_id": "portal-app",
        "scope": "slots.read",
        "jti": "j",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(body: dict[str, Any], key: Any = None, **header: str) -> str:
    signing = key or keys.signing_keys().current
    algorithm = header.get("alg", "ES256")
    return jwt.encode(
        {"alg": algorithm, "typ": "at+jwt", "kid": keys.signing_keys().current.kid} | header,
        body,
        signing,
        algorithms=[algorithm],
    )


def refused(token: str) -> None:
    with pytest.raises(InvalidToken) as refusal:
        tokens.verify(token)
    assert refusal.value.details == {}, "what is wrong with a token is told to nobody"


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_says_what_it_was_issued_for() -> None:
    token, lifetime = tokens.issue("portal-app", SCOPES)
    grant = tokens.verify(token)

    assert (grant.client_id, grant.scopes, lifetime) == ("portal-app", SCOPES, tokens.LIFETIME_SECONDS)
    assert abs(grant.expires_at - time.time() - lifetime) < 5
    assert tokens.verify(token) == grant


def test_a_token_of_the_usual_shape_is_believed() -> None:
    assert tokens.verify(signed(claims())).scopes == {"slots.read"}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "https://elsewhere.example/open/v1"},
        {"aud": ISSUER},
        {"aud": [f"{ISSUER}/open/v1"]},
        {"aud": None},
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 10**20 + 0.5},
        {"iat": int(time.time()) + 86_400},
        {"iat": None},
        {"scope": None},
        {"scope": ["slots.read"]},
        {"client_id": None},
        {"client_id": 7},
        {"sub": "somebody-else"},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_here_and_now_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(claims(**changes)))


def test_a_token_of_another_type_is_refused() -> None:
    refused(signed(claims(), typ="JWT"))
    refused(signed(claims(), typ="logout+jwt"))


def test_a_token_signed_by_somebody_else_is_refused() -> None:
    stranger = ECKey.import_key(signing_key())
    refused(signed(claims(), stranger))
    refused(signed(claims(), stranger, kid=stranger.thumbprint()))


def test_unsigned_tokens_and_other_algorithms_are_refused() -> None:
    for algorithm in ("none", "None", "NONE"):
        refused(f"{part({'alg': algorithm, 'typ': 'at+jwt'})}.{part(claims())}.")
    # The public key taken for a shared secret: the oldest of these attacks.
    public = json.dumps(keys.signing_keys().published()["keys"][0])
    refused(signed(claims(), OctKey.import_key(public), alg="HS256"))
    genuine = tokens.issue("portal-app", SCOPES)[0]
    header, body, signature = genuine.split(".")
    refused(f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{body}.{signature}")
    refused(f"{header}.{body}.")


def test_a_changed_token_is_refused() -> None:
    header, _, signature = tokens.issue("portal-app", SCOPES)[0].split(".")
    refused(f"{header}.{part(claims(scope='administration.write'))}.{signature}")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.b.c", "\x00", "null", "e30.e30.e30", "x" * 5_000, "bearer", "a b", "\udcff"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    refused(token)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(max_size=200))
def test_no_text_at_all_is_taken_for_a_token_or_breaks_the_check(text: str) -> None:
    refused(text)


def test_a_remembered_token_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(claims(exp=int(time.time()) + 60))
    tokens.verify(token)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    refused(token)


def test_tokens_of_another_deployment_are_worth_nothing_here() -> None:
    token = tokens.issue("portal-app", SCOPES)[0]
    tokens.verify(token)
    tokens.set_issuer("https://sandbox.hospital.example")

    refused(token)


@pytest.fixture
def rotated(keys_dir: Path) -> str:
    """A token signed before the signing key was changed; the old key still lies beside the new one."""
    token = tokens.issue("portal-app", SCOPES)[0]
    (keys_dir / "oauth_signing.pem").rename(keys_dir / "oauth_signing.2026-11.pem")
    (keys_dir / "oauth_signing.pem").write_text(signing_key())
    keys.load_signing_keys(keys_dir)
    tokens.set_issuer(ISSUER)
    return token


def test_after_a_change_of_keys_old_tokens_are_believed_and_new_ones_use_the_new_key(rotated: str) -> None:
    assert tokens.verify(rotated).client_id == "portal-app"
    fresh = tokens.issue("portal-app", SCOPES)[0]
    header = json.loads(base64.urlsafe_b64decode(fresh.split(".")[0] + "=="))
    assert header["kid"] == keys.signing_keys().current.kid
    assert tokens.verify(fresh).client_id == "portal-app"


def test_when_the_old_key_is_taken_away_its_tokens_end(rotated: str, keys_dir: Path) -> None:
    (keys_dir / "oauth_signing.2026-11.pem").unlink()
    keys.load_signing_keys(keys_dir)
    tokens.set_issuer(ISSUER)

    refused(rotated)


def test_only_public_halves_are_published(rotated: str) -> None:
    published = keys.signing_keys().published()["keys"]

    assert len(published) == 2
    assert len({key["kid"] for key in published}) == 2
    for key in published:
        assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(key)
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


def test_without_a_signing_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keys.load_signing_keys(tmp_path)
