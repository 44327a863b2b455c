"""The end of orders and attempts: query, close, query, release.

An order's time ends when it is over, whatever a channel does: from then on it is `closing`, whatever was kept for it is
free, and only the channels are still asked. Each of its attempts is asked about, closed, and asked about again, until
the channel has said that nobody will pay it. Money that comes all the same is taken as any other (see `facts`).

Attempts of which nobody has told us are asked about in the same way as long as the order can be paid.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Database, Row, Transaction, database
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from payments import events, exceptions, merchants, orders
from payments.backoff import next_try
from payments.exceptions import Cause, Subject
from payments.facts import apply_channel_fact
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.port import FactSource, Gateway, PaymentFact, PaymentState

PREPARE_SECONDS_MAX: Final = timedelta(seconds=60)
"""After which no call to prepare an attempt is under way any more."""
ENDED_AT_CHANNEL: Final = timedelta(seconds=60)
"""After its own end, an attempt that the channel has never heard of will not be heard of."""

log = get_logger("payments")


async def expire_orders(limit: int = 200) -> int:
    """Take orders whose time is over out of payment; give how many. Their attempts are closed by the worker.

    Raises:
        DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        rows = await tx.fetch(
            "SELECT id FROM payment_order WHERE status = 'open' AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
            " FOR UPDATE SKIP LOCKED",
            clock.now(),
            limit,
        )
        for row in rows:
            await orders.begin_closing(tx, row["id"], reason="expired", actor=events.SYSTEM)
    return len(rows)


