"""What the money side shows over REST: bills, entries, approvals, stays, and a day of entries."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from integration.micro_his.billing.errors import AdmissionUnknown, BillUnknown, EntryUnknown
from integration.micro_his.billing.inpatient import read_account
from integration.micro_his.billing.orders import hash_bill, items_of
from integration.micro_his.billing.records import WINDOW
from kernel.db import Database, Row

PAGE_ROWS: Final = 500
BILLS_MAX: Final = 100
CHARGES_MAX: Final = 1_000

_ENTRY: Final = (
    "SELECT r.*, o.receipt_no AS reversed_receipt_no, o.number AS reversed_number, o.source AS reversed_source,"
    " o.kind AS reversed_kind, a.admission_no, n.platform_id AS appointment_platform_id"
    " FROM receipt r LEFT JOIN receipt o ON o.id = r.reverses LEFT JOIN admission a ON a.id = r.admission_id"
    " LEFT JOIN appointment n ON n.id = r.appointment_id"
)


async def list_bills(db: Database, mr: str, *, after: int) -> tuple[list[dict[str, Any]], int | None]:
    """Give a page of a person's unpaid bills with their items, and the cursor behind it.

    Raises:
        DatabaseUnavailable.
    """
    bills = await db.fetch(
        "SELECT * FROM bill WHERE mr = $1 AND status = 'unpaid' AND id > $2 ORDER BY id LIMIT $3", mr, after, BILLS_MAX
    )
    shown = await _show_bills(db, bills)
    return shown, bills[-1]["id"] if len(bills) == BILLS_MAX else None


async def show_bills(db: Database, bill_nos: Sequence[str]) -> list[dict[str, Any]]:
    """Give bills as they stand now, in whatever status; a number that we do not know is left out.

    Raises:
        DatabaseUnavailable.
    """
    bills = await db.fetch("SELECT * FROM bill WHERE bill_no = ANY ($1) ORDER BY id", list(bill_nos))
    return await _show_bills(db, bills)


async def show_bill(db: Database, bill_no: str) -> dict[str, Any]:
    """Give one bill.

    Raises:
        BillUnknown.
    """
    found = await show_bills(db, [bill_no])
    if not found:
        raise BillUnknown
    return found[0]


async def _show_bills(db: Database, bills: Sequence[Row]) -> list[dict[str, Any]]:
    items = await items_of(db, [bill["id"] for bill in bills])
    return [_bill(bill, [item for item in items if item["bill_id"] == bill["id"]]) for bill in bills]


def _bill(bill: Row, items: Sequence[Row]) -> dict[str, Any]:
    return {
        "bill_no": bill["bill_no"],
        "mr": bill["mr"],
        "kind": bill["kind"],
        "department_code": bill["department_code"],
        "ordered_by": bill["ordered_by"],
        "ordered_at": bill["created_at"].isoformat(),
        "status": bill["status"],
        "version": bill["version"],
        "hash": hash_bill(bill, items),
        "total_fen": sum(item["amount_fen"] for item in items),
        "insurance_fen": sum(item["insurance_fen"] for item in items),
        "items": [_item(item) for item in items],
    }


def _item(item: Row) -> dict[str, Any]:
    return {
        "item_no": item["item_no"],
        "code": item["code"],
        "name": item["name"],
        "specification": item["specification"],
        "unit": item["unit"],
        "quantity": item["quantity"],
        "unit_price_fen": item["unit_price_fen"],
        "amount_fen": item["amount_fen"],
        "insurance_fen": item["insurance_fen"],
        "executing_department": item["executing_department"],
        "status": item["status"],
    }


async def show_entry(db: Database, *, number: str | None = None, receipt_no: str | None = None) -> dict[str, Any]:
    """Give one entry by the platform's number or by ours, with the lines of its receipt.

    Raises:
        EntryUnknown.
    """
    row = await db.fetchrow(f"{_ENTRY} WHERE r.number = $1 OR r.receipt_no = $2", number, receipt_no)
    if row is None:
        raise EntryUnknown
    return _entry(row) | await _receipt_of(db, row)


async def _receipt_of(db: Database, row: Row) -> dict[str, Any]:
    """What a receipt prints: its lines, and for a stay how the account stands."""
    kind = row["reversed_kind"] or row["kind"]
    lines: Sequence[Row] = ()
    surplus_fen = 0
    if kind == "outpatient":
        lines = await db.fetch("SELECT * FROM bill_item WHERE paid_by = $1 OR reversed_by = $1 ORDER BY id", row["id"])
    elif kind == "discharge":
        lines = await db.fetch(
            "SELECT code, name, specification, unit, unit_price_fen, sum(quantity)::integer AS quantity,"
            " sum(amount_fen)::bigint AS amount_fen, sum(insurance_fen)::bigint AS insurance_fen"
            " FROM inpatient_charge WHERE admission_id = $1"
            " GROUP BY code, name, specification, unit, unit_price_fen ORDER BY code LIMIT $2",
            row["admission_id"],
            CHARGES_MAX,
        )
    if row["kind"] == "discharge":
        account = await read_account(db, row["admission_id"])
        surplus_fen = max(0, -account.balance_fen)
    return {"lines": [_line(line) for line in lines], "surplus_fen": surplus_fen}


def _line(line: Row) -> dict[str, Any]:
    return {
        "item_no": line.get("item_no"),
        "code": line["code"],
        "name": line["name"],
        "specification": line["specification"],
        "unit": line["unit"],
        "quantity": line["quantity"],
        "unit_price_fen": line["unit_price_fen"],
        "amount_fen": line["amount_fen"],
        "insurance_fen": line["insurance_fen"],
    }


def _entry(row: Row) -> dict[str, Any]:
    return {
        "receipt_no": row["receipt_no"],
        "kind": row["kind"],
        "source": row["source"],
        # A clerk's request id is no number of the platform's.
        "number": None if row["source"] == WINDOW else row["number"],
        "reverses": row["reversed_receipt_no"],
        "reverses_number": None if row["reversed_source"] == WINDOW else row["reversed_number"],
        "mr": row["mr"],
        "appointment_id": str(row["appointment_platform_id"]) if row["appointment_platform_id"] else None,
        "admission_no": row["admission_no"],
        "channel": row["channel"],
        "transaction_no": row["transaction_no"],
        "cash_fen": row["cash_fen"],
        "insurance_fen": row["insurance_fen"],
        "total_fen": row["total_fen"],
        "insurance_no": row["insurance_no"],
        "account_fen": row["account_fen"],
        "made_by": row["made_by"],
        "business_day": row["business_day"].isoformat(),
        "made_at": row["made_at"].isoformat(),
    }


async def list_day(db: Database, day: date, *, after: int) -> tuple[list[dict[str, Any]], int | None]:
    """Give a page of a business day's entries, the window's too, and the cursor behind it.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"{_ENTRY} WHERE r.business_day = $1 AND r.id > $2 ORDER BY r.id LIMIT $3", day, after, PAGE_ROWS
    )
    return [_entry(row) for row in rows], rows[-1]["id"] if len(rows) == PAGE_ROWS else None


