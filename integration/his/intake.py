"""Hearing from the HIS: messages are kept before they are acknowledged, then applied in order.

Most changes are applied after the acknowledgement. Of a booking at the HIS's own window the clerk has
to know at once whether the seat is still there: such a change is decided while the HIS waits, in one
transaction with its inbox row, so that the acknowledgement is the decision. When that takes too long,
the message is kept and acknowledged as accepted for later; if it is refused then, the feature tells
the HIS so (`InboundSubscription.refused`).
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from integration.his.delivery import LEASE_SECONDS, RETRY_SECONDS_MAX
from integration.his.errors import HisDisagrees
from integration.his.inbox import (
    HANDLER,
    TAKEN,
    TAKEN_FOR_LATER,
    Answer,
    find_answer,
    read_change,
    store_changes,
)
from integration.his.port import InboundChange
from integration.his.subscriptions import InboundSubscription, Subscriptions
from kernel.boxes import Lease
from kernel.crypto import FieldCipher
from kernel.db import Database, DatabaseUnavailable, Row
from kernel.errors import HospitalError, Unavailable
from kernel.log import get_logger
from kernel.outbox import INBOX, wake

DECISION_SECONDS_MAX: Final = 3.0
EARLIER_LETTERS_MAX: Final = 50
EARLIER_LETTERS_POLL_SECONDS: Final = 0.05
TRIES_MAX: Final = 6

log = get_logger("integration.his")


class _StoredMeanwhile(Exception):
    """Rolls back a decision on a message that another connection has stored first."""


class Intake:
    """Takes in what one HIS tells."""

    def __init__(self, db: Database, subscriptions: Subscriptions, *, cipher: FieldCipher) -> None:
        self._db = db
        self._subscriptions = subscriptions
        self._cipher = cipher

    async def receive(self, changes: Sequence[InboundChange]) -> Answer:
        """Keep the changes of one message and say what to acknowledge.

        Raises:
            DatabaseUnavailable: nothing is known to be kept; the HIS must not be acknowledged.
        """
        first = changes[0]
        known = await find_answer(self._db, source=first.source, control_id=first.control_id)
        if known is not None:
            return known
        subscription = self._subscriptions.inbound.get(first.kind)
        answer = None
        if len(changes) == 1 and subscription is not None and subscription.at_once:
            answer = await self._decide_in_time(first, subscription)
        if answer is None:
            later = subscription is not None and subscription.at_once
            answer = await self._keep(changes, TAKEN_FOR_LATER if later else TAKEN)
        return answer

    async def _keep(self, changes: Sequence[InboundChange], answer: Answer) -> Answer:
        async with self._db.transaction() as tx:
            stored = await store_changes(tx, changes, answer, cipher=self._cipher)
        if stored:
            return answer
        return await self._answer_of_first(changes[0])

    async def _answer_of_first(self, change: InboundChange) -> Answer:
        known = await find_answer(self._db, source=change.source, control_id=change.control_id)
        assert known is not None, "the row that we collided with is committed"
        return known

    async def _decide_in_time(self, change: InboundChange, subscription: InboundSubscription) -> Answer | None:
        """Decide while the HIS waits; None when it cannot be decided within the time."""
        try:
            async with asyncio.timeout(DECISION_SECONDS_MAX):
                await self._finish_earlier(change)
                return await self._decide(change, subscription)
        except TimeoutError:
            log.warning("his_decision_put_off", kind=change.kind)
        except DatabaseUnavailable:
            raise
        except Unavailable as error:
            log.warning("his_decision_put_off", kind=change.kind, code=error.code)
        except Exception:
            # A fault of ours must not become the clerk's: the inbox tries again and shows it.
            log.exception("his_decision_put_off", kind=change.kind)
        return None

    async def _finish_earlier(self, change: InboundChange) -> None:
        """Apply what was told before about the same things, or wait for the worker that does."""
        aggregates = [change.aggregate, *([change.depends_on] if change.depends_on else [])]
        while await INBOX.pending_aggregates(self._db, HANDLER, aggregates):
            lease = await INBOX.claim(
                self._db,
                HANDLER,
                limit=EARLIER_LETTERS_MAX,
                lease_seconds=LEASE_SECONDS,
                aggregates=aggregates,
            )
            if lease is not None:
                await self.apply_batch(lease)
            else:
                await asyncio.sleep(EARLIER_LETTERS_POLL_SECONDS)

    async def _decide(self, change: InboundChange, subscription: InboundSubscription) -> Answer:
        try:
            async with self._db.transaction() as tx:
                stored = await store_changes(tx, [change], TAKEN, cipher=self._cipher, finished=True)
                if not stored:
                    raise _StoredMeanwhile
                await subscription.apply(tx, change)
            return TAKEN
        except _StoredMeanwhile:
            return await self._answer_of_first(change)
        except Unavailable:
            raise
        except HisDisagrees:
            # Something earlier may still be on its way; the inbox tries again.
            return await self._keep([change], TAKEN_FOR_LATER)
        except HospitalError as error:
            return await self._refuse(change, subscription, error)

    async def _refuse(self, change: InboundChange, subscription: InboundSubscription, error: HospitalError) -> Answer:
        """Refuse what cannot be applied, or keep it for a person."""
        # The HIS reads a plain word; which room of ours said it is none of its business.
        answer = Answer(accepted=False, code=error.code.rpartition(".")[2], sentence=error.zh)
        try:
            async with self._db.transaction() as tx:
                if subscription.keep is not None and await subscription.keep(tx, change, error):
                    answer = TAKEN_FOR_LATER
                if not await store_changes(tx, [change], answer, cipher=self._cipher, finished=True, note=error.code):
                    raise _StoredMeanwhile
        except _StoredMeanwhile:
            return await self._answer_of_first(change)
        return answer

    async def apply_batch(self, lease: Lease) -> int:
        """Apply leased letters, each in a transaction of its own; gives how many were finished.

        Raises:
            DatabaseUnavailable: PostgreSQL went away; the lease ends and the letters are tried again.
        """
        rows = await INBOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        finished = 0
        for row in rows:
            finished += await self._apply_row(lease, row)
        if rows:
            wake()
        return finished

    async def _apply_row(self, lease: Lease, row: Row) -> bool:
        change: InboundChange | None = None
        subscription: InboundSubscription | None = None
        try:
            change = read_change(row, cipher=self._cipher)
            subscription = self._subscriptions.inbound.get(change.kind)
            async with self._db.transaction() as tx:
                note = None if subscription is not None else "nobody subscribes to it"
                if not await INBOX.finish(tx, lease, [row["id"]], note=note):
                    return False
                if subscription is not None:
                    await subscription.apply(tx, change)
            return True
        except DatabaseUnavailable:
            raise
        except Unavailable as error:
            delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2 ** min(row["attempts"], 10)))
            await INBOX.postpone(self._db, lease, row["id"], error=error.code, delay=delay, refused=False)
        except HospitalError as error:
            told = (
                change is not None
                and subscription is not None
                and subscription.refused is not None
                and not isinstance(error, HisDisagrees)
            )
            if told:
                assert change is not None, "read before it was refused"
                assert subscription is not None, "found before it was refused"
                return await self._tell_refusal(lease, row, change, subscription, error)
            await self._try_again(lease, row, fault=error.code)
        except Exception as error:
            log.exception("his_change_not_applied", letter=row["id"])
            await self._try_again(lease, row, fault=type(error).__name__)
        return False

    async def _tell_refusal(
        self,
        lease: Lease,
        row: Row,
        change: InboundChange,
        subscription: InboundSubscription,
        error: HospitalError,
    ) -> bool:
        """Finish a letter that is refused after its acknowledgement, and let the feature tell so."""
        assert subscription.refused is not None, "the caller has looked"
        async with self._db.transaction() as tx:
            if not await INBOX.finish(tx, lease, [row["id"]], note=error.code):
                return False
            if subscription.keep is None or not await subscription.keep(tx, change, error):
                await subscription.refused(tx, change, error)
        return True

    async def _try_again(self, lease: Lease, row: Row, *, fault: str) -> None:
        refusals = int(row["refusals"])
        if refusals + 1 >= TRIES_MAX:
            log.error("his_dead_letter", box="inbox", letter=row["id"], fault=fault)
            await INBOX.bury(self._db, lease, row["id"], error=fault)
            return
        delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2**refusals))
        await INBOX.postpone(self._db, lease, row["id"], error=fault, delay=delay, refused=True)