async def ask_due(db: Database, limit: int = 200) -> int:
    """Have the worker ask about attempts, settlements and refunds whose next ask is due; give how many.

    What is due is moved on at once, so that a letter that is lost, or a worker that dies, costs one pause.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.machine_now()
    asked = 0
    for what, table, due, tries in (
        ("attempt.query", "attempt", "next_check_at", "checks"),
        ("settlement.drive", "settlement", "next_ask_at", "asks"),
        ("refund.drive", "refund", "next_try_at", "tries"),
        ("discharge.drive", "discharge", "next_try_at", "tries"),
    ):
        async with db.transaction() as tx:
            rows = await tx.fetch(
                f"SELECT id, {tries} AS tries FROM payment_{table} WHERE {due} <= $1 ORDER BY {due} LIMIT $2"  # noqa: S608  our own names
                " FOR UPDATE SKIP LOCKED",
                now,
                limit,
            )
            names = {row["id"]: events.aggregate_of(table, row["id"]) for row in rows}
            under_way = await OUTBOX.pending_aggregates(tx, events.HANDLER, list(names.values()))
            for row in rows:
                await tx.execute(
                    f"UPDATE payment_{table} SET {due} = $2 WHERE id = $1",  # noqa: S608  our own names
                    row["id"],
                    next_try(row["tries"] + 2),
                )
                # While no worker is there, one letter waits and not one for each time.
                if names[row["id"]] not in under_way:
                    await events.ask_worker(tx, what, table, row["id"])
        asked += len(rows)
    return asked


async def query_attempt(attempt_id: UUID) -> None:
    """Ask a channel how an attempt stands; one whose order is over, or paid in another way, is closed as well.

    Raises:
        DatabaseUnavailable.
    """
    attempt = await _unfinished(attempt_id)
    if attempt is None:
        return
    if attempt["order_status"] != "open":
        await close_attempt(attempt_id)
        return
    gateway = await _gateway(attempt)
    try:
        fact = await gateway.query(attempt["attempt_no"])
    except ChannelUnavailable:
        fact = None
    async with database().transaction() as tx:
        await _note_check(tx, attempt_id)
        if fact is not None:
            await apply_channel_fact(tx, fact)


async def close_attempt(attempt_id: UUID) -> None:
    """Ask, close and ask again, so that an attempt ends for certain: paid, or never to be paid.

    Raises:
        DatabaseUnavailable.
    """
    attempt = await _unfinished(attempt_id)
    if attempt is None:
        return
    gateway = await _gateway(attempt)
    try:
        fact = await _close_out(gateway, attempt)
    except ChannelUnavailable:
        fact = None
    except ChannelRefused as error:
        # Somebody is typing a password, say: it is neither paid nor closed yet.
        log.info("attempt_not_closed", attempt_no=attempt["attempt_no"], code=error.code)
        fact = None
    async with database().transaction() as tx:
        await _note_check(tx, attempt_id)
        if fact is None:
            await _show_to_a_person(tx, attempt_id)
        else:
            await apply_channel_fact(tx, fact)


async def _close_out(gateway: Gateway, attempt: Row) -> PaymentFact | None:
    """Give the fact with which the attempt ends; None when it has not ended.

    Raises:
        ChannelUnavailable, ChannelRefused.
    """
    number = attempt["attempt_no"]
    before = await gateway.query(number)
    if before.state in (PaymentState.PAID, PaymentState.CLOSED):
        return before
    try:
        await gateway.close(number)
    except ChannelRefused as error:
        if not error.is_paid:
            raise
    after = await gateway.query(number)
    if after.state in (PaymentState.PAID, PaymentState.CLOSED):
        return after
    if after.state is PaymentState.ABSENT and _will_never_be_heard_of(attempt):
        return PaymentFact(
            after.channel, after.merchant_no, after.app_id, number, PaymentState.CLOSED, FactSource.QUERY
        )
    return None


def _will_never_be_heard_of(attempt: Row) -> bool:
    """Tell whether a channel that does not know the attempt will not come to know it.

    A code on a kiosk's screen may be unknown to the channel until somebody scans it, and a page until somebody signs in
    there, so their own end is waited for.
    """
    if attempt["scene"] in ("native_code", "browser"):
        ended: bool = clock.now() >= attempt["expires_at"] + ENDED_AT_CHANNEL
        return ended
    made: bool = clock.now() >= attempt["created_at"] + PREPARE_SECONDS_MAX
    return made


async def _unfinished(attempt_id: UUID) -> Row | None:
    return await database().fetchrow(
        "SELECT a.*, o.status AS order_status FROM payment_attempt a JOIN payment_order o ON o.id = a.order_id"
        " WHERE a.id = $1 AND a.status IN ('created', 'prepared')",
        attempt_id,
    )


async def _gateway(attempt: Row) -> Gateway:
    return merchants.gateway_of(await merchants.read_merchant(database(), attempt["merchant_code"]))


async def _note_check(tx: Transaction, attempt_id: UUID) -> None:
    """Count an ask, and say when the next is due, as long as the attempt has not ended."""
    row = await tx.fetchrow("SELECT checks FROM payment_attempt WHERE id = $1 FOR UPDATE", attempt_id)
    assert row is not None, "an attempt is never removed"
    await tx.execute(
        "UPDATE payment_attempt SET checks = checks + 1, next_check_at = $2"
        " WHERE id = $1 AND status IN ('created', 'prepared')",
        attempt_id,
        next_try(row["checks"]),
    )


async def _show_to_a_person(tx: Transaction, attempt_id: UUID) -> None:
    """Tell a person of an attempt that could not be ended in many tries; the asking goes on."""
    row = await tx.fetchrow(
        "SELECT a.* FROM payment_attempt a, payment_rule r WHERE a.id = $1 AND a.checks >= r.close_tries_max"
        " AND a.status IN ('created', 'prepared')",
        attempt_id,
    )
    if row is None or await exceptions.was_ever_opened(tx, Cause.CLOSE_UNANSWERED, row["attempt_no"]):
        return
    about = Subject(row["attempt_no"], order_id=row["order_id"], attempt_id=attempt_id)
    await exceptions.open_exception(tx, Cause.CLOSE_UNANSWERED, about, facts={"checks": row["checks"]})
