"""Refresh tokens: rotation, reuse, retries and limits (RFC 9700 section 4.14)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.db import Database
from oauth import refresh_tokens, resources, tokens
from oauth.errors import InvalidToken
from oauth.refresh_tokens import GRACE, forget_answers
from oauth.revocation import require_in_force
from oauth.server import answer_token_request
from tests.factories.grants import PERSON_SCOPES, code_for, grant_of, public_client, redemption, web_client
from tests.factories.oauth import RegisteredClient
from tests.service.oauth.states import State

INVALID_GRANT = (400, {"error": "invalid_grant"})


async def first_tokens(db: Database, client: RegisteredClient, **grant: Any) -> dict[str, Any]:
    code = await code_for(db, await grant_of(db, client, **grant))
    status, body, _ = await answer_token_request(redemption(code), client.basic)
    assert status == 200, body
    return body


async def refresh(client: RegisteredClient, token: str, **more: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return (await answer_token_request(form, client.basic))[:2]


def later(seconds: float) -> Any:
    return clock.frozen(clock.now() + timedelta(seconds=seconds))


async def test_each_refresh_token_has_one_successor(database: Database) -> None:
    client = await web_client(database)
    first = await first_tokens(database, client)
    status, second = await refresh(client, first["refresh_token"])

    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert (second["scope"], second["patient"]) == (first["scope"], first["patient"])
    tokens.verify(second["access_token"], audience=resources.fhir())
    assert (await refresh(client, second["refresh_token"]))[0] == 200


async def test_the_same_request_again_gets_the_same_answer_for_ten_seconds(database: Database) -> None:
    client = await web_client(database)
    first = (await first_tokens(database, client))["refresh_token"]
    answer = await refresh(client, first)
    assert await refresh(client, first) == answer
    assert await database.fetchval("SELECT count(*) FROM oauth_refresh_token") == 2
    kept = str(await database.fetch("SELECT answer FROM oauth_refresh_token"))
    assert answer[1]["refresh_token"] not in kept
    assert (await refresh(client, answer[1]["refresh_token"]))[0] == 200


async def test_a_used_token_that_is_shown_later_ends_the_grant(database: Database) -> None:
    client = await web_client(database)
    first = await first_tokens(database, client)
    second = (await refresh(client, first["refresh_token"]))[1]
    with later(GRACE.total_seconds() + 1):
        assert await refresh(client, first["refresh_token"]) == INVALID_GRANT
        assert await refresh(client, second["refresh_token"]) == INVALID_GRANT
    for body in (first, second):
        with pytest.raises(InvalidToken):
            await require_in_force(tokens.read(body["access_token"]))
    assert await database.fetchval("SELECT revoked_because FROM oauth_grant") == "a refresh token was used twice"


async def test_another_request_with_a_used_token_is_no_retry(database: Database) -> None:
    client = await web_client(database)
    first = (await first_tokens(database, client))["refresh_token"]
    assert (await refresh(client, first))[0] == 200
    assert await refresh(client, first, scope="patient/Patient.r") == INVALID_GRANT
    assert await database.fetchval("SELECT status FROM oauth_grant") == "revoked"


async def test_of_twenty_at_once_all_get_the_one_answer(database: Database) -> None:
    client = await web_client(database)
    first = (await first_tokens(database, client))["refresh_token"]
    answers = await asyncio.gather(*(refresh(client, first) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len({body["refresh_token"] for _, body in answers}) == 1
    assert await database.fetchval("SELECT count(*) FROM oauth_refresh_token") == 2


async def test_answers_for_retries_are_forgotten(database: Database) -> None:
    client = await web_client(database)
    first = (await first_tokens(database, client))["refresh_token"]
    assert (await refresh(client, first))[0] == 200
    assert await forget_answers(database, before=clock.now() - GRACE) == 0
    assert await forget_answers(database, before=clock.now() + GRACE) == 1
    assert await database.fetchval("SELECT count(*) FROM oauth_refresh_token WHERE answer IS NOT NULL") == 0


async def test_less_may_be_asked_for_and_more_may_not(database: Database, state: State) -> None:
    client = await web_client(database)
    first = await first_tokens(database, client, scopes=("offline_access", "patient/Appointment.rs"))
    before = await state()
    for wider in ("patient/Patient.r", "patient/Appointment.cruds", "patient/*.rs", "openid", "slots.read"):
        assert await refresh(client, first["refresh_token"], scope=wider) == (400, {"error": "invalid_scope"})
    assert await state() == before

    status, narrow = await refresh(client, first["refresh_token"], scope="patient/Appointment.r")
    assert (status, narrow["scope"]) == (200, "patient/Appointment.r")
    # What was left off once is not lost (RFC 6749 section 6).
    status, whole = await refresh(client, narrow["refresh_token"])
    assert (status, whole["scope"]) == (200, "offline_access patient/Appointment.rs")


async def test_another_clients_token_is_none(database: Database, state: State) -> None:
    mine, theirs = await web_client(database), await web_client(database)
    token = (await first_tokens(database, theirs))["refresh_token"]
    before = await state()
    assert await refresh(mine, token) == INVALID_GRANT
    assert await state() == before
    second = (await refresh(theirs, token))[1]["refresh_token"]
    before = await state()
    assert await refresh(mine, token) == INVALID_GRANT
    assert await state() == before
    assert (await refresh(theirs, second))[0] == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 101, "é"])
async def test_what_is_no_refresh_token(database: Database, state: State, token: str) -> None:
    client = await web_client(database)
    before = await state()
    status, body = await refresh(client, token)
    assert (status, body["error"]) == (400, "invalid_grant")
    assert await state() == before


async def test_a_token_that_nobody_used_for_thirty_days_has_ended(database: Database, state: State) -> None:
    client = await web_client(database)
    token = (await first_tokens(database, client))["refresh_token"]
    before = await state()
    with later(refresh_tokens.KEPT.total_seconds() + 1):
        assert await refresh(client, token) == INVALID_GRANT
    assert await state() == before


async def test_a_resource_that_was_not_allowed_is_not_had_by_refreshing(database: Database, state: State) -> None:
    client = await web_client(database)
    token = (await first_tokens(database, client))["refresh_token"]
    before = await state()
    for resource in (resources.open_api(), "https://elsewhere.example"):
        assert await refresh(client, token, resource=resource) == (400, {"error": "invalid_target"})
    assert await state() == before
    assert (await refresh(client, token, resource=resources.fhir()))[0] == 200


async def test_a_public_client_need_not_say_who_it_is(database: Database) -> None:
    client = await public_client(database)
    grant = await grant_of(database, client)
    form = redemption(await code_for(database, grant), client_id=client.id)
    first = (await answer_token_request(form, {}))[1]

    bare = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    status, second, _ = await answer_token_request(bare, {})
    assert (status, second["scope"]) == (200, " ".join(sorted(PERSON_SCOPES)))


async def test_a_confidential_clients_refresh_token_alone_opens_nothing(database: Database, state: State) -> None:
    client = await web_client(database)
    token = (await first_tokens(database, client))["refresh_token"]
    before = await state()
    bare = {"grant_type": "refresh_token", "refresh_token": token}
    for form in (bare, bare | {"client_id": client.id}):
        assert (await answer_token_request(form, {}))[:2] == (401, {"error": "invalid_client"})
    assert await state() == before


async def test_a_grant_that_ends_meanwhile_gives_no_new_token(database: Database) -> None:
    client = await web_client(database)
    token = (await first_tokens(database, client, lives=timedelta(hours=1)))["refresh_token"]
    with later(3_601):
        assert await refresh(client, token) == INVALID_GRANT
