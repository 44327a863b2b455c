"""What the insurance pays of an order: decided at its centre, asked for, and taken back before any cash leaves.

Every call bears the bill's or the order's own number. What is not known is asked, and never counts as yes or no.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments import exceptions, merchants
from payments.exceptions import Cause, Subject
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.port import (
    CentreOrder,
    CentreRefund,
    InsuranceCentre,
    InsuranceFact,
    InsuranceState,
    Insured,
    Parts,
    RefundKind,
    RefundOutcome,
)
from payments.insurance import postings
from payments.insurance.centres import CentreOf
from payments.ports import OutcomeUnknown, Reversal

TAKEN_BACK_MAX: Final = 50
"""How many orders one sweep takes back."""
ASKED_APART: Final = timedelta(seconds=4)
ASKED_SECONDS_MAX: Final = 4.0
"""A reader waits no longer; what the centre has not said by then is read as it stood."""
OVER: Final = frozenset({InsuranceState.FAILED, InsuranceState.REVOKED, InsuranceState.REFUNDED})
"""States in which the insurance pays nothing any more."""

log = get_logger("payments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What the insurance pays of one order."""

    order_id: UUID
    order_no: str
    merchant_code: str
    centre_order: CentreOrder
    insured: Insured
    pay_auth_no: str
    parts: Parts
    reduced_fen: int
    status: str
    declined: str | None
    mix_trade_no: str | None
    mix_attempt_no: str | None
    created_at: datetime

    @property
    def is_alone(self) -> bool:
        """Tell whether the insurance pays all of it: nothing is left in cash."""
        return self.parts.own_fen == self.reduced_fen


