"""What the worker does with the letters of payments: asks channels and the HIS, and tells subscribers of events.

The rows themselves say what is to be done and when it is due again (see `expiry.ask_due`); a letter only says "now".
So a letter of a step is done when the step has been tried, whatever came of it. A letter that tells of an event is done
when every subscriber has heard of it, and holds up the later ones of its order until then.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from kernel.boxes import Lease
from kernel.db import Database, DatabaseUnavailable, Row
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from payments import events, expiry, refund_sending, settlement
from payments.events import Subscriber
from payments.inpatient import discharge

LEASE_SECONDS: Final = 30.0
BATCH_SECONDS_MAX: Final = 25.0
"""A batch ends before its lease does; what it has not tried goes back."""
LANES: Final = 8
FAULTS_MAX: Final = 8
"""Tries of an event's letter at which a subscriber breaks; then it waits for a person."""
RETRY_SECONDS_MAX: Final = 60

_STEPS: Final[Mapping[str, Callable[[UUID], Awaitable[None]]]] = {
    "attempt.query": expiry.query_attempt,
    "attempt.close": expiry.close_attempt,
    "settlement.drive": settlement.drive,
    "refund.drive": refund_sending.drive,
    "discharge.drive": discharge.drive,
}

log = get_logger("payments")


class PaymentWork:
    """Works on leased batches of the outbox.

    subscribers: for each kind of event (`payment.settled`; `*` for all) who is told of it, each in the transaction that
    ends the letter.
    """

    def __init__(self, db: Database, subscribers: Sequence[tuple[str, Subscriber]]) -> None:
        self._db = db
        self._subscribers: dict[str, list[Subscriber]] = defaultdict(list)
        for kind, subscriber in subscribers:
            self._subscribers[kind].append(subscriber)

    async def work(self, lease: Lease) -> int:
        """Try each letter of a batch once, several beside each other; give how many were done.

        Raises:
            DatabaseUnavailable: the lease ends and the letters go again.
        """
        rows = await OUTBOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        waiting = list(reversed(rows))
        done = 0

        async def lane() -> None:
            nonlocal done
            while waiting:
                done += await self._try(lease, waiting.pop())

        lanes = [asyncio.create_task(lane()) for _ in range(min(LANES, len(rows)))]
        try:
            async with asyncio.timeout(BATCH_SECONDS_MAX):
                await asyncio.gather(*lanes)
        except TimeoutError:
            log.warning("payment_batch_ran_out_of_time", waiting=len(waiting))
        finally:
            for one in lanes:
                one.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if waiting:
            await OUTBOX.release(self._db, lease, [row["id"] for row in waiting])
        return done

    async def _try(self, lease: Lease, letter: Row) -> bool:
        try:
            if letter["event_type"] == "event.tell":
                await self._tell(lease, letter)
                return True
            note = await self._take_step(letter)
            await OUTBOX.finish(self._db, lease, [letter["id"]], note=note)
            return note is None
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("payment_event_not_told", letter=letter["id"])
            await self._put_off(lease, letter, type(error).__name__)
            return False

    async def _take_step(self, letter: Row) -> str | None:
        """Take one step; a fault of ours is noted, and the row itself says when it is tried again."""
        try:
            await _STEPS[letter["event_type"]](UUID(letter["payload"]["id"]))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("payment_step_failed", letter=letter["id"], step=letter["event_type"])
            return type(error).__name__
        return None

    async def _tell(self, lease: Lease, letter: Row) -> None:
        """Tell subscribers, and end the letter in the same transaction, so that each hears of it once."""
        async with self._db.transaction() as tx:
            if not await OUTBOX.finish(tx, lease, [letter["id"]]):
                return
            event = await events.read_event(tx, letter["payload"]["event_id"])
            for subscriber in (*self._subscribers[event.kind], *self._subscribers["*"]):
                await subscriber(tx, event)

    async def _put_off(self, lease: Lease, letter: Row, fault: str) -> None:
        if letter["refusals"] + 1 >= FAULTS_MAX:
            await OUTBOX.bury(self._db, lease, letter["id"], error=fault)
            return
        delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2 ** letter["refusals"]))
        await OUTBOX.postpone(self._db, lease, letter["id"], error=fault, delay=delay, refused=True)