def show_request(row: Row, item_nos: Sequence[str]) -> dict[str, Any]:
    """How a request for a refund stands."""
    return {
        "approval_no": row["approval_no"],
        "refund_no": row["refund_no"],
        "status": row["status"],
        "reason": row["reason"],
        "item_nos": list(item_nos),
        "version": row["version"],
        "decided_at": row["decided_at"].isoformat() if row["decided_at"] else None,
    }


async def list_pending_requests(db: Database) -> list[dict[str, Any]]:
    """Give the requests that the pharmacy has to decide on, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT r.*, array(SELECT i.item_no FROM refund_request_item x JOIN bill_item i ON i.id = x.item_id"
        " WHERE x.request_id = r.id ORDER BY i.id) AS item_nos"
        " FROM refund_request r WHERE r.status = 'pending' ORDER BY r.id LIMIT $1",
        PAGE_ROWS,
    )
    return [show_request(row, row["item_nos"]) for row in rows]


async def find_admission(
    db: Database, *, mr: str | None = None, admission_no: str | None = None
) -> dict[str, Any] | None:
    """Give a person's present or latest stay, or the one of a number; None: there is none.

    Raises:
        DatabaseUnavailable.
    """
    row = await db.fetchrow(
        "SELECT * FROM admission WHERE mr = $1 OR admission_no = $2 ORDER BY id DESC LIMIT 1", mr, admission_no
    )
    if row is None:
        return None
    account = await read_account(db, row["id"])
    deposits = await db.fetch(
        "SELECT r.receipt_no, r.number, r.source, r.channel, r.transaction_no, r.made_at, d.amount_fen, d.returned_fen"
        " FROM deposit d JOIN receipt r ON r.id = d.receipt_id WHERE d.admission_id = $1 ORDER BY d.receipt_id"
        " LIMIT $2",
        row["id"],
        CHARGES_MAX,
    )
    return {
        "admission_no": row["admission_no"],
        "mr": row["mr"],
        "department_code": row["department_code"],
        "ward": row["ward"],
        "bed": row["bed"],
        "status": row["status"],
        "version": row["version"],
        "admitted_at": row["admitted_at"].isoformat(),
        "discharged_at": row["discharged_at"].isoformat() if row["discharged_at"] else None,
        "charges_fen": account.charges_fen,
        "insurance_fen": account.insurance_fen,
        "deposits_fen": account.deposits_fen,
        "paid_fen": account.paid_fen,
        "balance_fen": account.balance_fen,
        "deposits": [
            {
                "receipt_no": one["receipt_no"],
                "number": None if one["source"] == WINDOW else one["number"],
                "channel": one["channel"],
                "transaction_no": one["transaction_no"],
                "amount_fen": one["amount_fen"],
                "returned_fen": one["returned_fen"],
                "made_at": one["made_at"].isoformat(),
            }
            for one in deposits
        ],
    }


async def require_admission(db: Database, admission_no: str) -> dict[str, Any]:
    """Give the stay of a number.

    Raises:
        AdmissionUnknown.
    """
    found = await find_admission(db, admission_no=admission_no)
    if found is None:
        raise AdmissionUnknown
    return found


async def list_charges(db: Database, admission_no: str, day: date) -> dict[str, Any]:
    """Give what a stay was charged for a day (一日清单).

    Raises:
        AdmissionUnknown.
        DatabaseUnavailable.
    """
    stay = await require_admission(db, admission_no)
    rows = await db.fetch(
        "SELECT c.*, NULL AS item_no FROM inpatient_charge c JOIN admission a ON a.id = c.admission_id"
        " WHERE a.admission_no = $1 AND c.charge_day = $2 ORDER BY c.id LIMIT $3",
        admission_no,
        day,
        CHARGES_MAX,
    )
    return {
        "admission_no": stay["admission_no"],
        "date": day.isoformat(),
        "lines": [_line(row) for row in rows],
        "total_fen": sum(row["amount_fen"] for row in rows),
        "insurance_fen": sum(row["insurance_fen"] for row in rows),
    }
