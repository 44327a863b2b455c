"""Tokens bound to a key, and the proofs shown with them (RFC 9449)."""

import asyncio
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from kernel.db import Database
from oauth import tokens
from oauth.dpop import check_proof
from oauth.jose import StatementRefused
from oauth.server import answer_token_request, token_url
from tests.factories.grants import code_for, grant_of, new_client_id, proof, public_client, redemption, web_client
from tests.factories.oauth import register_client
from tests.service.oauth.states import State

EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
ED = OKPKey.generate_key("Ed25519")
URL = "https://open.hospital.example/open/v1/campuses"
GRANT = {"grant_type": "client_credentials"}


async def test_a_proof_binds_the_token_to_its_key(database: Database) -> None:
    client = await register_client(database, client_id=new_client_id())
    shown = proof(EC, "POST", token_url())
    status, body, _ = await answer_token_request(GRANT, client.basic, proof=shown)

    assert (status, body["token_type"]) == (200, "DPoP")
    assert tokens.verify(body["access_token"]).jkt == EC.thumbprint()


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "PS256"), (ED, "EdDSA"), (ED, "Ed25519")])
async def test_each_usual_key_proves_itself(database: Database, key: Any, algorithm: str) -> None:
    shown = proof(key, "GET", URL, algorithm=algorithm, token="t")
    assert await check_proof(shown, method="GET", url=URL, access_token="t") == key.thumbprint()


@pytest.mark.parametrize(
    "place",
    [URL + "?page=2", URL + "#part", "HTTPS://OPEN.hospital.example/open/v1/campuses",
     "https://open.hospital.example:443/open/v1/campuses"],
)  # fmt: skip
async def test_a_place_is_compared_without_query_and_by_what_it_means(database: Database, place: str) -> None:
    assert await check_proof(proof(EC, "GET", place), method="GET", url=URL)


NOW = int(time.time())
FAULTS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "POST"},
    "the method in small letters": {"htm": "get"},
    "no method": {"htm": None},
    "another place": {"htu": "https://open.hospital.example/open/v1/patients"},
    "another host": {"htu": "https://elsewhere.example/open/v1/campuses"},
    "another port": {"htu": "https://open.hospital.example:8443/open/v1/campuses"},
    "not encrypted": {"htu": "http://open.hospital.example/open/v1/campuses"},
    "no place": {"htu": None},
    "a place that is none": {"htu": "https://[::1/open"},
    "places": {"htu": [URL]},
    "old": {"iat": NOW - 3_600},
    "of the future": {"iat": NOW + 3_600},
    "without a time": {"iat": None},
    "of a time in words": {"iat": "now"},
    "without a jti": {"jti": None},
    "for another token": {"ath": "x" * 43},
    "for no token": {"ath": None},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_proof_of_something_else_proves_nothing(database: Database, fault: str) -> None:
    shown = proof(EC, "GET", URL, token="t", **FAULTS[fault])
    with pytest.raises(StatementRefused):
        await check_proof(shown, method="GET", url=URL, access_token="t")
    assert await database.fetchval("SELECT count(*) FROM oauth_jti") == 0


@pytest.mark.parametrize(
    ("key", "algorithm", "header"),
    [
        (EC, "ES256", {"typ": "JWT"}),
        (EC, "ES256", {"typ": None}),
        (EC, "ES256", {"jwk": None}),
        (EC, "ES256", {"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
        (EC, "ES256", {"jwk": {"kty": "EC", "crv": "P-256"}}),
        (EC, "ES256", {"jwk": dict(ECKey.generate_key("P-256").as_dict(private=False))}),
        (EC, "ES256", {"jwk": dict(EC.as_dict(private=True))}),
        (RSA, "RS256", {}),
        (RSA, "RS384", {}),
        (ECKey.generate_key("P-384"), "ES384", {}),
    ],
)
async def test_a_proof_by_another_kind_of_key_proves_nothing(
    database: Database, key: Any, algorithm: str, header: dict[str, Any]
) -> None:
    shown = proof(key, "GET", URL, algorithm=algorithm, header=header)
    with pytest.raises(StatementRefused):
        await check_proof(shown, method="GET", url=URL)


@pytest.mark.parametrize("shown", ["", "a.b.c", "e30.e30.e30", "x" * 9_000, "é", "eyJhbGciOiJub25lIn0.e30."])
async def test_what_is_no_proof(database: Database, shown: str) -> None:
    with pytest.raises(StatementRefused):
        await check_proof(shown, method="GET", url=URL)


async def test_a_proof_is_good_once_however_many_show_it(database: Database) -> None:
    shown = proof(EC, "GET", URL)
    outcomes = await asyncio.gather(
        *(check_proof(shown, method="GET", url=URL) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, str) for one in outcomes) == 1
    assert sum(isinstance(one, StatementRefused) for one in outcomes) == 19


async def test_who_must_prove_a_key_gets_no_token_without(database: Database, state: State) -> None:
    client = await register_client(database, client_id=new_client_id(), dpop_required=True)
    before = await state()
    for shown in (None, "", proof(EC, "GET", token_url()), proof(EC, "POST", URL)):
        answer = await answer_token_request(GRANT, client.basic, proof=shown)
        assert answer[:2] == (400, {"error": "invalid_dpop_proof"})
    assert await state() == before
    assert (await answer_token_request(GRANT, client.basic, proof=proof(EC, "POST", token_url())))[0] == 200


async def test_a_code_that_was_asked_for_with_a_key_wants_that_key(database: Database, state: State) -> None:
    client = await web_client(database)
    code = await code_for(database, await grant_of(database, client), jkt=str(EC.thumbprint()))
    before = await state()
    other = ECKey.generate_key("P-256")
    for shown in (None, proof(other, "POST", token_url())):
        answer = await answer_token_request(redemption(code), client.basic, proof=shown)
        assert answer[:2] == (400, {"error": "invalid_grant"})
    assert await state() == before
    assert (await answer_token_request(redemption(code), client.basic, proof=proof(EC, "POST", token_url())))[0] == 200


async def test_a_public_clients_refresh_token_is_bound_to_its_key(database: Database, state: State) -> None:
    client = await public_client(database)
    form = redemption(await code_for(database, await grant_of(database, client)), client_id=client.id)
    first = (await answer_token_request(form, {}, proof=proof(EC, "POST", token_url())))[1]
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": client.id}
    before = await state()

    for shown in (None, proof(ECKey.generate_key("P-256"), "POST", token_url())):
        assert (await answer_token_request(refresh, {}, proof=shown))[:2] == (400, {"error": "invalid_grant"})
    assert await state() == before
    status, second, _ = await answer_token_request(refresh, {}, proof=proof(EC, "POST", token_url()))
    assert (status, second["token_type"]) == (200, "DPoP")
