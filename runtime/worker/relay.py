"""`python -m runtime.worker.relay`: takes due letters out of PostgreSQL and hands their ids to Celery.

It is woken through Valkey when a letter is posted, and looks every two seconds anyway, so that a lost
wake or a Valkey that is away costs seconds and no letter. When the broker cannot be reached, the
letters go back at once and are tried again. It also runs the timetable.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from celery import Celery
from kombu.exceptions import OperationalError

from integration.his import delivery
from integration.his.link import read_link
from kernel import clock
from kernel.boxes import Lease
from kernel.crypto import load_cipher
from kernel.db import Database, DatabaseUnavailable, open_database
from kernel.log import configure_logging, get_logger
from kernel.outbox import INBOX, OUTBOX, WAKE_CHANNEL
from kernel.redis import GONE, close_redis, open_redis, subscribed
from kernel.settings import Settings, SettingsError
from notifications.planning import HANDLER as MESSAGES
from partners.webhooks import claims as webhooks
from partners.webhooks.claims import BOX as WEBHOOKS
from payments import inbox as notifications
from payments.billing import close_billing
from payments.events import EVENTS_HANDLER as PAYMENT_EVENTS
from payments.events import HANDLER as PAYMENTS
from payments.receipts import service as receipts
from runtime.messages import connect_messages
from runtime.payments import connect_payments
from runtime.ready import announce_ready
from runtime.sms import close_sms_gateway
from runtime.wechat import close_mini_program
from runtime.worker.app import APPLY, DELIVER, HEAR, NOTIFY, PAY, RECEIPT, SEND, make_app
from runtime.worker.jobs import build_jobs
from runtime.worker.messages import MessageMaker
from runtime.worker.timetable import Timetable
from runtime.worker.webhooks import hand_on_events

POLL_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0
"""After PostgreSQL or the broker was away."""
BATCH_LETTERS_MAX: Final = 100
BATCHES_UNDER_WAY_MAX: Final = 4
"""Leased at one time: enough to keep the workers busy, few enough that no lease ends in the queue."""
HANDOVER_LEASE_SECONDS: Final = 20.0
"""Until a worker begins; it takes a longer lease then. A task lost in the broker costs this long."""
WEBHOOK_BATCHES_UNDER_WAY_MAX: Final = 1
"""One worker process sends webhooks at a time, many at once; the others stay with the HIS whatever receivers do."""
PAYMENT_BATCHES_UNDER_WAY_MAX: Final = 2
"""A channel that is slow keeps two worker processes at most."""
MESSAGE_BATCHES_UNDER_WAY_MAX: Final = 1
"""One worker process sends messages at a time, several at once; a gateway that is slow keeps no other."""
RECEIPT_BATCHES_UNDER_WAY_MAX: Final = 1
"""A fiscal platform that is slow keeps one worker process."""
PUBLISH_SECONDS_MAX: Final = 10.0
DATABASE_CONNECTIONS_MAX: Final = 5

log = get_logger("runtime.relay")


class LetterBox(Protocol):
    """What the relay needs of a box: to lease what may go now, and to give it back."""

    async def count_leases(self, db: Database, handler: str) -> int:
        """Tell how many leases are running."""
        ...

    async def claim(self, db: Database, handler: str, *, limit: int, lease_seconds: float) -> Lease | None:
        """Lease what may go now; None when nothing may."""
        ...

    async def release(self, db: Database, lease: Lease, letter_ids: Sequence[int]) -> None:
        """Give letters back untouched."""
        ...


@dataclass(frozen=True, slots=True)
class Queue:
    """A box whose due letters go to one Celery task; `allowance` says how many may be tried now.

    batches_max: leased at one time. prepare: fills the box, before it is looked into.
    """

    box: LetterBox
    handler: str
    task: str
    allowance: Callable[[int], Awaitable[int]]
    batches_max: int = BATCHES_UNDER_WAY_MAX
    prepare: Callable[[], Awaitable[None]] | None = None


class Relay:
    """Moves due letters from PostgreSQL to Celery, a bounded number of batches at a time."""

    def __init__(self, db: Database, app: Celery, queues: list[Queue], *, redis_url: str) -> None:
        self._db = db
        self._app = app
        self._queues = queues
        self._redis_url = redis_url
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the turn and end."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until stop()."""
        listener = asyncio.create_task(self._listen())
        try:
            while not self._stopping.is_set():
                await self._turn_safely()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _turn_safely(self) -> None:
        self._woken.clear()
        try:
            moved = [await self._move(queue) for queue in self._queues]
        except DatabaseUnavailable:
            log.warning("database_unavailable")
            await self._pause(PAUSE_SECONDS)
            return
        except (OperationalError, TimeoutError) as error:
            log.warning("broker_unavailable", fault=type(error).__name__)
            await self._pause(PAUSE_SECONDS)
            return
        if not any(moved):
            await self._pause(POLL_SECONDS, until_woken=True)

    async def _pause(self, seconds: float, *, until_woken: bool = False) -> None:
        awaited = self._woken if until_woken else self._stopping
        try:
            async with asyncio.timeout(seconds):
                await awaited.wait()
        except TimeoutError:
            return

    async def _move(self, queue: Queue) -> int:
        """Hand on what may go of one box; gives the number of letters.

        Raises:
            DatabaseUnavailable: PostgreSQL is away.
            OperationalError, TimeoutError: the broker is away; the letters have gone back.
        """
        moved = 0
        if queue.prepare is not None:
            await queue.prepare()
        running = await queue.box.count_leases(self._db, queue.handler)
        for _ in range(running, queue.batches_max):
            size = await queue.allowance(BATCH_LETTERS_MAX)
            if size == 0 or self._stopping.is_set():
                break
            lease = await queue.box.claim(self._db, queue.handler, limit=size, lease_seconds=HANDOVER_LEASE_SECONDS)
            if lease is None:
                break
            await self._hand_over(queue, lease)
            moved += len(lease.letter_ids)
            if size < BATCH_LETTERS_MAX:
                break
        return moved

    async def _hand_over(self, queue: Queue, lease: Lease) -> None:
        """Publish one batch; kombu blocks, so it runs beside the event loop."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS_MAX):
                await asyncio.to_thread(self._publish, queue.task, lease)
        except (OperationalError, TimeoutError):
            await queue.box.release(self._db, lease, lease.letter_ids)
            raise

    def _publish(self, task: str, lease: Lease) -> None:
        self._app.send_task(task, args=(str(lease.id), list(lease.letter_ids)), retry=False)

    async def _listen(self) -> None:
        """Hear wakes for as long as the relay runs; without Valkey the poll has to do."""
        while True:
            try:
                async with subscribed(self._redis_url, WAKE_CHANNEL) as channel:
                    self._woken.set()
                    async for _ in channel.listen():
                        self._woken.set()
            except GONE as error:
                log.warning("wake_channel_lost", fault=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)


def build_queues(db: Database, settings: Settings) -> list[Queue]:
    """Which boxes this hospital has to empty; without a HIS its letters stay where they are."""

    async def while_it_answers(wanted: int) -> int:
        link = await read_link(db, delivery.HANDLER)
        return link.batch_size(wanted, at=clock.machine_now())

    async def always(wanted: int) -> int:
        return wanted

    async def make_deliveries() -> None:
        await hand_on_events(db)

    queues = [
        Queue(INBOX, delivery.HANDLER, APPLY, always),
        Queue(notifications.BOX, notifications.HANDLER, HEAR, always, PAYMENT_BATCHES_UNDER_WAY_MAX),
        Queue(OUTBOX, PAYMENT_EVENTS, PAY, always, PAYMENT_BATCHES_UNDER_WAY_MAX),
        Queue(OUTBOX, PAYMENTS, PAY, always, PAYMENT_BATCHES_UNDER_WAY_MAX),
        Queue(OUTBOX, MESSAGES, NOTIFY, always, MESSAGE_BATCHES_UNDER_WAY_MAX, MessageMaker(db).make),
        Queue(WEBHOOKS, webhooks.HANDLER, SEND, always, WEBHOOK_BATCHES_UNDER_WAY_MAX, make_deliveries),
    ]
    if settings.fiscal_base_url is not None:
        queues.append(Queue(OUTBOX, receipts.HANDLER, RECEIPT, always, RECEIPT_BATCHES_UNDER_WAY_MAX))
    if settings.his_mllp is not None:
        queues.append(Queue(OUTBOX, delivery.HANDLER, DELIVER, while_it_answers))
    return queues


async def open_database_patiently(settings: Settings, stopping: asyncio.Event) -> Database | None:
    """Open the database, waiting for PostgreSQL as long as it takes; None when told to stop."""
    while not stopping.is_set():
        try:
            return await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
        except DatabaseUnavailable:
            log.warning("database_unavailable")
            await asyncio.sleep(PAUSE_SECONDS)
    return None


async def serve(settings: Settings) -> None:
    """Run relay and timetable until SIGTERM or SIGINT.

    Raises:
        SettingsError: REDIS_URL is not set.
    """
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL is not set: the relay hands its tasks over there")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    db = await open_database_patiently(settings, stopping)
    if db is None:
        return
    open_redis(settings.redis_url)
    cipher = load_cipher(settings.keys_dir)
    # The timetable keeps books: it fetches bills from the channels, and receipts from the HIS.
    connect_payments(settings)
    connect_messages(settings)
    app = make_app(settings.redis_url)
    relay = Relay(db, app, build_queues(db, settings), redis_url=settings.redis_url)
    timetable = Timetable(db, build_jobs(db, settings, cipher=cipher))
    tasks = [asyncio.create_task(relay.run()), asyncio.create_task(timetable.run())]
    announce_ready(settings)
    log.info("relay_serves")
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    relay.stop()
    timetable.stop()
    await asyncio.gather(*tasks)
    waiting.cancel()
    await close_billing()
    close_mini_program()
    await close_sms_gateway()
    await close_redis()
    await db.close()


def main() -> int:
    """Run the relay process."""
    try:
        settings = Settings.from_environment()
        configure_logging(settings.log_level)
        asyncio.run(serve(settings))
    except SettingsError as error:
        print(f"relay: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
