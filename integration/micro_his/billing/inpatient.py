"""A minimal inpatient account (住院账户): admission, deposits, daily charges, the bill at discharge, its settlement.

What the person owes is charges - insurance - deposits - what was paid at discharge; below zero it is a surplus. Every
change of the account is made under the admission's row lock, so that nobody returns a deposit that is being used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Final

import asyncpg

from integration.micro_his import outbox
from integration.micro_his.billing.errors import (
    AdmissionNotOpen,
    AdmissionUnknown,
    AlreadyAdmitted,
    AmountDiffers,
    EntryUnknown,
    NotApproved,
    NothingToReturn,
)
from integration.micro_his.billing.ledger import recall, require_receipt, write_receipt
from integration.micro_his.billing.messages import describe_deposit, describe_discharge
from integration.micro_his.billing.records import WINDOW, OrderedItem, Payment
from integration.micro_his.billing.states import ADMISSION
from integration.micro_his.records import ToldPatient
from integration.micro_his.window import chart_of
from kernel import clock
from kernel.db import Database, Row, Transaction

DAILY_ITEMS: Final = (
    OrderedItem("110900001", "普通病房床位费", "三人间", "床日", 1, 6600, None, "ward"),
    OrderedItem("120100003", "二级护理", "每日", "日", 1, 2200, None, "ward"),
    OrderedItem("110200005", "住院诊查费", "每日", "日", 1, 3000, None, "ward"),
)
"""What every stay is charged each day; the insurance's share is the stay's."""
ADMISSION_HOUR: Final = time(9)
_REQUEST_LOCK: Final = 5


@dataclass(frozen=True, slots=True)
class Account:
    """How a stay's account stands, in fen. balance_fen: to be paid where positive, a surplus where negative."""

    charges_fen: int
    insurance_fen: int
    deposits_fen: int
    paid_fen: int

    @property
    def balance_fen(self) -> int:
        """What is still owed, or below zero what there is too much."""
        return self.charges_fen - self.insurance_fen - self.deposits_fen - self.paid_fen


async def read_account(db: Database | Transaction, admission_id: int) -> Account:
    """Count a stay's account anew from its charges, deposits and receipts."""
    row = await db.fetchrow(
        "SELECT (SELECT coalesce(sum(amount_fen), 0) FROM inpatient_charge WHERE admission_id = $1)::bigint AS charges,"
        " (SELECT coalesce(sum(insurance_fen), 0) FROM inpatient_charge WHERE admission_id = $1)::bigint AS insurance,"
        " (SELECT coalesce(sum(amount_fen - returned_fen), 0) FROM deposit"
        "   WHERE admission_id = $1)::bigint AS deposits,"
        " (SELECT coalesce(sum(r.cash_fen), 0) FROM receipt r LEFT JOIN receipt o ON o.id = r.reverses"
        "   WHERE r.admission_id = $1 AND coalesce(o.kind, r.kind) = 'discharge')::bigint AS paid",
        admission_id,
    )
    assert row is not None, "four sums are one row"
    return Account(row["charges"], row["insurance"], row["deposits"], row["paid"])


async def admit(
    db: Database,
    *,
    patient: ToldPatient,
    department_code: str,
    ward: str,
    bed: str,
    insurance_percent: int,
    admitted_on: date | None,
    request_id: str | None,
) -> str:
    """Admit somebody as an inpatient, from an earlier day on if the papers say so; gives the admission's number.

    Raises:
        PatientUnknown, AlreadyAdmitted: nobody to admit, or they are in.
        DatabaseUnavailable, DatabaseBusy.
    """
    admitted_at = clock.clinic_instant(admitted_on, ADMISSION_HOUR) if admitted_on else clock.now()
    try:
        async with db.transaction() as tx:
            if request_id is not None:
                await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", request_id, _REQUEST_LOCK)
                known = await tx.fetchval("SELECT admission_no FROM admission WHERE request_id = $1", request_id)
                if known is not None:
                    return str(known)
            chart = await chart_of(tx, patient)
            number: str = await tx.fetchval(
                "INSERT INTO admission (mr, department_code, ward, bed, insurance_percent, status, version,"
                " request_id, admitted_at) VALUES ($1, $2, $3, $4, $5, 'admitted', 1, $6, $7) RETURNING admission_no",
                chart["mr"],
                department_code,
                ward,
                bed,
                insurance_percent,
                request_id,
                admitted_at,
            )
    except asyncpg.UniqueViolationError as error:
        raise AlreadyAdmitted from error
    return number