async def share_of(db: Database | Transaction, order_id: UUID) -> Share | None:
    """Read what the insurance pays of an order; None: it has no part in it.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT s.*, o.order_no FROM insurance_share s JOIN payment_order o ON o.id = s.order_id WHERE s.order_id = $1",
        order_id,
    )
    return _shape(rows[0]) if rows else None


async def decline(db: Database | Transaction, order_id: UUID, reason: str) -> bool:
    """Note why an order cannot be had; the insurance is taken back before the cash is. False: it has no share."""
    noted = await db.execute(
        "UPDATE insurance_share SET declined = coalesce(declined, $2), updated_at = $3 WHERE order_id = $1",
        order_id,
        reason[:200],
        clock.now(),
    )
    return noted > 0


async def is_paid(centre_of: CentreOf, share: Share) -> bool:
    """Tell whether the insurance has paid its part; False: it has not and will not.

    Raises:
        OutcomeUnknown: it may yet.
    """
    if share.status == "taken_back":
        return False
    if share.declined is not None:
        await take_back(centre_of, share)
        return False
    if share.status == "paid":
        return True
    fact = await ask(centre_of, share)
    if fact.state in OVER:
        await _end(share, back_fen=share.parts.insurance_fen if fact.state is InsuranceState.REFUNDED else 0)
        return False
    if fact.state is not InsuranceState.PAID or not _is_as_decided(share, fact):
        raise OutcomeUnknown(fact.status_code)
    await _move(share, "paid")
    return True


async def take_back(centre_of: CentreOf, share: Share) -> None:
    """Have the insurance's part go back, or never be taken; twice is no error.

    Raises:
        OutcomeUnknown: it is not known to be back yet.
    """
    if share.status == "taken_back":
        return
    fact = await ask(centre_of, share)
    back_fen = share.parts.insurance_fen
    try:
        if fact.state is InsuranceState.PENDING:
            await (await _reach(centre_of, share)).revoke(share.centre_order, share.insured)
            back_fen = 0
        elif fact.state is InsuranceState.PAID:
            await _refund(centre_of, share, RefundKind.INSURANCE, replace(share.parts, own_fen=0), f"{share.order_no}I")
        elif fact.state in (InsuranceState.FAILED, InsuranceState.REVOKED):
            back_fen = back_fen if share.status == "paid" else 0
        elif fact.state is not InsuranceState.REFUNDED:
            raise OutcomeUnknown(fact.status_code)
    except (ChannelUnavailable, ChannelRefused) as error:
        raise OutcomeUnknown(str(error)) from error
    await _end(share, back_fen=back_fen)


async def report_cash(centre_of: CentreOf, share: Share, *, refund_no: str, amount_fen: int) -> None:
    """Tell the centre of cash that goes back while the insurance stays. Raises: OutcomeUnknown."""
    try:
        await _refund(centre_of, share, RefundKind.CASH, Parts(0, 0, amount_fen), refund_no)
    except (ChannelUnavailable, ChannelRefused) as error:
        raise OutcomeUnknown(str(error)) from error


async def takes_insurance_back(db: Database | Transaction, share: Share, reversal: Reversal) -> bool:
    """Tell whether a refund of an order is one with which the insurance's part goes back.

    One that names its items says so by their prices; another does if it is the last of the cash.
    """
    if share.is_alone:
        return reversal.amount_fen == share.parts.insurance_fen
    if reversal.items:
        named_fen: int = sum(item["amount_fen"] for item in reversal.items)
        return named_fen > reversal.amount_fen
    whole: bool | None = await db.fetchval(
        "SELECT t.reserved_fen = t.amount_fen FROM payment_settlement s"
        " JOIN payment_transaction t ON t.id = s.transaction_id WHERE s.settlement_no = $1",
        reversal.settlement_no,
    )
    return bool(whole)


async def ask_now(centre_of: CentreOf, order_id: UUID) -> None:
    """Ask whether somebody has agreed to the insurance's part, because they look; unless it was asked just now.

    Of an order that the insurance pays alone its attempt is asked about instead.

    Raises:
        DatabaseUnavailable.
    """
    now = clock.machine_now()
    row = await database().fetchrow(
        "UPDATE insurance_share s SET next_try_at = $2 FROM payment_order o WHERE o.id = s.order_id"
        " AND s.order_id = $1 AND s.status = 'pending' AND s.cash_fen > 0 AND s.next_try_at <= $3"
        " AND o.status IN ('open', 'paid') RETURNING s.*, o.order_no",
        order_id,
        now + ASKED_APART,
        now,
    )
    if row is None:
        return
    try:
        async with asyncio.timeout(ASKED_SECONDS_MAX):
            await is_paid(centre_of, _shape(row))
    except (OutcomeUnknown, TimeoutError) as error:
        log.info("insurance_not_agreed_yet", order_id=str(order_id), reason=type(error).__name__)


async def take_back_due(db: Database, centre_of: CentreOf) -> int:
    """Take back what stands for orders that were closed, rejected or refunded; give how many. From the timetable.

    Raises:
        DatabaseUnavailable.
    """
    done = 0
    for row in await _due(db, "p.status IN ('closed', 'rejected', 'refunded')", "d.status <> 'taken_back'"):
        try:
            await take_back(centre_of, _shape(row))
            done += 1
        except OutcomeUnknown as error:
            log.warning("insurance_not_taken_back", order_id=str(row["order_id"]), reason=str(error))
            await _show_to_a_person(row)
    return done


async def ask_due(db: Database, centre_of: CentreOf) -> int:
    """Ask about the insurance's part of orders that a person has said are settled; give how many it has paid.

    Raises:
        DatabaseUnavailable.
    """
    done = 0
    for row in await _due(db, "p.status = 'settled'", "d.status = 'pending'"):
        try:
            done += await is_paid(centre_of, _shape(row))
        except OutcomeUnknown as error:
            log.warning("insurance_not_known", order_id=str(row["order_id"]), reason=str(error))
    return done


async def ask_anew(tx: Transaction, order_id: UUID) -> None:
    """Begin anew to take an order's part back, now."""
    await tx.execute(
        "UPDATE insurance_share SET tries = 0, next_try_at = $2 WHERE order_id = $1 AND status <> 'taken_back'",
        order_id,
        clock.machine_now(),
    )


async def _due(db: Database, of_order: str, of_share: str) -> list[Row]:
    return await db.fetch(
        "UPDATE insurance_share s SET tries = tries + 1,"  # noqa: S608  our own conditions
        " next_try_at = $1 + least(600, 5 * 2 ^ least(tries, 10)) * interval '1 second'"
        " FROM payment_order o WHERE o.id = s.order_id AND s.order_id IN ("
        "   SELECT d.order_id FROM insurance_share d JOIN payment_order p ON p.id = d.order_id"
        f"   WHERE {of_share} AND d.next_try_at <= $1 AND {of_order}"
        "   ORDER BY d.next_try_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED)"
        " RETURNING s.*, o.order_no",
        clock.machine_now(),
        TAKEN_BACK_MAX,
    )


