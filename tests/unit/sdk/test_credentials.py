"""Assertions of sdk/python, checked by the library's own verifier as a server would."""

import time
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from hospital_openapi import PrivateKey
from tests.factories.sdk import BASE_URL, Hospital, client_of


@pytest.mark.parametrize(("curve", "algorithm"), [("P-256", "ES256"), ("P-384", "ES384")])
async def test_a_key_signs_an_assertion_for_each_token(curve: str, algorithm: str, tmp_path: Path) -> None:
    key = ECKey.generate_key(curve)
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    credentials = PrivateKey.from_file("app", tmp_path / "key.pem", key_id="k-1")
    hospital = Hospital(expires_in=0, answers=[httpx.Response(200, json={"items": [], "next": None}) for _ in range(2)])
    both = client_of("sync", hospital, credentials=credentials)
    await both.call("list_events")
    await both.call("list_events")
    identifiers = set()
    for request in hospital.token_requests:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert "authorization" not in request.headers
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        token = jwt.decode(
            form["client_assertion"], ECKey.import_key(key.as_pem(private=False)), algorithms=[algorithm]
        )
        assert (token.header["alg"], token.header["kid"]) == (algorithm, "k-1")
        claims = token.claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("app", "app", BASE_URL)
        assert claims["exp"] - claims["iat"] == 60
        assert abs(claims["iat"] - time.time()) < 60
        identifiers.add(claims["jti"])
    assert len(identifiers) == 2


def test_an_audience_may_be_named() -> None:
    key = ECKey.generate_key("P-256")
    credentials = PrivateKey("app", key, audience=f"{BASE_URL}/oauth/token")
    form, headers = credentials.prove(issuer=BASE_URL)
    assert headers == {}
    assert jwt.decode(form["client_assertion"], key, algorithms=["ES256"]).claims["aud"] == f"{BASE_URL}/oauth/token"
    assert repr(key.as_dict(private=True)["d"]) not in repr(credentials)


@pytest.mark.parametrize(
    "pem",
    [
        ECKey.generate_key("P-256").as_pem(private=False),
        ECKey.generate_key("P-521").as_pem(private=True),
        RSAKey.generate_key(2048).as_pem(private=True),
        OKPKey.generate_key("Ed25519").as_pem(private=True),
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"no key",
    ],
    ids=["public", "P-521", "RSA", "Ed25519", "broken", "none"],
)
def test_other_keys_are_refused_before_anything_is_sent(pem: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PrivateKey.from_pem("app", pem)
