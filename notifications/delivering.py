"""Sending: a letter is one message by one way, taken before the call and never repeated once it may have been sent.

A delivery that a worker has died with stands as `sending`. Whoever gets its letter next cannot know whether the message
was taken: it ends as `unknown`, and an important one that stays unread goes by the next way in its time.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from kernel import clock
from kernel.boxes import Lease
from kernel.crypto import FieldCipher
from kernel.db import Database, Row, Transaction
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from notifications import claims, wording
from notifications.kinds import CHANNELS, Facts
from notifications.planning import Planned, hours_of, offers, plan_next, post_letter, wants
from notifications.ports import Handed, ShortMessage, SubscribeMessage
from notifications.quiet import send_at
from notifications.retries import delay_after
from notifications.ways import Ways
from patients.accounts import accounts_of_patients, read_phone_in_use

LEASE_SECONDS: Final = 60.0
HANDS_MAX: Final = 16
"""Messages under way at a time in one worker; its database connections are fewer, and waited for."""
CALL_SECONDS_MAX: Final = 10.0
BATCH_SECONDS_MAX: Final = 25.0
"""No message is begun after this; the task ends at 40 s."""
ROWS_A_TURN_MAX: Final = 200
PAUSE_SECONDS_MAX: Final = 300

log = get_logger("notifications")


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery that this worker has taken, with all that the call needs; nothing is read in between."""

    delivery: Row
    message: SubscribeMessage | ShortMessage


