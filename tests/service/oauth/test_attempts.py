"""Guessing at the token endpoint ends, and nobody else is locked out by it."""

from datetime import timedelta

from kernel import clock
from kernel.db import Database
from oauth import attempts
from oauth.attempts import ADDRESS_FAILURES_MAX, PAIR_FAILURES_MAX, purge_attempts, read_locks
from oauth.server import answer_token_request
from tests.factories.grants import new_client_id
from tests.factories.oauth import RegisteredClient, basic, register_client

GRANT = {"grant_type": "client_credentials"}
STRANGER, PARTNER = "203.0.113.66", "198.51.100.7"


async def guess(client_id: str, address: str = STRANGER) -> int:
    return (await answer_token_request(GRANT, basic(client_id, "a guess"), address=address))[0]


async def prove(client: RegisteredClient, address: str) -> int:
    return (await answer_token_request(GRANT, client.basic, address=address))[0]


async def test_a_stranger_guesses_ten_times_and_the_client_notices_nothing(database: Database) -> None:
    client = await register_client(database, client_id=new_client_id())
    assert [await guess(client.id) for _ in range(PAIR_FAILURES_MAX)] == [401] * PAIR_FAILURES_MAX

    status, body, headers = await answer_token_request(GRANT, basic(client.id, "a guess"), address=STRANGER)
    assert (status, body) == (429, {"error": "temporarily_unavailable"})
    assert 0 < int(headers["retry-after"]) <= 301
    # The right secret from there is a guess that came true.
    assert await prove(client, STRANGER) == 429
    assert await prove(client, PARTNER) == 200


async def test_an_unknown_client_is_locked_as_a_known_one(database: Database) -> None:
    name = new_client_id()
    assert [await guess(name) for _ in range(PAIR_FAILURES_MAX + 1)] == [401] * PAIR_FAILURES_MAX + [429]


async def test_an_address_that_tries_one_client_after_another_is_locked(database: Database) -> None:
    client = await register_client(database, client_id=new_client_id())
    for _ in range(ADDRESS_FAILURES_MAX):
        assert await guess(new_client_id()) == 401
    assert await prove(client, STRANGER) == 429
    assert await prove(client, PARTNER) == 200


async def test_where_the_address_is_not_known_nobody_is_locked_out(database: Database) -> None:
    client = await register_client(database, client_id=new_client_id())
    assert {await guess(client.id, "") for _ in range(PAIR_FAILURES_MAX * 2)} == {401}
    assert await prove(client, "") == 200


async def test_other_processes_read_the_locks(database: Database) -> None:
    client = await register_client(database, client_id=new_client_id())
    for _ in range(PAIR_FAILURES_MAX):
        await guess(client.id)
    attempts._locked.clear()
    assert await prove(client, STRANGER) == 200

    attempts.note_locks(await read_locks())
    assert await prove(client, STRANGER) == 429


async def test_old_failures_count_no_more_and_are_forgotten(database: Database) -> None:
    name = new_client_id()
    with clock.frozen(clock.now() - timedelta(minutes=6)):
        for _ in range(PAIR_FAILURES_MAX - 1):
            await guess(name)
    assert [await guess(name) for _ in range(PAIR_FAILURES_MAX)] == [401] * PAIR_FAILURES_MAX
    assert await purge_attempts(database, before=clock.now()) == 0
    assert await purge_attempts(database, before=clock.now() + timedelta(minutes=6)) == 2


async def test_what_is_kept_names_neither_client_nor_address(database: Database) -> None:
    name = new_client_id()
    await guess(name)
    kept = str(await database.fetch("SELECT f::text FROM oauth_failed_attempt f"))
    assert name not in kept
    assert STRANGER not in kept
