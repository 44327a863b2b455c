"""What the Celery worker executes: one task for each leased batch, on one event loop per process."""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import uvloop
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

from integration.his.delivery import Delivery
from integration.his.intake import Intake
from integration.his.port import HisPort
from kernel.boxes import Lease
from kernel.crypto import FieldCipher, load_cipher
from kernel.db import Database, DatabaseUnavailable, database, open_database
from kernel.log import configure_logging, get_logger
from kernel.outbox import wake
from kernel.redis import close_redis, flush_wakes, open_redis
from kernel.settings import Settings
from notifications.delivering import MessageWork
from notifications.ways import ways
from partners.webhooks.sender import Sender
from payments import inbox as notifications
from payments.billing import close_billing
from payments.receipts.work import ReceiptWork
from payments.work import PaymentWork
from runtime.his import build_port
from runtime.messages import connect_messages
from runtime.payments import build_subscribers, connect_payments
from runtime.receipts import build_receipt_work
from runtime.sms import close_sms_gateway
from runtime.subscriptions import build_subscriptions
from runtime.wechat import close_mini_program
from runtime.worker.app import APPLY, DELIVER, HEAR, NOTIFY, PAY, RECEIPT, SEND
from runtime.worker.webhooks import build_sender

SECONDS_MAX: Final = 40.0
"""Of a task; a hard limit of Celery's stands behind it."""
DATABASE_CONNECTIONS_MAX: Final = 5
LISTEN_SECONDS: Final = 0.002

log = get_logger("runtime.worker")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a worker process holds open between tasks of every kind."""

    settings: Settings
    db: Database
    cipher: FieldCipher


@dataclass(frozen=True, slots=True)
class _Engine:
    """What works on the messages from and to the HIS."""

    his: HisPort
    delivery: Delivery
    intake: Intake


class _Process:
    """One worker process: its event loop, and what is opened on the first task that needs it.

    Opened then and not at the start, because a process that cannot reach PostgreSQL yet must wait
    for it and not die of it.
    """

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._opened: _Opened | None = None
        self._engine: _Engine | None = None
        self._sender: Sender | None = None
        self._payments: PaymentWork | None = None
        self._receipts: ReceiptWork | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run one task's coroutine to its end."""
        self._runner.run(work)

    async def engine(self) -> _Engine:
        """Give the engine.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        opened = await self._open()
        if self._engine is None:
            his = build_port(opened.settings)
            subscriptions = build_subscriptions()
            delivery = Delivery(opened.db, his, subscriptions)
            self._engine = _Engine(his, delivery, Intake(opened.db, subscriptions, cipher=opened.cipher))
        return self._engine

    async def sender(self) -> Sender:
        """Give what sends webhooks; it needs no HIS.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        opened = await self._open()
        if self._sender is None:
            self._sender = build_sender(opened.db, opened.settings, cipher=opened.cipher)
        return self._sender

    async def payments(self) -> PaymentWork:
        """Give what asks the payment channels, settles in the HIS, and tells subscribers.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        opened = await self._open()
        if self._payments is None:
            self._payments = PaymentWork(opened.db, build_subscribers())
        return self._payments

    async def receipts(self) -> ReceiptWork:
        """Give what has fiscal receipts issued and written off.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        opened = await self._open()
        if self._receipts is None:
            self._receipts = build_receipt_work(opened.db, opened.settings)
        return self._receipts

    async def messages(self) -> MessageWork:
        """Give what sends messages to patients.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        opened = await self._open()
        return MessageWork(opened.db, ways(), cipher=opened.cipher)

    async def opened_database(self) -> Database:
        """Give the database, with the payment channels connected.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
        """
        return (await self._open()).db

    async def _open(self) -> _Opened:
        if self._opened is None:
            settings = Settings.from_environment()
            db = await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
            cipher = load_cipher(settings.keys_dir)
            if settings.redis_url:
                open_redis(settings.redis_url)
            connect_payments(settings)
            connect_messages(settings)
            self._opened = _Opened(settings, db, cipher)
        # The loop stood still since the last task; connections that broke meanwhile are noticed before they are used.
        await asyncio.sleep(LISTEN_SECONDS)
        return self._opened

    def close(self) -> None:
        """Give everything back."""
        if self._opened is not None:
            self._runner.run(_close(self._engine, self._receipts))
        self._runner.close()


async def _close(engine: _Engine | None, receipts: ReceiptWork | None) -> None:
    if engine is not None:
        await engine.his.close()
    if receipts is not None:
        await receipts.aclose()
    await close_billing()
    close_mini_program()
    await close_sms_gateway()
    await close_redis()
    await database().close()


_process: _Process | None = None


@worker_process_init.connect
def _start_process(**_: object) -> None:
    global _process  # noqa: PLW0603  one event loop a process, as Celery forks them
    configure_logging(os.environ.get("LOG_LEVEL", "INFO").upper())
    _process = _Process()


@worker_process_shutdown.connect
def _stop_process(**_: object) -> None:
    if _process is not None:
        _process.close()


def register_tasks(app: Celery) -> None:
    """Make the tasks known to the application under the names that the relay uses."""
    app.task(name=DELIVER)(deliver_batch)
    app.task(name=APPLY)(apply_batch)
    app.task(name=SEND)(send_batch)
    app.task(name=PAY)(pay_batch)
    app.task(name=HEAR)(hear_batch)
    app.task(name=RECEIPT)(receipt_batch)
    app.task(name=NOTIFY)(notify_batch)


def deliver_batch(lease_id: str, letter_ids: list[int]) -> None:
    """Tell the HIS of a leased batch of the outbox."""
    _run(_deliver(Lease(UUID(lease_id), tuple(letter_ids))))


def apply_batch(lease_id: str, letter_ids: list[int]) -> None:
    """Apply a leased batch of the inbox."""
    _run(_apply(Lease(UUID(lease_id), tuple(letter_ids))))


def send_batch(lease_id: str, positions: list[int]) -> None:
    """Tell partners of a leased batch of events."""
    _run(_send(Lease(UUID(lease_id), tuple(positions))))


def pay_batch(lease_id: str, letter_ids: list[int]) -> None:
    """Take the next steps of attempts, settlements and refunds, and tell of payment events."""
    _run(_pay(Lease(UUID(lease_id), tuple(letter_ids))))


def hear_batch(lease_id: str, notification_ids: list[int]) -> None:
    """Take in a leased batch of the payment channels' notifications."""
    _run(_hear(Lease(UUID(lease_id), tuple(notification_ids))))


