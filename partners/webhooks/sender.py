"""Sends what is due: one task that works on a lease and takes more to it while it has hands free.

A receiver that hangs holds as many hands as its endpoint may have, for ten seconds at most; the others go on being
taken from the box, sent and recorded meanwhile.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.boxes import Lease
from kernel.crypto import FieldCipher
from kernel.db import Database, Row
from partners.sandbox.faults import Kind
from partners.webhooks import signing
from partners.webhooks.claims import BOX, HANDLER, Sent, record_sent
from partners.webhooks.health import Tell, note_answers
from partners.webhooks.retries import delay_after
from partners.webhooks.troubles import Troubles
from partners.webhooks.wire import POST_SECONDS_MAX, Answer, Wire

IN_FLIGHT_MAX: Final = 256
TURN_SECONDS: Final = 0.05
"""How often what was answered is recorded and more is taken."""
WORK_SECONDS_MAX: Final = 20.0
"""After that nothing more is taken; what is under way is seen to its end."""
LEASE_SECONDS: Final = 30.0
"""Longer than one try with all its bounds; a worker that died holds its deliveries so long."""

assert POST_SECONDS_MAX * 2 < LEASE_SECONDS, "a try must end within its lease"


@dataclass(slots=True)
class SendReport:
    """What a turn of work did."""

    delivered: int = 0
    failed: int = 0


class Sender:
    """Sends the deliveries of one lease after another, over connections that it keeps."""

    def __init__(
        self, db: Database, wire: Wire, *, cipher: FieldCipher, tell: Tell, troubles: Troubles | None = None
    ) -> None:
        """troubles: a sandbox's faults; a production has none."""
        self._db = db
        self._wire = wire
        self._cipher = cipher
        self._tell = tell
        self._troubles = troubles

    async def work(self, lease: Lease) -> SendReport:
        """Send a lease's deliveries, and more under the same lease as long as there are some and time is left.

        Raises:
            DatabaseUnavailable: what was sent but not recorded is sent again under the same id when its lease ends.
        """
        loop = asyncio.get_running_loop()
        report = SendReport()
        under_way: set[asyncio.Task[Sent]] = set()
        try:
            under_way |= await self._start(lease)
            ends_at = loop.time() + WORK_SECONDS_MAX
            while under_way:
                finished, under_way = await self._wait(under_way)
                if finished:
                    await self._record(lease, [task.result() for task in finished], report)
                free = IN_FLIGHT_MAX - len(under_way)
                if free > 0 and loop.time() < ends_at:
                    more = await BOX.claim(
                        self._db, HANDLER, limit=free, lease_seconds=LEASE_SECONDS, lease_id=lease.id
                    )
                    if more is not None:
                        under_way |= await self._start(more)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            self._wire.rest()
        return report

    async def _wait(
        self, under_way: set[asyncio.Task[Sent]]
    ) -> tuple[set[asyncio.Task[Sent]], set[asyncio.Task[Sent]]]:
        """Wait until something was answered, and a moment longer for what is answered with it."""
        await asyncio.wait(under_way, timeout=TURN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if any(not task.done() for task in under_way):
            await asyncio.sleep(TURN_SECONDS / 5)
        finished = {task for task in under_way if task.done()}
        return finished, under_way - finished

    async def _start(self, lease: Lease) -> set[asyncio.Task[Sent]]:
        rows = await BOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        keys = await self._keys({row["endpoint_id"] for row in rows})
        struck = {} if self._troubles is None else await self._troubles.strike(rows)
        return {
            asyncio.create_task(self._send(row, keys.get(row["endpoint_id"], ()), trouble=struck.get(row["id"])))
            for row in rows
        }

    async def _keys(self, endpoint_ids: set[UUID]) -> dict[UUID, list[bytes]]:
        """Give the keys that sign for endpoints now: two each while one is being exchanged."""
        rows = await self._db.fetch(
            "SELECT endpoint_id, sealed FROM webhook_secret WHERE endpoint_id = ANY ($1) AND expires_at > $2"
            " ORDER BY id DESC",
            list(endpoint_ids),
            clock.now(),
        )
        keys: dict[UUID, list[bytes]] = {}
        for row in rows:
            keys.setdefault(row["endpoint_id"], []).append(signing.key_of(self._cipher.open(row["sealed"])))
        return keys

    async def _send(self, row: Row, keys: Sequence[bytes], *, trouble: Kind | None) -> Sent:
        if trouble == "webhook_lost":
            return replace(_sent(row, Answer("lost"), milliseconds=0), next_due_at=None)
        at = clock.now()
        body = row["body"].encode()
        started = asyncio.get_running_loop().time()
        headers = signing.headers(signing.message_id(row["id"]), body, keys=keys, at=at)
        answer = await self._wire.post(row["url"], headers, body)
        milliseconds = round((asyncio.get_running_loop().time() - started) * 1_000)
        sent = _sent(row, answer, milliseconds=milliseconds)
        # What is to come twice is due again at once, as if its answer had not been heard.
        return replace(sent, next_due_at=sent.next_due_at or sent.at) if trouble == "webhook_doubled" else sent

    async def _record(self, lease: Lease, sent: Sequence[Sent], report: SendReport) -> None:
        async with self._db.transaction() as tx:
            await record_sent(tx, lease, sent)
            # What was never sent tells nothing of its receiver.
            tried = [one for one in sent if one.outcome != "lost"]
            await note_answers(tx, tried, tell=self._tell, at=clock.now())
        delivered = sum(one.outcome == "delivered" for one in sent)
        report.delivered += delivered
        report.failed += len(sent) - delivered


def _sent(row: Row, answer: Answer, *, milliseconds: int) -> Sent:
    now = clock.now()
    delay = None if answer.outcome == "delivered" else delay_after(row["tries"])
    return Sent(
        position=row["position"],
        delivery_id=row["id"],
        endpoint_id=row["endpoint_id"],
        outcome=answer.outcome,
        status_code=answer.status_code,
        excerpt=answer.excerpt,
        at=now,
        milliseconds=milliseconds,
        next_due_at=None if delay is None else now + delay,
    )
