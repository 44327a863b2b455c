"""private_key_jwt by profile (RFC 7523, SMART App Launch 2.2 backend services, FAPI 2.0 section 5.3.2.1)."""

import asyncio
import base64
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, OKPKey, RSAKey

from kernel.db import Database
from oauth import attempts, tokens
from oauth.server import answer_token_request
from tests.factories.grants import Key, assertion, keyed_client, with_assertion
from tests.service.oauth.states import State

P256 = ECKey.generate_key("P-256", {"kid": "p256"})
P384 = ECKey.generate_key("P-384", {"kid": "p384"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
BOUND = {"dpop_required": True, "par_required": True}
REFUSED = (401, {"error": "invalid_client"})


async def ask(statement: str, **form: str) -> tuple[int, dict[str, Any]]:
    status, body, headers = await answer_token_request(with_assertion(statement, **form), {})
    assert headers["cache-control"] == "no-store"
    return status, body


ACCEPTED = [
    ("plain", P256, "ES256"),
    ("plain", P384, "ES384"),
    ("plain", RSA, "PS256"),
    ("plain", RSA, "RS256"),
    ("plain", RSA, "RS384"),
    ("plain", ED, "EdDSA"),
    ("plain", ED, "Ed25519"),
    ("smart", P384, "ES384"),
    ("smart", RSA, "RS384"),
    ("smart", P256, "ES256"),
]


@pytest.mark.parametrize(("profile", "key", "algorithm"), ACCEPTED)
async def test_the_algorithms_of_a_profile_are_accepted(
    database: Database, profile: str, key: Key, algorithm: str
) -> None:
    client = await keyed_client(database, key, profile=profile)
    status, body = await ask(assertion(client.id, key, algorithm))

    assert (status, body["scope"]) == (200, "appointments.write slots.read")
    assert tokens.verify(body["access_token"]).client_id == client.id
    assert body["expires_in"] == (1800 if profile == "plain" else 300)


@pytest.mark.parametrize(("key", "algorithm"), [(P256, "ES256"), (RSA, "PS256"), (ED, "EdDSA")])
async def test_fapi_takes_its_three_algorithms_for_the_issuer_alone(
    database: Database, key: Key, algorithm: str
) -> None:
    client = await keyed_client(database, key, profile="fapi2", **BOUND)
    # Proved, and then asked for the DPoP proof that it owes.
    assert await ask(assertion(client.id, key, algorithm, aud=tokens.issuer())) == (
        400,
        {"error": "invalid_dpop_proof"},
    )
    assert await ask(assertion(client.id, key, algorithm)) == REFUSED
    assert await ask(assertion(client.id, key, algorithm, aud=[tokens.issuer(), "https://other.example"])) == REFUSED


@pytest.mark.parametrize(
    ("profile", "key", "algorithm"),
    [("smart", RSA, "RS256"), ("smart", RSA, "PS256"), ("smart", ED, "EdDSA"), ("fapi2", P384, "ES384"),
     ("fapi2", RSA, "RS256"), ("fapi2", RSA, "RS384")],
)  # fmt: skip
async def test_the_algorithms_of_another_profile_are_not(
    database: Database, state: State, profile: str, key: Key, algorithm: str
) -> None:
    client = await keyed_client(database, key, profile=profile, **(BOUND if profile == "fapi2" else {}))
    before = await state()
    audience = tokens.issuer() if profile == "fapi2" else f"{tokens.issuer()}/oauth/token"
    assert await ask(assertion(client.id, key, algorithm, aud=audience)) == REFUSED
    assert await state() == before


NOW = int(time.time())
FAULTS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "somebody-else"},
    "another subject, of another client": {"iss": None},
    "no audience": {"aud": None},
    "another server": {"aud": "https://elsewhere.example/oauth/token"},
    "two audiences": {"aud": ["https://open.hospital.example/oauth/token", "https://elsewhere.example"]},
    "the API as audience": {"aud": "https://open.hospital.example/open/v1"},
    "no end": {"exp": None},
    "expired": {"exp": NOW - 1},
    "lives too long": {"exp": NOW + 3_600},
    "an end in words": {"exp": "tomorrow"},
    "an end without end": {"exp": 10**20},
    "an end that is true": {"exp": True},
    "issued tomorrow": {"iat": NOW + 86_400},
    "not yet": {"nbf": NOW + 86_400},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti in numbers": {"jti": 7},
    "a jti too long": {"jti": "x" * 300},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_assertion_that_is_not_for_here_and_now_is_refused(
    database: Database, state: State, fault: str
) -> None:
    client = await keyed_client(database, P384)
    before = await state()
    assert await ask(assertion(client.id, P384, **FAULTS[fault])) == REFUSED
    assert await state() == before
    assert await database.fetchval("SELECT count(*) FROM oauth_jti") == 0


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "another"},
        {"kid": 7},
        {"typ": "at+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "secevent+jwt"},
        {"jku": "https://elsewhere.example/jwks"},
        {"crit": ["exp"], "exp": NOW},
        {"b64": False, "crit": ["b64"]},
    ],
)
async def test_a_header_cannot_lead_to_another_key(database: Database, state: State, header: dict[str, Any]) -> None:
    client = await keyed_client(database, P384)
    before = await state()
    assert await ask(signed_by_hand(client.id, header)) == REFUSED
    assert await state() == before


def signed_by_hand(client_id: str, header: dict[str, Any]) -> str:
    """Sign under any header at all, also one that no library would write."""
    signed = part({"alg": "ES384", "kid": "p384"} | header) + "." + assertion(client_id, P384).split(".")[1]
    assert P384.private_key is not None
    der = P384.private_key.sign(signed.encode(), ec.ECDSA(hashes.SHA384()))
    raw = b"".join(number.to_bytes(48, "big") for number in decode_dss_signature(der))
    return f"{signed}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


