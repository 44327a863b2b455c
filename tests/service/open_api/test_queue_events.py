"""Server-sent events over the real server: place by place, resumed, drained, and not buffered for the dead."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.event_stream import CONTENT_TYPE
from schema.registry import violations
from tests.factories.open_api import Caller, OpenApi
from tests.factories.queue import ClinicDay, Door
from tests.server import WebServer

SCOPES = ("checkin.write", "queue.read", "queue.write")
EVENT_SECONDS_MAX = 10


class Events:
    """A reader of one stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()
        self.retry: int | None = None

    async def next(self) -> tuple[int, str, Any] | None:
        """Give the next event with an id; None when the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(EVENT_SECONDS_MAX):
            async for line in self.lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "retry" in fields:
                    self.retry = int(fields["retry"])
                if "id" in fields:
                    return int(fields["id"]), fields["event"], json.loads(fields["data"])
                fields = {}
        return None


@asynccontextmanager
async def reading(url: str, headers: dict[str, str] | None = None, *, status: int = 200) -> AsyncIterator[Events]:
    async with httpx.AsyncClient(timeout=30) as http, http.stream("GET", url, headers=headers or {}) as response:
        assert response.status_code == status
        assert response.headers["content-type"] == CONTENT_TYPE
        assert response.headers["cache-control"] == "no-store"
        yield Events(response)


class Hall:
    """A clinic day at the real server: a desk, a door, people."""

    def __init__(self, api: OpenApi, desk: Caller, door: Door) -> None:
        self.api, self.desk, self.door = api, desk, door
        self.day = ClinicDay(api.hospital, [door])

    @classmethod
    async def build(cls, api: OpenApi) -> "Hall":
        desk = await api.client("internal", channel="window", scopes=SCOPES)
        return cls(api, desk, await ClinicDay(api.hospital).door(room="T-01"))

    async def come(self) -> str:
        [appointment] = await self.day.book(self.door)
        answer = await self.desk.post("/check-ins", {"way": "staff", "appointment_id": str(appointment)})
        return str(answer.json()["id"])

    async def step(self, entry: str, *names: str) -> None:
        for name in names:
            assert (await self.desk.post(f"/queue/{entry}/{name}")).status_code == 200

    def events_of(self, entry: str, server: WebServer | None = None) -> str:
        return f"{(server or self.api.server).base_url}/open/v1/queue/{entry}/events"


@pytest.fixture
async def hall(open_api: OpenApi) -> Hall:
    return await Hall.build(open_api)


async def test_a_phone_sees_its_place_move_and_is_called(hall: Hall) -> None:
    first, second = await hall.come(), await hall.come()
    async with reading(hall.events_of(second), hall.desk.headers()) as events:
        told = await events.next()
        assert told is not None
        number, name, data = told
        assert (name, violations("queue/entry_event.json", data)) == ("place", [])
        assert (data["entry"]["label"], data["entry"]["people_before"]) == ("A02", 1)
        assert events.retry is not None
        await hall.step(first, "call", "start", "finish")
        await hall.step(second, "call")
        seen: list[tuple[Any, ...]] = []
        while not seen or seen[-1][0] != "called":
            told = await events.next()
            assert told is not None
            assert told[0] > number
            number = told[0]
            seen.append((told[2]["entry"]["status"], told[2]["entry"]["people_before"]))
        assert seen[-1] == ("called", None)
        assert {before for _, before in seen[:-1]} <= {0, 1}
        await hall.step(second, "start", "finish")
        while (told := await events.next()) is not None:
            last = told
        assert last[2]["entry"]["status"] == "finished"


async def test_a_phone_that_lost_the_line_goes_on_where_it_was(hall: Hall) -> None:
    entry = await hall.come()
    async with reading(hall.events_of(entry), hall.desk.headers()) as events:
        told = await events.next()
        assert told is not None
    await hall.step(entry, "call", "recall", "pass")
    headers = hall.desk.headers() | {"last-event-id": str(told[0])}
    async with reading(hall.events_of(entry), headers) as events:
        back = await events.next()
        assert back is not None
        assert [one["kind"] for one in back[2]["missed"]] == ["called", "recalled", "passed"]
        assert back[2]["entry"]["status"] == "passed"
    # With nothing missed there is nothing to say until something happens.
    async with reading(hall.events_of(entry), headers | {"last-event-id": str(back[0])}) as events:
        await hall.step(entry, "return")
        again = await events.next()
        assert again is not None
        assert (again[2]["entry"]["status"], again[2]["missed"]) == ("waiting", [])


async def test_the_screen_of_a_room_shows_no_person(hall: Hall) -> None:
    base = hall.api.server.base_url
    async with reading(f"{base}/queue/T-01/events") as events:
        empty = await events.next()
        assert empty is not None
        assert (empty[1], empty[2]["waiting"], empty[2]["called"]) == ("room", 0, [])
        await hall.api.db.execute("UPDATE patient SET name = '欧阳晓明'")
        entry = await hall.come()
        await hall.api.db.execute("UPDATE patient SET name = '欧阳晓明'")
        await hall.step(entry, "call")
        told = empty
        while not told[2]["called"]:
            found = await events.next()
            assert found is not None
            told = found
        assert violations("queue/room_view.json", told[2]) == []
        assert told[2]["called"] == [{"label": "A01", "name": "欧*"}]
        text = json.dumps(told[2], ensure_ascii=False)
        for row in await hall.api.db.fetch("SELECT patient_id, appointment_id, id FROM visit_queue_entry"):
            assert not any(str(value) in text for value in row.values())
        assert "晓明" not in text


async def test_a_room_that_does_not_exist(hall: Hall) -> None:
    for path in ("/queue/nowhere", "/queue/nowhere/events", "/queue/%3Cscript%3E", "/queue/" + "x" * 65):
        answer = await hall.api.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert "诊室" in answer.text


async def test_the_page_of_a_room_stands_alone(hall: Hall) -> None:
    answer = await hall.api.http.get("/queue/T-01")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http:" not in answer.text
    assert "https:" not in answer.text
    assert "T-01" in answer.text


async def test_a_stream_wants_what_every_route_wants(hall: Hall) -> None:
    entry = await hall.come()
    assert (await hall.api.http.get(f"/open/v1/queue/{entry}/events")).status_code == 401
    other = await hall.api.client(scopes=("queue.read",))
    answer = await other.get(f"/queue/{entry}/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "queue.entry_not_found")
    narrow = await hall.api.client(scopes=("slots.read",))
    assert (await narrow.get(f"/queue/{entry}/events")).status_code == 403


async def stop_application(api: OpenApi, watcher: Caller) -> None:
    await api.db.execute(
        "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
        watcher.client_id,
    )


async def suspend_application(api: OpenApi, watcher: Caller) -> None:
    await api.db.execute("UPDATE oauth_client SET status = 'suspended' WHERE id = $1", watcher.client_id)


async def take_scope(api: OpenApi, watcher: Caller) -> None:
    await api.db.execute("UPDATE oauth_client SET scopes = '{checkin.write}' WHERE id = $1", watcher.client_id)


async def revoke_token(api: OpenApi, watcher: Caller) -> None:
    # As another process hears of it.
    await api.db.execute(
        "INSERT INTO oauth_revocation (kind, value, expires_at) VALUES ('token', $1, now() + interval '1 hour')",
        jti_of(watcher),
    )


def jti_of(watcher: Caller) -> str:
    payload = watcher.token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


@pytest.mark.parametrize("close", [stop_application, suspend_application, take_scope, revoke_token])
async def test_a_stream_ends_when_its_application_would_be_refused(
    hall: Hall, close: Callable[[OpenApi, Caller], Awaitable[None]]
) -> None:
    watcher = await hall.api.client("internal", channel="window", scopes=SCOPES)
    entry = await hall.come()
    async with (
        reading(hall.events_of(entry), watcher.headers()) as events,
        reading(hall.events_of(entry), hall.desk.headers()) as others,
    ):
        assert await events.next() is not None
        assert await others.next() is not None
        await close(hall.api, watcher)
        # Half an hour before its time.
        assert await events.next() is None
        await hall.step(entry, "call")
        told = await others.next()
        assert told is not None
        assert told[2]["entry"]["status"] == "called"


async def test_a_drained_process_ends_its_streams(
    hall: Hall, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    entry = await hall.come()
    with WebServer.up(tmp_path, database_url=database_url, redis_url=redis_url) as server:
        async with httpx.AsyncClient(base_url=server.base_url) as http:
            form = {"grant_type": "client_credentials"}
            keys_differ = await http.post("/oauth/token", data=form, auth=(hall.desk.client_id, hall.desk.secret))
        # This server has keys of its own, under which no secret of this hall was kept: its screen needs none.
        assert keys_differ.status_code == 401
        async with reading(f"{server.base_url}/queue/T-01/events") as events:
            assert await events.next() is not None
            assert events.retry is not None
            started = time.monotonic()
            server.terminate()
            assert await events.next() is None
            assert time.monotonic() - started < 5
        assert await asyncio.to_thread(server.wait_end) == 0
    assert "Traceback" not in server.log()
    # The phone goes elsewhere, and has missed nothing.
    async with reading(hall.events_of(entry), hall.desk.headers()) as again:
        assert await again.next() is not None
