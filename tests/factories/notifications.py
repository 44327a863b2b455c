"""People with accounts, a hospital that has something to tell them, and gateways that note what they are handed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from kernel import clock
from kernel.boxes import Lease
from kernel.crypto import cipher
from kernel.db import Database
from kernel.ids import new_id
from kernel.outbox import OUTBOX
from notifications.delivering import MessageWork
from notifications.kinds import samples
from notifications.planning import HANDLER
from notifications.ports import Handed, ShortMessage, SubscribeMessage
from notifications.telling import Occurrence, tell
from notifications.ways import Ways, set_ways

NOON = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
"""Noon in Guangzhou: nobody is asleep."""
TEMPLATE = "template-of-the-tests"


@dataclass
class Gateways:
    """WeChat and the telephones of a test. answers: what is said next; then `accepted`. stop: hangs until it is set."""

    answers: list[Handed] = field(default_factory=list)
    subscribed: list[SubscribeMessage] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    short_messages: list[ShortMessage] = field(default_factory=list)
    wants_templates: bool = False
    without_openid: set[UUID] = field(default_factory=set)
    stop: asyncio.Event | None = None
    breaks: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ways(self) -> Ways:
        return Ways(wechat=_WeChat(self), identities=_Identities(self), sms=_Telephones(self))

    async def answer(self) -> Handed:
        self.begun.set()
        if self.breaks:
            raise RuntimeError("the adapter has a mistake")
        if self.stop is not None:
            await self.stop.wait()
        return self.answers.pop(0) if self.answers else Handed("accepted", "0")


@dataclass
class _WeChat:
    gateways: Gateways

    async def send(self, message: SubscribeMessage) -> Handed:
        self.gateways.subscribed.append(message)
        return await self.gateways.answer()


@dataclass
class _Telephones:
    gateways: Gateways

    @property
    def wants_templates(self) -> bool:
        return self.gateways.wants_templates

    async def send(self, message: ShortMessage) -> Handed:
        self.gateways.texts.append((message.phone, message.text))
        self.gateways.short_messages.append(message)
        return await self.gateways.answer()


@dataclass
class _Identities:
    gateways: Gateways

    async def openids(self, account_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        return {one: f"openid-{one}" for one in account_ids if one not in self.gateways.without_openid}


@dataclass
class Centre:
    """The notification centre of a test, with both ways connected."""

    db: Database
    gateways: Gateways = field(default_factory=Gateways)

    def connect(self, ways: Ways | None = None) -> "Centre":
        set_ways(self.gateways.ways if ways is None else ways)
        return self

    async def account(self, *patient_ids: UUID, phone: str = "13800000001") -> UUID:
        """Open an account that acts for these people; None named: for somebody new."""
        account_id = new_id()
        await self.db.execute(
            "INSERT INTO patient_account (id, phone_cipher, phone_hash, created_at) VALUES ($1, $2, $3, $4)",
            account_id,
            cipher().seal(phone),
            account_id.bytes,
            clock.now(),
        )
        for patient_id in patient_ids:
            await self.bind(account_id, patient_id)
        return account_id

    async def bind(self, account_id: UUID, patient_id: UUID) -> None:
        await self.db.execute(
            "INSERT INTO patient_account_member (id, account_id, patient_id, relationship, bound_at)"
            " VALUES ($1, $2, $3, 'other', $4)",
            new_id(),
            account_id,
            patient_id,
            clock.now(),
        )

    async def person(self, name: str = "张三丰") -> UUID:
        patient_id = new_id()
        await self.db.execute(
            "INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash)"
            " VALUES ($1, $2, 1, $3, 'CN-ID', $4, $5)",
            patient_id,
            name,
            date(1980, 5, 17),
            b"c",
            patient_id.bytes,
        )
        return patient_id

    async def accept(self, account_id: UUID, count: int, template_id: str = TEMPLATE) -> None:
        """Let WeChat take so many messages to an account."""
        await self.db.execute(
            "INSERT INTO notification_subscription VALUES ($1, $2, $3, $4)", account_id, template_id, count, clock.now()
        )

    async def use_template(self, kind: str, **fields: str) -> None:
        """Give a kind the template of the tests."""
        await self.db.execute(
            "UPDATE notification_kind SET wechat_template_id = $2, wechat_fields = $3, wechat_page = 'pages/messages'"
            " WHERE code = $1",
            kind,
            TEMPLATE,
            fields or {"thing1": "{patient}", "time2": "{starts_at}"},
        )

    async def tell(self, kind: str, patient_id: UUID, *, key: str = "event:1", until: datetime | None = None) -> int:
        """Tell of something that has happened to somebody."""
        async with self.db.transaction() as tx:
            return await tell(tx, [self.occurrence(kind, patient_id, key=key, until=until)])

    def occurrence(self, kind: str, patient_id: UUID, *, key: str, until: datetime | None = None) -> Occurrence:
        return Occurrence(
            key=key,
            kind=kind,
            patient_id=patient_id,
            subject_kind="appointment",
            subject_id=str(patient_id),
            at=clock.now(),
            facts=samples(kind),
            until=until,
        )

    async def lease(self) -> Lease | None:
        return await self.lease_some(100)

    async def lease_some(self, limit: int) -> Lease | None:
        return await OUTBOX.claim(self.db, HANDLER, limit=limit, lease_seconds=60)

    async def send(self) -> int:
        """Let a worker send what may go now."""
        lease = await self.lease()
        return 0 if lease is None else await self.worker().work(lease)

    def worker(self) -> MessageWork:
        return MessageWork(self.db, self.gateways.ways, cipher=cipher())

    async def deliveries(self) -> list[tuple[str, str, str | None]]:
        """Give every delivery: by which way, how it stands, and why."""
        rows = await self.db.fetch("SELECT channel, status, outcome FROM notification_delivery ORDER BY id")
        return [tuple(row.values()) for row in rows]

    async def count_left(self, account_id: UUID) -> int:
        return int(
            await self.db.fetchval("SELECT count FROM notification_subscription WHERE account_id = $1", account_id)
        )

    async def inbox(self, account_id: UUID) -> list[dict[str, Any]]:
        """Give an account's messages as they are kept, oldest first."""
        rows = await self.db.fetch(
            "SELECT kind, event_key, content_cipher FROM notification WHERE account_id = $1 ORDER BY id", account_id
        )
        return [
            {"kind": row["kind"], "key": row["event_key"], **orjson.loads(cipher().open(row["content_cipher"]))}
            for row in rows
        ]


def at_night(hour: int, minute: int = 0) -> datetime:
    """Give an instant of a day by the clock on the wall in Guangzhou."""
    return NOON.replace(hour=0) - timedelta(hours=8) + timedelta(hours=hour, minutes=minute)
