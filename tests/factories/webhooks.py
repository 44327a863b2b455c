"""A partner's receiver on this machine, and applications that are told of events there."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from booking import notices
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from partners.webhooks import endpoints, signing
from partners.webhooks.addresses import Policy, Resolver
from partners.webhooks.claims import BOX, HANDLER
from partners.webhooks.sender import Sender, SendReport
from partners.webhooks.troubles import Troubles
from partners.webhooks.wire import Wire
from runtime.worker.webhooks import hand_on_events, tell_disabled

SCOPES = ("appointments.read", "webhooks.manage")
Answer = Callable[["Message"], Awaitable[bytes] | bytes]
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
LOOKS_MAX = 200


@dataclass
class Message:
    """A request as the receiver got it."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def subject(self) -> UUID:
        return UUID(self.json["data"]["subject_id"])


@dataclass
class Receiver:
    """An HTTP server that keeps what it gets, and answers as it is told: bytes of an answer for each message."""

    answer: Answer = lambda _message: OK
    got: list[Message] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks"

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, **options)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                message = Message(headers, await reader.readexactly(int(headers["content-length"])))
                self.got.append(message)
                self.at_once += 1
                self.at_once_max = max(self.at_once, self.at_once_max)
                given = self.answer(message)
                answer = given if isinstance(given, bytes) else await given
                self.at_once -= 1
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def status(code: int, body: str = "", *headers: str) -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {code} Answer", f"content-length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


@dataclass
class Partner:
    """An application that may be told of events."""

    db: Database
    client_id: str

    @property
    def actor(self) -> Actor:
        return Actor(self.client_id, "portal", "partner", None, "test-request")

    async def subscribe(self, url: str, *event_types: str, resolver: Resolver | None = None) -> dict[str, Any]:
        """Name an address, of this machine unless the test says how names are resolved."""
        return await endpoints.subscribe(
            url=url,
            description="",
            event_types=event_types or ("*",),
            resolver=resolver or Resolver(Policy(loopback=True)),
            actor=self.actor,
        )

    async def endpoint(self, webhook_id: str) -> dict[str, Any]:
        return await endpoints.get_endpoint(UUID(webhook_id), actor=self.actor)


async def partner(db: Database, *, scopes: Sequence[str] = SCOPES) -> Partner:
    """Register an application."""
    client_id = f"test-{new_id().hex[-12:]}"
    await db.execute("INSERT INTO channel VALUES ('portal', '平台', 'Portal') ON CONFLICT DO NOTHING")
    await db.execute(
        "INSERT INTO oauth_client (id, name, kind, channel, scopes) VALUES ($1, 'a test', 'partner', 'portal', $2)",
        client_id,
        list(scopes),
    )
    return Partner(db, client_id)


async def happen(
    db: Database,
    *subjects: UUID,
    client_id: str | None,
    kind: str = "appointment.moved",
    at: datetime | None = None,
) -> None:
    """Let something happen to each subject, in order, and make deliveries of it."""
    async with db.transaction() as tx:
        for subject in subjects:
            await notices.post(
                tx, client_id=client_id, kind=kind, subject_id=subject, facts={"n": 1}, at=at or clock.now()
            )
    last = await db.fetchval("SELECT max(id) FROM booking_notice")
    for _ in range(LOOKS_MAX):
        await hand_on_events(db)
        if await db.fetchval("SELECT event_id >= $1 FROM webhook_feed", last):
            return
        # Transactions of tests beside this one put the feed off.
        await asyncio.sleep(0.02)
    raise AssertionError("the feed did not come so far")


def make_sender(db: Database, *, resolver: Resolver | None = None, troubles: Troubles | None = None) -> Sender:
    """A worker's sender in a sandbox, without its faults unless they are given."""
    wire = Wire(resolver or Resolver(Policy(loopback=True)))
    return Sender(db, wire, cipher=cipher(), tell=tell_disabled, troubles=troubles)


async def send_due(db: Database, sender: Sender | None = None) -> SendReport | None:
    """Do what relay and worker do with what is due now; None when nothing is."""
    lease = await BOX.claim(db, HANDLER, limit=100, lease_seconds=20)
    return None if lease is None else await (sender or make_sender(db)).work(lease)


async def deliveries(db: Database) -> list[tuple[str, str, int]]:
    """Every delivery in order: kind, status, tries."""
    rows = await db.fetch("SELECT event_type, status, tries FROM webhook_delivery ORDER BY position")
    return [(row["event_type"], row["status"], row["tries"]) for row in rows]


async def outcomes(db: Database) -> list[str]:
    """The outcome of every try, in order."""
    return [row[0] for row in await db.fetch("SELECT outcome FROM webhook_attempt ORDER BY id")]


def key_of(endpoint: dict[str, Any]) -> bytes:
    """The key that an endpoint's secret stands for."""
    return signing.key_of(endpoint["secret"])
