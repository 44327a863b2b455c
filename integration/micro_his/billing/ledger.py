"""Receipts: every movement of money once, under its number, never changed."""

from typing import Any, Final

from integration.micro_his.billing.errors import EntryUnknown, NumberReused, NumberVoid
from integration.micro_his.billing.records import Payment
from kernel import clock
from kernel.db import Database, Row, Transaction

_NUMBER_LOCK: Final = 2
"""Apart from the window's request ids (1), in the space of advisory locks."""


async def recall(tx: Transaction, payment: Payment) -> Row | None:
    """Give the entry that stands under this number, so that a repeat changes nothing; None when it is new.

    Two requests with one number stand in line here; the second finds the first's entry.

    Raises:
        NumberReused: it was asked for with other content; `field` names what differs.
        NumberVoid: the platform has given the number up.
    """
    if payment.number is None:
        return None
    await _lock_number(tx, payment.number)
    row = await tx.fetchrow("SELECT * FROM receipt WHERE number = $1", payment.number)
    if row is None:
        if await tx.fetchval("SELECT EXISTS (SELECT FROM void_number WHERE number = $1)", payment.number):
            raise NumberVoid
        return None
    stored: dict[str, Any] = row["request"]
    for name in sorted(stored.keys() | payment.request.keys()):
        if stored.get(name) != payment.request.get(name):
            raise NumberReused(field=name)
    return row


async def write_receipt(
    tx: Transaction,
    payment: Payment,
    *,
    kind: str,
    mr: str,
    reverses: int | None = None,
    appointment_id: int | None = None,
    admission_id: int | None = None,
) -> Row:
    """Write down one movement of money; what goes back to the payer is negative."""
    sign = 1 if reverses is None else -1
    now = clock.now()
    row = await tx.fetchrow(
        "INSERT INTO receipt (kind, source, number, request, reverses, mr, appointment_id, admission_id, channel,"
        " transaction_no, cash_fen, insurance_fen, total_fen, made_by, business_day, made_at, insurance_no,"
        " account_fen)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING *",
        kind,
        payment.source,
        payment.number,
        dict(payment.request),
        reverses,
        mr,
        appointment_id,
        admission_id,
        payment.channel,
        payment.transaction_no,
        sign * payment.cash_fen,
        sign * payment.insurance_fen,
        sign * (payment.cash_fen + payment.insurance_fen),
        payment.made_by,
        clock.clinic_date(now),
        now,
        payment.insurance_no,
        sign * payment.account_fen,
    )
    assert row is not None, "INSERT gives its row"
    return row


async def await_number(db: Database, number: str) -> None:
    """Wait for whoever is writing under this number just now, so that who asks what became of it is told the truth."""
    async with db.transaction() as tx:
        await _lock_number(tx, number)


async def void_number(db: Database, number: str) -> bool:
    """Do nothing under this number any more, unless it was done by now; tell whether it is void.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        await _lock_number(tx, number)
        if await tx.fetchval("SELECT EXISTS (SELECT FROM receipt WHERE number = $1)", number):
            return False
        await tx.execute("INSERT INTO void_number VALUES ($1, $2) ON CONFLICT DO NOTHING", number, clock.now())
    return True


async def _lock_number(tx: Transaction, number: str) -> None:
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", number, _NUMBER_LOCK)


async def require_receipt(db: Database | Transaction, number: str) -> Row:
    """Give the entry under a number of the platform's.

    Raises:
        EntryUnknown: there is none.
    """
    row = await db.fetchrow("SELECT * FROM receipt WHERE number = $1", number)
    if row is None:
        raise EntryUnknown
    return row
