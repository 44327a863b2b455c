"""Telling the HIS: one leased batch of the outbox, sent outside any transaction, outcomes recorded.

The letters of a batch belong to different aggregates (see `kernel.boxes`), so they may go over several
connections at once; order within an aggregate is kept because its next letter is claimable only when
this one is finished. A worker that dies between sending and recording leaves its lease to end; the
letter goes again under the same message id, and the HIS answers a repeat without doing it twice.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from integration.his import link
from integration.his.errors import HisUnavailable
from integration.his.port import Accepted, HisPort, OutboundChange, Rejected
from integration.his.subscriptions import Intent, OnAccepted, Subscriptions, Verdict
from kernel.boxes import Lease
from kernel.db import Database, DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.log import get_logger
from kernel.outbox import OUTBOX, wake

HANDLER: Final = "his"
LEASE_SECONDS: Final = 30.0
BATCH_SECONDS_MAX: Final = 20.0
"""A batch ends before its lease does; what it has not sent goes back."""
LANES: Final = 4
REFUSALS_MAX: Final = 3
"""Tries of a message that the HIS refuses and no feature has a rule for."""
PATIENT_REFUSALS_MAX: Final = 20
"""Tries of one that the feature expects to be accepted later: about a quarter of an hour."""
MALFORMED_TRIES_MAX: Final = 3
RETRY_SECONDS_MAX: Final = 60
UNREACHED_SECONDS_MAX: Final = 10

log = get_logger("integration.his")


@dataclass(slots=True)
class _Batch:
    """What became of each letter so far."""

    waiting: list[tuple[Intent, OutboundChange]]
    accepted: list[tuple[Intent, Accepted]] = field(default_factory=list)
    rejected: list[tuple[Intent, Rejected]] = field(default_factory=list)
    unreached: list[Intent] = field(default_factory=list)
    broken: list[tuple[Intent, str]] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answered(self) -> bool:
        """Whether the HIS has answered anything."""
        return bool(self.accepted or self.rejected)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How a batch ended, in letters."""

    accepted: int = 0
    rejected: int = 0
    returned: int = 0