async def lock_admission(tx: Transaction, admission_no: str, *, statuses: Sequence[str]) -> Row:
    """Lock a stay that has one of the statuses.

    Raises:
        AdmissionUnknown, AdmissionNotOpen.
    """
    row = await tx.fetchrow("SELECT * FROM admission WHERE admission_no = $1 FOR UPDATE", admission_no)
    if row is None:
        raise AdmissionUnknown
    if row["status"] not in statuses:
        raise AdmissionNotOpen(stay_status=row["status"])
    return row


async def charge_stay(
    db: Database, *, admission_no: str, day: date, items: Sequence[OrderedItem], request_id: str
) -> None:
    """Charge a stay for what was done on a day; a repeat of the request charges nothing again.

    Raises:
        AdmissionUnknown, AdmissionNotOpen: no such stay, or it has ended.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        stay = await lock_admission(tx, admission_no, statuses=("admitted",))
        await _add_charges(tx, stay, day, items, request_id=request_id)


async def run_daily_charges(db: Database, day: date) -> int:
    """Charge every stay of a day for bed, care and rounds (日终计费), once; gives how many stays there were.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        stays = await tx.fetch(
            "SELECT * FROM admission WHERE status = 'admitted' AND admitted_at < $1 ORDER BY id FOR UPDATE",
            clock.clinic_instant(day + timedelta(days=1), time()),
        )
        for stay in stays:
            await _add_charges(tx, stay, day, DAILY_ITEMS, request_id=f"daily:{day.isoformat()}")
    return len(stays)


async def _add_charges(tx: Transaction, stay: Row, day: date, items: Sequence[OrderedItem], *, request_id: str) -> None:
    now = clock.now()
    await tx.executemany(
        "INSERT INTO inpatient_charge (admission_id, charge_day, code, name, specification, unit, quantity,"
        " unit_price_fen, insurance_percent, department_code, request_id, charged_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
        [
            (
                stay["id"],
                day,
                item.code,
                item.name,
                item.specification,
                item.unit,
                item.quantity,
                item.unit_price_fen,
                stay["insurance_percent"] if item.insurance_percent is None else item.insurance_percent,
                item.executing_department,
                request_id,
                now,
            )
            for item in items
        ],
    )


async def discharge(db: Database, *, admission_no: str, charset: str) -> None:
    """End a stay: nothing is charged any more, and the bill stands. The platform is told.

    Raises:
        AdmissionUnknown, AdmissionNotOpen: no such stay, or it has ended.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        stay = await lock_admission(tx, admission_no, statuses=("admitted",))
        row = await tx.fetchrow(
            "UPDATE admission SET status = 'discharged', discharged_at = $2, version = version + 1"
            " WHERE id = $1 RETURNING *",
            stay["id"],
            clock.now(),
        )
        assert row is not None, "it is locked"
        await outbox.append(tx, describe_discharge(row, await _chart_of_stay(tx, row), charset=charset))


async def take_deposit(db: Database, payment: Payment, *, admission_no: str, charset: str) -> tuple[Row, bool]:
    """Credit a stay with a deposit; gives the receipt, and whether it is new.

    Raises:
        NumberReused: the number belongs to another entry.
        AdmissionUnknown, AdmissionNotOpen: no such stay, or it has ended.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        stay = await lock_admission(tx, admission_no, statuses=("admitted",))
        receipt = await write_receipt(tx, payment, kind="deposit", mr=stay["mr"], admission_id=stay["id"])
        await tx.execute(
            "INSERT INTO deposit (receipt_id, admission_id, amount_fen) VALUES ($1, $2, $3)",
            receipt["id"],
            stay["id"],
            payment.cash_fen,
        )
        if payment.source == WINDOW:
            chart = await _chart_of_stay(tx, stay)
            await outbox.append(tx, describe_deposit(receipt, stay, chart, charset=charset))
    return receipt, True