async def test_what_is_signed_by_hand_is_good_otherwise(database: Database) -> None:
    client = await keyed_client(database, P384)
    assert (await ask(signed_by_hand(client.id, {})))[0] == 200


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_key_in_the_header_is_nobodys(database: Database) -> None:
    client = await keyed_client(database, P384)
    stranger = ECKey.generate_key("P-384", {"kid": "p384"})
    header = {"jwk": dict(stranger.as_dict(private=False))}
    assert await ask(assertion(client.id, stranger, header=header)) == REFUSED


async def test_the_public_key_is_no_shared_secret_and_unsigned_is_unsigned(database: Database, state: State) -> None:
    client = await keyed_client(database, P384)
    before = await state()
    good = assertion(client.id, P384)
    claims = good.split(".")[1]
    for known in (json.dumps(P384.as_dict(private=False)).encode(), P384.as_pem(private=False)):
        signed = part({"alg": "HS256", "kid": "p384"}) + "." + claims
        digest = base64.urlsafe_b64encode(hmac.digest(known, signed.encode(), "sha256")).rstrip(b"=").decode()
        assert await ask(f"{signed}.{digest}") == REFUSED
    for algorithm in ("none", "None", "NONE", "", "HS256"):
        assert await ask(f"{part({'alg': algorithm, 'kid': 'p384'})}.{claims}.") == REFUSED
    assert await ask(good.rpartition(".")[0] + ".") == REFUSED
    assert await state() == before


async def test_a_key_is_used_as_it_was_registered_alone(database: Database) -> None:
    encrypting = {**P384.as_dict(private=False), "use": "enc"}
    other_algorithm = {**RSA.as_dict(private=False), "alg": "PS256"}
    for jwks, key, algorithm in ((encrypting, P384, "ES384"), (other_algorithm, RSA, "RS384")):
        client = await keyed_client(database, key, jwks={"keys": [jwks]})
        assert await ask(assertion(client.id, key, algorithm)) == REFUSED


async def test_several_keys_are_told_apart_by_their_ids(database: Database) -> None:
    first, second = (ECKey.generate_key("P-384", {"kid": name}) for name in ("first", "second"))
    keys = {"keys": [dict(key.as_dict(private=False)) for key in (first, second)]}
    client = await keyed_client(database, first, jwks=keys)

    for key in (first, second):
        assert (await ask(assertion(client.id, key)))[0] == 200
    assert await ask(assertion(client.id, second, header={"kid": "first"})) == REFUSED
    assert await ask(assertion(client.id, second, header={"kid": None})) == REFUSED


async def test_one_clients_assertion_is_not_anothers(database: Database) -> None:
    first = await keyed_client(database, P384)
    second = await keyed_client(database, ECKey.generate_key("P-384"))
    statement = assertion(first.id, P384)

    assert await ask(statement, client_id=second.id) == REFUSED
    assert await ask(assertion(second.id, P384)) == REFUSED
    assert (await ask(statement, client_id=first.id))[0] == 200


async def test_an_assertion_is_good_once(database: Database, state: State) -> None:
    client = await keyed_client(database, P384)
    statement = assertion(client.id, P384)
    assert (await ask(statement))[0] == 200
    before = await state()
    assert await ask(statement) == REFUSED
    # The identifier, not the words: signed anew it is used up all the same.
    assert (await ask(assertion(client.id, P384, jti="one")))[0] == 200
    assert await ask(assertion(client.id, P384, jti="one", exp=int(time.time()) + 99)) == REFUSED
    assert await state() == before


async def test_of_many_at_once_one_is_the_first(database: Database) -> None:
    client = await keyed_client(database, P384)
    statement = assertion(client.id, P384)
    answers = await asyncio.gather(*(ask(statement) for _ in range(attempts.PAIR_FAILURES_MAX)))
    assert sorted(status for status, _ in answers) == [200] + [401] * (attempts.PAIR_FAILURES_MAX - 1)


async def test_another_type_of_assertion_and_two_proofs_at_once_are_refused(database: Database) -> None:
    client = await keyed_client(database, P384)
    form = with_assertion(assertion(client.id, P384))
    saml = form | {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}
    for wrong in (saml, form | {"client_secret": "x"}):
        assert (await answer_token_request(wrong, {}))[:2] == (400, {"error": "invalid_request"})
    with_basic = await answer_token_request(form, client.basic)
    assert with_basic[:2] == (400, {"error": "invalid_request"})


async def test_a_client_proves_itself_in_its_own_way_alone(database: Database) -> None:
    client = await keyed_client(database, P384)
    assert (await answer_token_request({"grant_type": "client_credentials"}, client.basic))[:2] == REFUSED
    only_its_name = {"grant_type": "client_credentials", "client_id": client.id}
    assert (await answer_token_request(only_its_name, {}))[:2] == REFUSED


@pytest.mark.parametrize(
    "statement",
    ["", ".", "..", "a.b.c", "e30.e30.e30", "x" * 9_000, "é.é.é", "e30.e30", "e30.bnVsbA.", "....", "null",
     "eyJhbGciOiJFUzM4NCJ9." + "e" * 8_000 + ".x", "eyJhbGciOiJFUzM4NCJ9.W10.", "eyJhbGciOlsiRVMzODQiXX0.e30."],
)  # fmt: skip
async def test_what_is_no_assertion_is_refused(database: Database, state: State, statement: str) -> None:
    before = await state()
    status, body = await ask(statement)
    assert (status, body["error"]) in ((401, "invalid_client"), (400, "invalid_request"))
    assert await state() == before
