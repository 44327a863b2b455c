"""Having the insurance's centre share a bill, and ordering what is left to the person.

What is put to the centre is written down before, so that a claim that becomes no order (the process was killed, another
phone was faster) is taken back by the timetable: forgotten where nothing was paid, sent back where something was.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments import attempts, errors, merchants, orders
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.port import (
    CentreOrder,
    CentreRefund,
    FeeItem,
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
from payments.insurance import errors as insurance_errors
from payments.insurance.centres import CentreOf
from payments.insurance.shares import OVER, seal_credential
from payments.orders import NewOrder, Order

DECIDING_MAX: Final = timedelta(minutes=5)
"""After which a claim that has become no order never will: the calls to the centre have shorter limits."""
DROPPED_AGAIN_AFTER: Final = timedelta(seconds=30)
DROPPED_MAX: Final = 50
"""How many claims one sweep takes back."""

log = get_logger("payments")


@dataclass(frozen=True, slots=True)
class Decided:
    """A bill of which the centre has said who pays what."""

    account: Merchant
    fees: FeeUpload
    centre_order: CentreOrder
    parts: Parts


async def order_with_insurance(
    centre_of: CentreOf, new: NewOrder, fees: FeeUpload, *, account: Merchant, reduced_fen: int = 0, actor: Actor
) -> Order:
    """Have the centre share a bill, and order what is left to the person; new.amount_fen is the whole bill.

    Raises:
        As decide, and SubjectAlreadyOrdered, DatabaseUnavailable.
    """
    decided = await decide(centre_of, fees, account=account)
    try:
        async with database().transaction() as tx:
            return await open_shared_order(tx, decided, new, reduced_fen=reduced_fen, actor=actor)
    except errors.SubjectAlreadyOrdered:
        await give_up(centre_of, fees.bill_no)
        raise


async def decide(centre_of: CentreOf, fees: FeeUpload, *, account: Merchant) -> Decided:
    """Put a bill to the centre and have it say what the insurance pays.

    Raises:
        InsuranceNotOffered: the centre cannot be reached by this account.
        InsuranceSilent: it has not answered; nothing is ordered, and the same may be asked again.
        InsuranceRefused: a definite no, with the centre's own code.
        InsurancePaysNothing: it has a part in nothing of the bill.
        DatabaseUnavailable.
    """
    await _note(fees, account)
    try:
        centre = centre_of(account)
        known = await centre.upload(fees)
        fact = await _pay_or_ask(centre, known, fees)
    except SecretMissing as error:
        raise insurance_errors.InsuranceNotOffered from error
    except ChannelUnavailable as error:
        log.warning("insurance_not_decided", bill_no=fees.bill_no, reason=str(error))
        raise insurance_errors.InsuranceSilent from error
    except ChannelRefused as error:
        await give_up(centre_of, fees.bill_no)
        raise insurance_errors.InsuranceRefused(channel_code=error.code) from error
    parts = fact.parts
    if fact.state in OVER or parts is None:
        await give_up(centre_of, fees.bill_no)
        raise insurance_errors.InsuranceRefused(channel_code=fact.status_code)
    if parts.insurance_fen == 0:
        await give_up(centre_of, fees.bill_no)
        raise insurance_errors.InsurancePaysNothing
    return Decided(account, fees, known, parts)


async def open_shared_order(
    tx: Transaction, decided: Decided, new: NewOrder, *, reduced_fen: int = 0, actor: Actor
) -> Order:
    """Order what is left to the person; a bill of which nothing is left is paid by the insurance's own attempt.

    Raises:
        SubjectAlreadyOrdered.
        InsuranceSilent: the claim has been taken back meanwhile.
    """
    fees, parts = decided.fees, decided.parts
    assert new.amount_fen == fees.total_fen, "the whole bill is put to the centre"
    assert 0 <= reduced_fen <= parts.own_fen, "only what is left to the person is reduced"
    cash_fen, at = parts.own_fen - reduced_fen, clock.now()
    taken = await tx.execute(
        "UPDATE insurance_claim SET status = 'ordered', fees_cipher = '', updated_at = $2"
        " WHERE bill_no = $1 AND status = 'deciding'",
        fees.bill_no,
        at,
    )
    if not taken:
        raise insurance_errors.InsuranceSilent
    order = await orders.open_order(tx, replace(new, amount_fen=cash_fen or parts.insurance_fen), actor=actor)
    await tx.execute(
        "INSERT INTO insurance_share (order_id, merchant_code, bill_no, pay_order_id, pay_auth_no,"
        " credential_cipher, visit_id, total_fen, pooled_fen, account_fen, cash_fen, reduced_fen, next_try_at,"
        " created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)",
        order.id,
        decided.account.code,
        fees.bill_no,
        decided.centre_order.pay_order_id,
        fees.pay_auth_no,
        seal_credential(decided.centre_order, fees.insured),
        decided.centre_order.visit_id,
        fees.total_fen,
        parts.pooled_fen,
        parts.account_fen,
        cash_fen,
        reduced_fen,
        at,
    )
    if cash_fen == 0:
        await attempts.open_insured_attempt(tx, order, decided.account, actor=actor)
    return order


async def give_up(centre_of: CentreOf, bill_no: str) -> None:
    """Take back a claim that becomes no order, now if the centre answers, else by the timetable.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "UPDATE insurance_claim SET status = 'dropping', next_try_at = $2, updated_at = $3"
        " WHERE bill_no = $1 AND status IN ('deciding', 'dropping') RETURNING *",
        bill_no,
        clock.machine_now() + DROPPED_AGAIN_AFTER,
        clock.now(),
    )
    if row is not None:
        await _drop_safely(centre_of, row)


