"""What the insurance pays of an order: decided at its centre, asked for, and taken back before any cash leaves.

Every call bears the bill's or the order's own number. What is not known is asked, and never counts as yes or no.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.log import get_logger
from payments import merchants, orders
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.port import (
    CentreOrder,
    CentreRefund,
    FeeUpload,
    InsuranceCentre,
    InsuranceFact,
    InsuranceState,
    Insured,
    Parts,
    RefundKind,
    RefundOutcome,
)
from payments.gateways.port import Merchant
from payments.merchants import SecretMissing
from payments.orders import NewOrder, Order
from payments.ports import OutcomeUnknown

TAKEN_BACK_MAX: Final = 50
"""How many orders one sweep takes back."""
_OVER: Final = frozenset({InsuranceState.FAILED, InsuranceState.REVOKED, InsuranceState.REFUNDED})

log = get_logger("payments")


class NotShared(Exception):
    """The centre shares the bill in a way that is no order of two parts: `insurance_fen`, `cash_fen`."""

    def __init__(self, *, insurance_fen: int, cash_fen: int) -> None:
        super().__init__(f"insurance {insurance_fen} fen, cash {cash_fen} fen")
        self.insurance_fen = insurance_fen
        self.cash_fen = cash_fen


CentreOf = Callable[[Merchant], InsuranceCentre]
"""Gives the way to the centre for an account of ours."""


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


async def order_with_insurance(
    centre_of: CentreOf, new: NewOrder, fees: FeeUpload, *, account: Merchant, reduced_fen: int = 0, actor: Actor
) -> Order:
    """Have the centre share a bill, and order what is left to the person; new.amount_fen is the whole bill.

    Raises:
        NotShared: the insurance pays all or nothing of it; nothing is ordered and the upload is revoked.
        ChannelUnavailable: the same call may be made again.
        ChannelRefused, SubjectAlreadyOrdered, DatabaseUnavailable.
    """
    assert new.amount_fen == fees.total_fen, "the whole bill is put to the centre"
    centre = centre_of(account)
    known = await centre.upload(fees)
    parts = (await centre.pay(known, fees)).parts
    if parts is None:
        raise ChannelUnavailable("the centre has not shared the bill")
    cash_fen = parts.own_fen - reduced_fen
    if cash_fen <= 0 or parts.insurance_fen == 0:
        await centre.revoke(known, fees.insured)
        raise NotShared(insurance_fen=parts.insurance_fen, cash_fen=cash_fen)
    async with database().transaction() as tx:
        order = await orders.open_order(tx, replace(new, amount_fen=cash_fen), actor=actor)
        await tx.execute(
            "INSERT INTO insurance_share (order_id, merchant_code, bill_no, pay_order_id, pay_auth_no,"
            " credential_cipher, visit_id, total_fen, pooled_fen, account_fen, cash_fen, reduced_fen, next_try_at,"
            " created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)",
            order.id,
            account.code,
            fees.bill_no,
            known.pay_order_id,
            fees.pay_auth_no,
            cipher().seal(_credential(known, fees.insured)),
            known.visit_id,
            fees.total_fen,
            parts.pooled_fen,
            parts.account_fen,
            cash_fen,
            reduced_fen,
            clock.now(),
        )
    return order


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
    fact = await _ask(centre_of, share)
    if fact.state in _OVER:
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
    fact = await _ask(centre_of, share)
    back_fen = share.parts.insurance_fen
    try:
        if fact.state is InsuranceState.PENDING:
            await (await _reach(centre_of, share)).revoke(share.centre_order, share.insured)
            back_fen = 0
        elif fact.state is InsuranceState.PAID:
            await _refund(centre_of, share, RefundKind.INSURANCE, replace(share.parts, own_fen=0), f"{share.order_no}I")
        elif fact.state in (InsuranceState.FAILED, InsuranceState.REVOKED):
            back_fen = 0
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


async def take_back_due(db: Database, centre_of: CentreOf) -> int:
    """Take back what stands for orders that were closed, rejected or refunded; give how many. From the timetable.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "UPDATE insurance_share s SET tries = tries + 1,"
        " next_try_at = $1 + least(600, 5 * 2 ^ least(tries, 10)) * interval '1 second'"
        " FROM payment_order o WHERE o.id = s.order_id AND s.order_id IN ("
        "   SELECT d.order_id FROM insurance_share d JOIN payment_order p ON p.id = d.order_id"
        "   WHERE d.status <> 'taken_back' AND d.next_try_at <= $1 AND p.status IN ('closed', 'rejected', 'refunded')"
        "   ORDER BY d.next_try_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED)"
        " RETURNING s.*, o.order_no",
        clock.machine_now(),
        TAKEN_BACK_MAX,
    )
    done = 0
    for row in rows:
        try:
            await take_back(centre_of, _shape(row))
            done += 1
        except OutcomeUnknown as error:
            log.warning("insurance_not_taken_back", order_id=str(row["order_id"]), reason=str(error))
    return done


async def _reach(centre_of: CentreOf, share: Share) -> InsuranceCentre:
    """Give the centre of a share's account. Raises: OutcomeUnknown."""
    try:
        return centre_of(await merchants.read_merchant(database(), share.merchant_code))
    except SecretMissing as error:
        raise OutcomeUnknown(str(error)) from error


async def _ask(centre_of: CentreOf, share: Share) -> InsuranceFact:
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
    # Never out of taken_back: whoever asked earlier may write later.
    await database().execute(
        "UPDATE insurance_share SET status = $2, insurance_back_fen = $3, updated_at = $4"
        " WHERE order_id = $1 AND status <> 'taken_back'",
        share.order_id,
        to,
        back_fen,
        clock.now(),
    )


def _credential(order: CentreOrder, insured: Insured) -> str:
    return json.dumps([order.pay_token, insured.name, insured.document_number, insured.document_type])


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
    )