class MessageWork:
    """Works on leased letters of messages, several at a time."""

    def __init__(self, db: Database, connected: Ways, *, cipher: FieldCipher) -> None:
        self._db = db
        self._ways = connected
        self._cipher = cipher

    async def work(self, lease: Lease) -> int:
        """Try each letter once; give how many were begun.

        Raises:
            DatabaseUnavailable: the lease ends and the letters go again; what was being sent is not sent twice.
        """
        letters = await OUTBOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        hands = asyncio.Semaphore(HANDS_MAX)
        ends_at = clock.machine_now() + timedelta(seconds=BATCH_SECONDS_MAX)

        async def begin(letter: Row) -> bool:
            async with hands:
                if clock.machine_now() >= ends_at:
                    await OUTBOX.release(self._db, lease, [letter["id"]])
                    return False
                await self._send(UUID(letter["payload"]["id"]), lease, letter["id"])
                return True

        tasks = [asyncio.create_task(begin(letter)) for letter in letters]
        try:
            return sum(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, delivery_id: UUID, lease: Lease, letter_id: int) -> None:
        async with self._db.transaction() as tx:
            taken = await self._take(tx, delivery_id)
            if taken is None:
                await OUTBOX.finish(tx, lease, [letter_id])
                return
        at = clock.machine_now()
        handed = await self._call(taken)
        milliseconds = round((clock.machine_now() - at).total_seconds() * 1_000)
        async with self._db.transaction() as tx:
            await claims.record_attempt(
                tx, delivery_id, at=clock.now(), milliseconds=milliseconds, outcome=handed.outcome, code=handed.code
            )
            await self._conclude(tx, taken.delivery, handed, lease, letter_id)

    async def _take(self, tx: Transaction, delivery_id: UUID) -> _Taken | None:
        """Write down that a message is being sent; None: it is not to be sent now, which is written down instead."""
        row = await claims.lock_delivery(tx, delivery_id)
        if row is None:
            return None
        now = clock.now()
        if row["status"] == "sending":
            await claims.turn_delivery(tx, delivery_id, to="unknown", outcome="lost", finished_at=now)
            return None
        if row["status"] != "queued":
            return None
        because = await self._reason_not_to(tx, row, at=now)
        if because is not None:
            await claims.turn_delivery(tx, delivery_id, to="dropped", outcome=because, finished_at=now)
            return None
        hours = await hours_of(tx, row["account_id"])
        later = send_at(now, hours, passes=row["passes_quiet_hours"], useless_after=row["until"])
        if later > now:
            await claims.turn_delivery(tx, delivery_id, to="waiting", send_at=later)
            return None
        return await (self._take_wechat(tx, row, at=now) if row["channel"] == "wechat" else self._take_sms(tx, row))

    async def _reason_not_to(self, tx: Transaction, row: Row, *, at: datetime) -> str | None:
        """Give why a message is not sent after all: much may have happened since it was planned."""
        if row["read_at"] is not None:
            return "read"
        if row["until"] is not None and row["until"] <= at:
            return "too_late"
        if not row["active"] or not offers(row, row["channel"]):
            return "not_offered"
        person = (await accounts_of_patients(tx, [row["patient_id"]])).get(row["patient_id"])
        if person is None or row["account_id"] not in person.account_ids:
            return "not_concerned"
        if not await wants(tx, row["account_id"], row, row["channel"]):
            return "not_wanted"
        return None

    async def _take_wechat(self, tx: Transaction, row: Row, *, at: datetime) -> _Taken | None:
        if not self._ways.has("wechat"):
            await self._give_up(tx, row, "not_connected", at=at)
            return None
        assert self._ways.identities is not None, "it is connected"
        openid = (await self._ways.identities.openids([row["account_id"]])).get(row["account_id"])
        if openid is None:
            await self._give_up(tx, row, "no_receiver", at=at)
            return None
        if not await claims.take_subscription(tx, row["account_id"], row["wechat_template_id"], at=at):
            await self._give_up(tx, row, "no_quota", at=at)
            return None
        await claims.turn_delivery(tx, row["id"], to="sending", tries=1)
        page = None if row["wechat_page"] is None else f"{row['wechat_page']}?message={row['notification_id']}"
        data = wording.fill_fields(row["wechat_fields"], self._facts(row))
        return _Taken(row, SubscribeMessage(openid, row["wechat_template_id"], data, page))

    async def _take_sms(self, tx: Transaction, row: Row) -> _Taken | None:
        if not self._ways.has("sms"):
            await self._give_up(tx, row, "not_connected", at=clock.now())
            return None
        phone = await read_phone_in_use(tx, row["account_id"])
        if phone is None:
            await self._give_up(tx, row, "no_receiver", at=clock.now())
            return None
        await claims.turn_delivery(tx, row["id"], to="sending", tries=1)
        facts = self._facts(row)
        text, values = wording.fill(row["sms"], facts, "zh"), wording.fill_numbers(row["sms"], facts)
        return _Taken(row, ShortMessage(phone, text, row["sms_template_id"], values))

    async def _call(self, taken: _Taken) -> Handed:
        """Hand a message over. Whatever breaks after the request may have left is not known to have failed."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                if isinstance(taken.message, SubscribeMessage):
                    assert self._ways.wechat is not None, "it was connected when the message was taken"
                    return await self._ways.wechat.send(taken.message)
                assert self._ways.sms is not None, "as above"
                return await self._ways.sms.send(taken.message)
        except TimeoutError:
            return Handed("unknown", "timeout")
        except Exception as error:
            log.exception("message_port_failed", delivery=str(taken.delivery["id"]), fault=type(error).__name__)
            return Handed("unknown", type(error).__name__)

    async def _conclude(self, tx: Transaction, row: Row, handed: Handed, lease: Lease, letter_id: int) -> None:
        now = clock.now()
        if row["channel"] == "wechat":
            await _reconcile(tx, row, handed, at=now)
        if handed.outcome in ("accepted", "unknown"):
            status = "delivered" if handed.outcome == "accepted" else "unknown"
            await claims.turn_delivery(tx, row["id"], to=status, outcome=handed.outcome, finished_at=now)
        elif handed.outcome == "busy" and (delay := delay_after(row["tries"] + 1)) is not None:
            if await claims.turn_delivery(tx, row["id"], to="queued", outcome="busy"):
                await OUTBOX.postpone(tx, lease, letter_id, error="busy", delay=delay, refused=False)
                return
        elif handed.outcome in ("bad_template", "bad_content"):
            # A person has to mend the template; then the letter can be sent again. Nobody is kept waiting by it.
            log.error("message_template_refused", kind=row["code"], channel=row["channel"], code=handed.code)
            if await claims.turn_delivery(tx, row["id"], to="queued", outcome=handed.outcome):
                await OUTBOX.bury(tx, lease, letter_id, error=f"{handed.outcome}: {handed.code}")
                await self._next(tx, row, at=now)
                return
        elif await claims.turn_delivery(tx, row["id"], to="failed", outcome=handed.outcome, finished_at=now):
            await self._next(tx, row, at=now)
        await OUTBOX.finish(tx, lease, [letter_id], note=handed.outcome)

    async def _give_up(self, tx: Transaction, row: Row, because: str, *, at: datetime) -> None:
        """End a delivery that nobody could be asked to send, and go by the next way if it is important."""
        await claims.turn_delivery(tx, row["id"], to="failed", outcome=because, finished_at=at)
        await self._next(tx, row, at=at)

    async def _next(self, tx: Transaction, row: Row, *, at: datetime) -> None:
        message = Planned(row["notification_id"], row["account_id"], row["until"])
        await plan_next(tx, message, row, after=row["channel"], at=at)

    def _facts(self, row: Row) -> Facts:
        return wording.read(orjson.loads(self._cipher.open(row["content_cipher"]))["facts"])


async def _reconcile(tx: Transaction, row: Row, handed: Handed, *, at: datetime) -> None:
    """Keep the count of accepted messages as WeChat has it."""
    account_id, template_id = row["account_id"], row["wechat_template_id"]
    if handed.outcome == "no_quota":
        await claims.forget_subscriptions(tx, account_id, template_id, at=at)
    elif handed.outcome not in ("accepted", "unknown"):
        await claims.give_subscription_back(tx, account_id, template_id, at=at)


async def send_due(db: Database) -> int:
    """Hand on deliveries whose quiet hours are over; give how many.

    Raises:
        DatabaseUnavailable.
    """
    async with db.transaction() as tx:
        due = await claims.lock_waiting(tx, at=clock.now(), limit=ROWS_A_TURN_MAX)
        for delivery_id in due:
            if await claims.turn_delivery(tx, delivery_id, to="queued"):
                await post_letter(tx, delivery_id)
    return len(due)


async def fall_back(db: Database) -> int:
    """Send important messages that nobody has read by the next way; give how many were looked at.

    Raises:
        DatabaseUnavailable.
    """
    async with db.transaction() as tx:
        now = clock.now()
        due = await claims.lock_unread(tx, at=now, limit=ROWS_A_TURN_MAX)
        for row in due:
            if not row["is_unread"]:
                continue
            kind = await tx.fetchrow("SELECT * FROM notification_kind WHERE code = $1 AND active", row["kind"])
            used = await claims.used_ways(tx, row["id"])
            if kind is None or not used:
                continue
            last = max(used, key=CHANNELS.index)
            await plan_next(tx, Planned(row["id"], row["account_id"], row["until"]), kind, after=last, at=now)
    return len(due)