async def drop_due(db: Database, centre_of: CentreOf) -> int:
    """Take back claims that have become no order; give how many. From the timetable.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "UPDATE insurance_claim c SET status = 'dropping', tries = tries + 1, updated_at = $3,"
        " next_try_at = $1 + least(600, 5 * 2 ^ least(tries, 10)) * interval '1 second'"
        " WHERE bill_no IN (SELECT bill_no FROM insurance_claim WHERE status IN ('deciding', 'dropping')"
        "   AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING *",
        clock.machine_now(),
        DROPPED_MAX,
        clock.now(),
    )
    return sum([await _drop_safely(centre_of, row) for row in rows])


async def _pay_or_ask(centre: InsuranceCentre, known: CentreOrder, fees: FeeUpload) -> InsuranceFact:
    """Have the centre decide; where its answer is lost, it is asked what it has decided.

    Raises:
        ChannelUnavailable, ChannelRefused.
    """
    try:
        return await centre.pay(known, fees)
    except ChannelUnavailable:
        fact = await centre.query(known, fees.insured)
        if fact.parts is None or fact.parts.total_fen != fees.total_fen:
            raise
        return fact


async def _note(fees: FeeUpload, account: Merchant) -> None:
    await database().execute(
        "INSERT INTO insurance_claim (bill_no, merchant_code, fees_cipher, status, next_try_at, created_at, updated_at)"
        " VALUES ($1, $2, $3, 'deciding', $4, $5, $5)",
        fees.bill_no,
        account.code,
        cipher().seal(_write(fees)),
        clock.machine_now() + DECIDING_MAX,
        clock.now(),
    )


async def _drop_safely(centre_of: CentreOf, row: Row) -> bool:
    """Take one back; False: it is not known to be, and will be tried again."""
    try:
        centre = centre_of(await merchants.read_merchant(database(), row["merchant_code"]))
        await _undo(centre, _read(row["fees_cipher"]))
    except (ChannelUnavailable, ChannelRefused, SecretMissing) as error:
        log.warning("insurance_claim_not_dropped", bill_no=row["bill_no"], reason=str(error))
        return False
    await database().execute(
        "UPDATE insurance_claim SET status = 'dropped', fees_cipher = '', updated_at = $2"
        " WHERE bill_no = $1 AND status = 'dropping'",
        row["bill_no"],
        clock.now(),
    )
    return True


async def _undo(centre: InsuranceCentre, fees: FeeUpload) -> None:
    """Leave nothing of a claim at the centre. The same upload gives its order again, also where it never arrived.

    Raises:
        ChannelUnavailable, ChannelRefused.
    """
    known = await centre.upload(fees)
    fact = await centre.query(known, fees.insured)
    if fact.state is InsuranceState.PENDING:
        await centre.revoke(known, fees.insured)
    elif fact.state is InsuranceState.PAID:
        assert fact.parts is not None, "what is paid has its parts"
        refund = CentreRefund(
            f"{fees.bill_no}I",
            known.pay_order_id,
            fees.pay_auth_no,
            RefundKind.INSURANCE,
            replace(fact.parts, own_fen=0),
            clock.now(),
        )
        if await centre.refund(refund) is not RefundOutcome.SUCCEEDED:
            raise ChannelUnavailable("the insurance's part is not known to be back")
    elif fact.state not in OVER:
        raise ChannelUnavailable(f"the centre says {fact.status_code}")


def _write(fees: FeeUpload) -> str:
    insured = fees.insured
    return json.dumps(
        {
            "bill_no": fees.bill_no,
            "batch_no": fees.batch_no,
            "pay_auth_no": fees.pay_auth_no,
            "insured": [insured.name, insured.document_number, insured.document_type],
            "visit": dict(fees.visit),
            "items": [[item.amount_fen, dict(item.described)] for item in fees.items],
        }
    )


def _read(sealed: bytes) -> FeeUpload:
    told = json.loads(cipher().open(sealed))
    return FeeUpload(
        told["bill_no"],
        told["batch_no"],
        told["pay_auth_no"],
        Insured(*told["insured"]),
        told["visit"],
        [FeeItem(amount_fen, described) for amount_fen, described in told["items"]],
    )
