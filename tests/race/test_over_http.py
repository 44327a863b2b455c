"""The whole way: fifty people's clients, two web processes, one schedule of thirty seats."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.factories.booking import ScheduleUnderTest, require_books_agree, sequence_numbers
from tests.factories.open_api import OpenApi
from tests.server import WebServer

pytestmark = pytest.mark.race

CLIENTS = 50
SEATS = 30


@pytest.fixture
async def two_servers(
    open_api: OpenApi, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[list[tuple[str, str]]]:
    """Two web processes on one database, each with a token of the portal's: (address, token)."""
    shutil.copytree(open_api.server.keys_dir, tmp_path / "keys")
    with WebServer.up(tmp_path, database_url=database_url, redis_url=redis_url) as second:
        async with httpx.AsyncClient(base_url=second.base_url) as http:
            form = {"grant_type": "client_credentials"}
            answer = await http.post(
                "/oauth/token", data=form, auth=(open_api.portal.client_id, open_api.portal.secret)
            )
        yield [(open_api.server.base_url, open_api.portal.token), (second.base_url, answer.json()["access_token"])]


async def people_of(open_api: OpenApi, count: int) -> list[UUID]:
    ids = await open_api.hospital.patients(count)
    async with open_api.db.transaction() as tx:
        await tx.copy("patient_access", ["client_id", "patient_id"], [(open_api.portal.client_id, one) for one in ids])
    return ids


async def ask_at_once(
    servers: list[tuple[str, str]], path: str, bodies: list[dict[str, str]], keys: list[str]
) -> list[httpx.Response]:
    """Send every request over a connection of its own, all in the same moment."""
    async with AsyncExitStack() as stack:
        ready = asyncio.Barrier(len(bodies))

        async def ask(n: int) -> httpx.Response:
            address, token = servers[n % len(servers)]
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=60))
            await client.get("/health/live")
            await ready.wait()
            headers = {"authorization": f"Bearer {token}", "idempotency-key": keys[n]}
            return await client.post(f"/open/v1{path}", json=bodies[n], headers=headers)

        return await asyncio.gather(*(ask(n) for n in range(len(bodies))))


def told(answers: list[httpx.Response]) -> Counter[str]:
    return Counter(answer.json().get("code", str(answer.status_code)) for answer in answers)


async def test_thirty_of_fifty_clients_win_and_the_others_hear_why(
    open_api: OpenApi, two_servers: list[tuple[str, str]]
) -> None:
    for n in range(2):
        schedule: ScheduleUnderTest = await open_api.hospital.schedule(seats=SEATS, starts_in=timedelta(days=2 + n))
        people = await people_of(open_api, CLIENTS)
        bodies = [{"slot_id": str(schedule.slots[0]), "patient_id": str(one)} for one in people]
        keys = [f"round-{n}-{i}" for i in range(CLIENTS)]

        answers = await ask_at_once(two_servers, "/appointments", bodies, keys)

        assert told(answers) == {"201": SEATS, "booking.sold_out": CLIENTS - SEATS}
        numbers = sorted(answer.json()["queue_number"] for answer in answers if answer.status_code == 201)
        assert numbers == list(range(1, SEATS + 1)) == await sequence_numbers(open_api.db, schedule)
        # Whoever asks again under the same key hears the same.
        again = await ask_at_once(two_servers, "/appointments", bodies, keys)
        assert [answer.json().get("id") for answer in again] == [answer.json().get("id") for answer in answers]
        await require_books_agree(open_api.db)


async def test_one_key_sent_to_two_processes_at_once_books_once(
    open_api: OpenApi, two_servers: list[tuple[str, str]]
) -> None:
    schedule = await open_api.hospital.schedule(seats=SEATS)
    [person] = await people_of(open_api, 1)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(person)}

    answers = await ask_at_once(two_servers, "/appointments", [body] * 20, ["k"] * 20)

    assert told(answers) == {"201": 20}
    assert len({answer.text for answer in answers}) == 1
    assert await sequence_numbers(open_api.db, schedule) == [1]
    await require_books_agree(open_api.db)


async def test_one_person_asking_for_eight_places_at_once_gets_one(
    open_api: OpenApi, two_servers: list[tuple[str, str]]
) -> None:
    schedules = [await open_api.hospital.schedule(seats=3) for _ in range(8)]
    [person] = await people_of(open_api, 1)
    bodies = [{"slot_id": str(one.slots[0]), "patient_id": str(person)} for one in schedules]

    answers = await ask_at_once(two_servers, "/appointments", bodies, [f"k{n}" for n in range(8)])

    assert told(answers) == {"201": 1, "booking.already_booked": 7}
    await require_books_agree(open_api.db)