async def return_deposit(db: Database, payment: Payment, *, deposit_no: str) -> tuple[Row, bool]:
    """Give a deposit, or a part of it, back; gives the receipt, and whether it is new.

    Never more than the deposit, nor than what the account has too much.

    Raises:
        NumberReused, EntryUnknown: the number is another entry's; no such deposit.
        NothingToReturn: there is less than that to return.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        receipt = await require_receipt(tx, deposit_no)
        if receipt["kind"] != "deposit":
            raise EntryUnknown
        await tx.execute("SELECT FROM admission WHERE id = $1 FOR UPDATE", receipt["admission_id"])
        left: int = await tx.fetchval(
            "SELECT amount_fen - returned_fen FROM deposit WHERE receipt_id = $1", receipt["id"]
        )
        account = await read_account(tx, receipt["admission_id"])
        returnable = min(left, max(0, -account.balance_fen))
        if payment.cash_fen > returnable:
            raise NothingToReturn(returnable_fen=returnable)
        await tx.execute(
            "UPDATE deposit SET returned_fen = returned_fen + $2 WHERE receipt_id = $1",
            receipt["id"],
            payment.cash_fen,
        )
        returned = await write_receipt(
            tx,
            payment,
            kind="deposit_return",
            mr=receipt["mr"],
            reverses=receipt["id"],
            admission_id=receipt["admission_id"],
        )
    return returned, True


async def settle_discharge(db: Database, payment: Payment, *, admission_no: str) -> tuple[Row, bool]:
    """Settle the bill of a stay that has ended: what was owed is paid; what is too much is returned afterwards.

    Raises:
        NumberReused: the number belongs to another entry.
        AdmissionUnknown, AdmissionNotOpen: no such stay, it goes on, or it is settled.
        AmountDiffers: what was paid is not what is owed.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        known = await recall(tx, payment)
        if known is not None:
            return known, False
        stay = await lock_admission(tx, admission_no, statuses=ADMISSION.before("settled"))
        account = await read_account(tx, stay["id"])
        owed = max(0, account.balance_fen)
        if payment.cash_fen != owed:
            raise AmountDiffers(expected_cash_fen=owed, expected_insurance_fen=account.insurance_fen)
        whole = replace(payment, insurance_fen=account.insurance_fen)
        receipt = await write_receipt(tx, whole, kind="discharge", mr=stay["mr"], admission_id=stay["id"])
        await tx.execute("UPDATE admission SET status = 'settled', version = version + 1 WHERE id = $1", stay["id"])
    return receipt, True


async def reopen_stay(tx: Transaction, settled: Row) -> None:
    """Undo the settlement of a stay, unless it is undone or something of its surplus was returned.

    Raises:
        NotApproved.
    """
    await tx.execute("SELECT FROM admission WHERE id = $1 FOR UPDATE", settled["admission_id"])
    later = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM receipt WHERE admission_id = $1 AND id > $2)",
        settled["admission_id"],
        settled["id"],
    )
    if later or settled["cash_fen"] == 0:
        raise NotApproved
    await tx.execute(
        "UPDATE admission SET status = 'discharged', version = version + 1 WHERE id = $1 AND status = ANY ($2)",
        settled["admission_id"],
        ADMISSION.before("discharged"),
    )


async def _chart_of_stay(tx: Transaction, stay: Row) -> Row:
    chart = await tx.fetchrow("SELECT * FROM patient WHERE mr = $1", stay["mr"])
    assert chart is not None, "a stay has a chart"
    return chart