def receipt_batch(lease_id: str, letter_ids: list[int]) -> None:
    """Have a leased batch of fiscal receipts issued and written off."""
    _run(_receipt(Lease(UUID(lease_id), tuple(letter_ids))))


def notify_batch(lease_id: str, letter_ids: list[int]) -> None:
    """Send a leased batch of messages to patients."""
    _run(_notify(Lease(UUID(lease_id), tuple(letter_ids))))


def _run(work: Coroutine[Any, Any, None]) -> None:
    assert _process is not None, "Celery has made this process by worker_process_init"
    try:
        _process.run(work)
    except DatabaseUnavailable:
        log.warning("batch_left_to_its_lease", reason="database_unavailable")
    except TimeoutError:
        log.error("batch_left_to_its_lease", reason="too_slow")


async def _deliver(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        engine = await _this_process().engine()
        report = await engine.delivery.deliver_batch(lease)
        await flush_wakes()
    log.debug("batch_delivered", accepted=report.accepted, rejected=report.rejected)


async def _apply(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        engine = await _this_process().engine()
        finished = await engine.intake.apply_batch(lease)
        await flush_wakes()
    log.debug("batch_applied", finished=finished)


async def _send(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        sender = await _this_process().sender()
        report = await sender.work(lease)
        # The relay may hand over the next batch at once.
        wake()
        await flush_wakes()
    log.debug("webhooks_sent", delivered=report.delivered, failed=report.failed)


async def _pay(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        work = await _this_process().payments()
        done = await work.work(lease)
        wake()
        await flush_wakes()
    log.debug("payments_worked", done=done)


async def _hear(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        done = await notifications.apply_batch(await _this_process().opened_database(), lease)
        wake()
        await flush_wakes()
    log.debug("notifications_heard", done=done)


async def _receipt(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        work = await _this_process().receipts()
        done = await work.work(lease)
        wake()
        await flush_wakes()
    log.debug("receipts_worked", done=done)


async def _notify(lease: Lease) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        work = await _this_process().messages()
        done = await work.work(lease)
        wake()
        await flush_wakes()
    log.debug("messages_worked", done=done)


def _this_process() -> _Process:
    assert _process is not None, "_run() has looked"
    return _process