class Delivery:
    """Sends leased batches to one HIS."""

    def __init__(self, db: Database, his: HisPort, subscriptions: Subscriptions) -> None:
        self._db = db
        self._his = his
        self._subscriptions = subscriptions

    async def deliver_batch(self, lease: Lease) -> DeliveryReport:
        """Send a batch and record what became of every letter of it.

        Raises:
            DatabaseUnavailable: PostgreSQL went away; the lease ends and the letters go again.
        """
        rows = await OUTBOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        if not rows:
            return DeliveryReport()
        intents = [
            Intent(
                row["id"], row["event_type"], row["aggregate"],
                row["message_id"], row["payload"], row["created_at"],
            )
            for row in rows
        ]  # fmt: skip
        refusals = {row["id"]: int(row["refusals"]) for row in rows}
        attempts = {row["id"]: int(row["attempts"]) for row in rows}
        batch = _Batch(waiting=[])
        await self._load(lease, intents, batch)
        await self._send_all(batch)
        return await self._record(lease, batch, refusals=refusals, attempts=attempts)

    async def _load(self, lease: Lease, intents: Sequence[Intent], batch: _Batch) -> None:
        """Ask the features for the facts as they stand now."""
        groups: dict[str, list[Intent]] = defaultdict(list)
        for intent in intents:
            groups[intent.event_type].append(intent)
        idle: list[int] = []
        changes: dict[int, OutboundChange] = {}
        for event_type, group in groups.items():
            subscription = self._subscriptions.outbound.get(event_type)
            if subscription is None:
                batch.broken += [(intent, "nobody_loads_it") for intent in group]
                continue
            try:
                loaded = await subscription.load(group)
            except DatabaseUnavailable:
                raise
            except Exception as error:
                log.exception("his_facts_not_loaded", event_type=event_type)
                batch.broken += [(intent, f"load: {type(error).__name__}") for intent in group]
                continue
            changes.update(loaded)
            idle += [intent.id for intent in group if intent.id not in loaded]
        if idle:
            await OUTBOX.finish(self._db, lease, idle, note="nothing to tell")
        batch.waiting = [(intent, changes[intent.id]) for intent in intents if intent.id in changes]
        batch.waiting.reverse()

    async def _send_all(self, batch: _Batch) -> None:
        """Send over a few lanes at once until all is sent, the HIS falls silent, or time is up."""
        lanes = [asyncio.create_task(self._send_lane(batch)) for _ in range(LANES)]
        try:
            async with asyncio.timeout(BATCH_SECONDS_MAX):
                await asyncio.gather(*lanes)
        except TimeoutError:
            log.warning("his_batch_ran_out_of_time", waiting=len(batch.waiting))
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _send_lane(self, batch: _Batch) -> None:
        while batch.waiting and not batch.silent.is_set():
            intent, change = batch.waiting.pop()
            try:
                outcome = await self._his.deliver(change, message_id=intent.message_id)
            except HisUnavailable:
                batch.unreached.append(intent)
                if not batch.answered:
                    batch.silent.set()
                continue
            except asyncio.CancelledError:
                batch.waiting.append((intent, change))
                raise
            except Exception as error:
                # A fact that cannot be written as a message: a person must see it.
                log.exception("his_message_not_made", letter=intent.id)
                batch.broken.append((intent, f"render: {type(error).__name__}"))
                continue
            if isinstance(outcome, Accepted):
                batch.accepted.append((intent, outcome))
            else:
                batch.rejected.append((intent, outcome))

    async def _record(
        self, lease: Lease, batch: _Batch, *, refusals: dict[int, int], attempts: dict[int, int]
    ) -> DeliveryReport:
        if batch.answered:
            await link.note_contact(self._db, HANDLER)
        await self._record_accepted(lease, batch.accepted, refusals=refusals)
        for intent, rejection in batch.rejected:
            await self._record_rejected(lease, intent, rejection, refusals=refusals[intent.id])
        for intent, fault in batch.broken:
            await self._try_again(lease, intent, fault, refusals=refusals[intent.id], tries=MALFORMED_TRIES_MAX)
        for intent in batch.unreached:
            delay = min(UNREACHED_SECONDS_MAX, 2 ** min(attempts[intent.id] - 1, 10))
            await OUTBOX.postpone(
                self._db, lease, intent.id,
                error="his.unavailable", delay=timedelta(seconds=delay), refused=False,
            )  # fmt: skip
        if batch.waiting:
            await OUTBOX.release(self._db, lease, [intent.id for intent, _ in batch.waiting])
        if batch.unreached and not batch.answered:
            await link.note_silence(self._db, HANDLER)
        returned = len(batch.unreached) + len(batch.waiting)
        wake()
        return DeliveryReport(len(batch.accepted), len(batch.rejected), returned)

    async def _record_accepted(
        self,
        lease: Lease,
        accepted: Sequence[tuple[Intent, Accepted]],
        *,
        refusals: dict[int, int],
    ) -> None:
        """Finish letters and tell their features, in one transaction for each type of event."""
        groups: dict[str, list[tuple[Intent, Accepted]]] = defaultdict(list)
        for intent, outcome in accepted:
            groups[intent.event_type].append((intent, outcome))
        for event_type, group in groups.items():
            on_accepted = self._subscriptions.outbound[event_type].accepted
            try:
                await self._finish_accepted(lease, group, on_accepted)
            except DatabaseUnavailable:
                raise
            except Exception:
                # One letter that its feature cannot take must not hold up its batch mates.
                log.exception("his_acceptance_not_recorded", event_type=event_type)
                for pair in group:
                    await self._finish_alone(lease, pair, on_accepted, refusals=refusals)

    async def _finish_accepted(
        self,
        lease: Lease,
        group: Sequence[tuple[Intent, Accepted]],
        on_accepted: OnAccepted | None,
    ) -> None:
        async with self._db.transaction() as tx:
            finished = set(await OUTBOX.finish(tx, lease, [intent.id for intent, _ in group]))
            ours = [(intent, outcome) for intent, outcome in group if intent.id in finished]
            if on_accepted is not None and ours:
                await on_accepted(tx, ours)

    async def _finish_alone(
        self,
        lease: Lease,
        pair: tuple[Intent, Accepted],
        on_accepted: OnAccepted | None,
        *,
        refusals: dict[int, int],
    ) -> None:
        intent = pair[0]
        try:
            await self._finish_accepted(lease, [pair], on_accepted)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("his_acceptance_not_recorded", letter=intent.id)
            fault = f"accepted, not recorded: {type(error).__name__}"
            await self._try_again(lease, intent, fault, refusals=refusals[intent.id], tries=REFUSALS_MAX)

    async def _record_rejected(self, lease: Lease, intent: Intent, rejection: Rejected, *, refusals: int) -> None:
        """Let the feature settle a refusal; without a rule for it a person has to."""
        fault = f"{rejection.code}: {rejection.text}"
        on_rejected = self._subscriptions.outbound[intent.event_type].rejected
        log.info("his_rejected", letter=intent.id, code=rejection.code)
        if rejection.malformed:
            await self._try_again(lease, intent, fault, refusals=refusals, tries=MALFORMED_TRIES_MAX)
            return
        verdict = Verdict.UNSETTLED
        if on_rejected is not None:
            try:
                async with self._db.transaction() as tx:
                    if not await OUTBOX.finish(tx, lease, [intent.id], note=fault[:500]):
                        return
                    verdict = await on_rejected(tx, intent, rejection)
                    if verdict is not Verdict.SETTLED:
                        raise _NotSettled
            except _NotSettled:
                log.info("his_rejection_not_settled", letter=intent.id, verdict=verdict)
            except DatabaseUnavailable:
                raise
            except HospitalError as error:
                log.warning("his_rejection_not_settled", letter=intent.id, code=error.code)
                verdict = Verdict.RETRY
        if verdict is not Verdict.SETTLED:
            tries = PATIENT_REFUSALS_MAX if verdict is Verdict.RETRY else REFUSALS_MAX
            await self._try_again(lease, intent, fault, refusals=refusals, tries=tries)

    async def _try_again(self, lease: Lease, intent: Intent, fault: str, *, refusals: int, tries: int) -> None:
        """Postpone a refused letter, or make it a dead letter after its tries are used up."""
        if refusals + 1 >= tries:
            log.error("his_dead_letter", box="outbox", letter=intent.id)
            await OUTBOX.bury(self._db, lease, intent.id, error=fault)
            return
        delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2**refusals))
        await OUTBOX.postpone(self._db, lease, intent.id, error=fault, delay=delay, refused=True)


class _NotSettled(Exception):
    """Rolls the transaction of a refusal back that the feature did not settle."""