async def _show_to_a_person(row: Row) -> None:
    """Put it before a person once the centre has been asked often enough; the asking goes on."""
    async with database().transaction() as tx:
        limit: int = await tx.fetchval("SELECT settlement_asks_max FROM payment_rule")
        if row["tries"] >= limit:
            about = Subject(row["order_no"], order_id=row["order_id"])
            insured_fen = row["pooled_fen"] + row["account_fen"]
            facts = {"tries": row["tries"], "insurance_fen": insured_fen}
            await exceptions.open_exception(tx, Cause.INSURANCE_NOT_BACK, about, facts=facts)


async def _reach(centre_of: CentreOf, share: Share) -> InsuranceCentre:
    """Give the centre of a share's account. Raises: OutcomeUnknown."""
    try:
        return centre_of(await merchants.read_merchant(database(), share.merchant_code))
    except SecretMissing as error:
        raise OutcomeUnknown(str(error)) from error


async def ask(centre_of: CentreOf, share: Share) -> InsuranceFact:
    """Ask the centre how its part stands. Raises: OutcomeUnknown."""
    centre = await _reach(centre_of, share)
    try:
        return await centre.query(share.centre_order, share.insured)
    except (ChannelUnavailable, ChannelRefused) as error:
        raise OutcomeUnknown(str(error)) from error


async def _refund(centre_of: CentreOf, share: Share, kind: RefundKind, parts: Parts, refund_no: str) -> None:
    centre = await _reach(centre_of, share)
    asked = CentreRefund(refund_no, share.centre_order.pay_order_id, share.pay_auth_no, kind, parts, clock.now())
    outcome = await centre.refund(asked)
    if outcome is not RefundOutcome.SUCCEEDED:
        log.warning("insurance_refund_open", order_id=str(share.order_id), outcome=outcome.value)
        raise OutcomeUnknown(outcome.value)


def _is_as_decided(share: Share, fact: InsuranceFact) -> bool:
    if fact.parts == share.parts:
        return True
    log.error("insurance_paid_otherwise", order_id=str(share.order_id), status=fact.status_code)
    return False


async def _end(share: Share, *, back_fen: int) -> None:
    await _move(share, "taken_back", back_fen=back_fen)


async def _move(share: Share, to: str, *, back_fen: int = 0) -> None:
    """Write down what the centre has said, with its postings; never out of taken_back.

    Whoever asked earlier may write later.
    """
    async with database().transaction() as tx:
        await tx.execute("SELECT FROM payment_order WHERE id = $1 FOR UPDATE", share.order_id)
        moved = await tx.execute(
            "UPDATE insurance_share SET status = $2, insurance_back_fen = $3, updated_at = $4, tries = 0"
            " WHERE order_id = $1 AND status <> 'taken_back'",
            share.order_id,
            to,
            back_fen,
            clock.now(),
        )
        if not moved:
            return
        if to == "paid":
            await postings.post_paid(tx, share.order_id)
            return
        if back_fen:
            await postings.post_back(tx, share.order_id)
        await exceptions.settle_subject(
            tx, [Cause.INSURANCE_NOT_BACK], share.order_no, what="the insurance has its part back"
        )


def seal_credential(order: CentreOrder, insured: Insured) -> bytes:
    """Seal what the centre wants to hear with every question: its token, and who is insured."""
    told = [order.pay_token, insured.name, insured.document_number, insured.document_type]
    return cipher().seal(json.dumps(told))


def _shape(row: Row) -> Share:
    token, *insured = json.loads(cipher().open(row["credential_cipher"]))
    return Share(
        order_id=row["order_id"],
        order_no=row["order_no"],
        merchant_code=row["merchant_code"],
        centre_order=CentreOrder(row["pay_order_id"], token, row["visit_id"]),
        insured=Insured(*insured),
        pay_auth_no=row["pay_auth_no"],
        parts=Parts(row["pooled_fen"], row["account_fen"], row["cash_fen"] + row["reduced_fen"]),
        reduced_fen=row["reduced_fen"],
        status=row["status"],
        declined=row["declined"],
        mix_trade_no=row["mix_trade_no"],
        mix_attempt_no=row["mix_attempt_no"],
        created_at=row["created_at"],
    )
