"""Redeeming authorization codes (RFC 6749 section 4.1.3, RFC 7636, RFC 9700 section 2.1)."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from oauth import resources, revocation, tokens
from oauth.errors import InvalidToken
from oauth.grants import revoke_grant, revoke_grants_of_consent, revoke_grants_of_subject
from oauth.revocation import require_in_force
from oauth.server import answer_token_request
from tests.factories.grants import (
    PERSON_SCOPES,
    VERIFIER,
    challenge_of,
    code_for,
    grant_of,
    public_client,
    redemption,
    web_client,
)
from tests.factories.oauth import RegisteredClient
from tests.service.oauth.states import State

INVALID_GRANT = (400, {"error": "invalid_grant"})


def _form(code: str, changes: Mapping[str, str | None]) -> dict[str, str]:
    form = {**redemption(code), **changes}
    return {name: value for name, value in form.items() if value is not None}


async def redeem(client: RegisteredClient, code: str, /, **changes: str | None) -> tuple[int, dict[str, Any]]:
    status, body, headers = await answer_token_request(_form(code, changes), client.basic)
    assert headers["cache-control"] == "no-store"
    return status, body


async def redeem_public(client: RegisteredClient, code: str, /, **changes: str | None) -> tuple[int, dict[str, Any]]:
    form = _form(code, {**changes, "client_id": client.id})
    return (await answer_token_request(form, {}))[:2]


async def test_a_code_gives_what_the_person_has_allowed(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client)
    status, body = await redeem(client, await code_for(database, grant))

    assert status == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["scope"] == " ".join(sorted(PERSON_SCOPES))
    assert body["patient"] == str(grant.patient_id)
    assert len(body["refresh_token"]) >= 43
    token = tokens.verify(body["access_token"], audience=resources.fhir())
    assert token.person is not None
    assert (token.client_id, token.person.kind, token.person.id) == (client.id, "account", str(grant.subject_id))
    assert (token.person.grant_id, token.person.patient_id) == (str(grant.id), str(grant.patient_id))
    assert (token.claims["acr"], token.claims["auth_time"]) == ("phone", int(grant.auth_time.timestamp()))
    kept = await database.fetch(
        "SELECT c::text FROM oauth_authorization_code c UNION SELECT r::text FROM oauth_refresh_token r"
    )
    assert body["refresh_token"] not in str(kept)
    with pytest.raises(InvalidToken):
        tokens.verify(body["access_token"])


async def test_a_token_ends_no_later_than_its_grant(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client, lives=timedelta(seconds=100))
    body = (await redeem(client, await code_for(database, grant)))[1]
    assert 90 < body["expires_in"] <= 100


async def test_without_offline_access_there_is_no_refresh_token(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client, scopes=("openid", "patient/Patient.r"))
    assert "refresh_token" not in (await redeem(client, await code_for(database, grant)))[1]


FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "no verifier": ({"code_verifier": None}, "invalid_request"),
    "an empty verifier": ({"code_verifier": ""}, "invalid_request"),
    "another verifier": ({"code_verifier": "w" * 43}, "invalid_grant"),
    "the challenge as verifier, as if it were plain": ({"code_verifier": challenge_of(VERIFIER)}, "invalid_grant"),
    "plain, now that it comes to it": (
        {"code_verifier": challenge_of(VERIFIER), "code_challenge_method": "plain"},
        "invalid_grant",
    ),
    "a verifier too short": ({"code_verifier": "v" * 42}, "invalid_request"),
    "another redirect": ({"redirect_uri": "https://app.example/elsewhere"}, "invalid_grant"),
    "a redirect that only begins the same": ({"redirect_uri": "https://app.example/callback/"}, "invalid_grant"),
    "no redirect": ({"redirect_uri": None}, "invalid_grant"),
    "no code": ({"code": None}, "invalid_request"),
    "another code": ({"code": "x" * 43}, "invalid_grant"),
    "a code too long": ({"code": "x" * 101}, "invalid_grant"),
    "a code with a null": ({"code": "a\x00b"}, "invalid_request"),
    "a resource that was not allowed": ({"resource": "https://open.hospital.example/open/v1"}, "invalid_target"),
    "a resource of somebody else": ({"resource": "https://elsewhere.example"}, "invalid_target"),
}


@pytest.mark.parametrize("who", ["confidential", "public"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_code_that_is_not_redeemed_as_it_was_asked_for_stays_good(
    database: Database, state: State, fault: str, who: str
) -> None:
    client = await (web_client(database) if who == "confidential" else public_client(database))
    ask = redeem if who == "confidential" else redeem_public
    code = await code_for(database, await grant_of(database, client))
    before = await state()
    changes, error = FAULTS[fault]

    assert await ask(client, code, **changes) == (400, {"error": error})
    assert await state() == before
    assert (await ask(client, code))[0] == 200


async def test_a_code_is_good_once_and_a_second_use_ends_the_grant(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client)
    code = await code_for(database, grant)
    first = (await redeem(client, code))[1]

    assert await redeem(client, code) == INVALID_GRANT
    assert await database.fetchval("SELECT status FROM oauth_grant") == "revoked"
    with pytest.raises(InvalidToken):
        await require_in_force(tokens.read(first["access_token"]))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert (await answer_token_request(form, client.basic))[:2] == INVALID_GRANT


async def test_of_twenty_redemptions_at_once_one_wins_and_none_keeps_anything(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client)
    code = await code_for(database, grant)
    answers = await asyncio.gather(*(redeem(client, code) for _ in range(20)))

    assert sorted(status for status, _ in answers) == [200] + [400] * 19
    assert await database.fetchval("SELECT count(*) FROM oauth_refresh_token") == 1
    # Somebody else has the code too: nobody can tell which of the two is the thief.
    assert await database.fetchval("SELECT status FROM oauth_grant WHERE id = $1", grant.id) == "revoked"


async def test_another_clients_code_is_none(database: Database, state: State) -> None:
    mine, theirs = await web_client(database), await web_client(database)
    code = await code_for(database, await grant_of(database, theirs))
    used = await code_for(database, await grant_of(database, theirs))
    assert (await redeem(theirs, used))[0] == 200
    before = await state()

    assert await redeem(mine, code) == INVALID_GRANT
    # A stranger ends nobody's grant by showing a used code either.
    assert await redeem(mine, used) == INVALID_GRANT
    assert await state() == before
    assert (await redeem(theirs, code))[0] == 200


async def test_a_code_ends_after_a_minute(database: Database, state: State) -> None:
    client = await web_client(database)
    code = await code_for(database, await grant_of(database, client))
    before = await state()
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert await redeem(client, code) == INVALID_GRANT
    assert await state() == before


async def test_a_code_of_a_grant_that_was_ended_is_none(database: Database) -> None:
    client = await web_client(database)
    grant = await grant_of(database, client)
    code = await code_for(database, grant)
    async with database.transaction() as tx:
        assert await revoke_grant(tx, grant.id, because="the person said so")
        assert not await revoke_grant(tx, grant.id, because="twice")
    assert await redeem(client, code) == INVALID_GRANT


async def test_a_client_that_is_not_registered_for_codes_redeems_none(database: Database, state: State) -> None:
    client = await web_client(database, grant_types=["client_credentials"])
    code = await code_for(database, await grant_of(database, client))
    before = await state()
    assert await redeem(client, code) == (400, {"error": "unauthorized_client"})
    assert await state() == before


async def test_withdrawing_a_consent_and_leaving_end_their_grants_alone(database: Database) -> None:
    client = await web_client(database)
    withdrawn, left, kept = [await grant_of(database, client) for _ in range(3)]
    assert withdrawn.consent_id is not None
    async with database.transaction() as tx:
        assert await revoke_grants_of_consent(tx, withdrawn.consent_id, because="withdrawn") == 1
        assert await revoke_grants_of_subject(tx, left.subject_id, because="left") == 1

    rows = await database.fetch("SELECT id FROM oauth_grant WHERE status = 'active'")
    assert [row["id"] for row in rows] == [kept.id]
    stopped = {UUID(value) for kind, value in revocation.revoked.known if kind == "grant"}
    assert stopped == {withdrawn.id, left.id}


async def test_what_the_registration_lost_the_token_does_not_get(database: Database) -> None:
    client = await web_client(database, scopes=["openid", "offline_access", "patient/Patient.r"])
    body = (await redeem(client, await code_for(database, await grant_of(database, client))))[1]
    assert body["scope"] == "offline_access openid patient/Patient.r"
