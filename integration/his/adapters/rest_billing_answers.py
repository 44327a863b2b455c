"""The answers of a HIS's money side, read into the port's words; what is missing or of another kind is not guessed."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from integration.his.billing import (
    ApprovalStatus,
    Bill,
    BillItem,
    BillStatus,
    ClaimItem,
    DailyCharges,
    HisDeposit,
    HisReceipt,
    InsuranceClaim,
    ItemStatus,
    ReceiptKind,
    ReceiptLine,
    RefundApproval,
    Stay,
    StayStatus,
)


def read_bill(told: dict[str, Any]) -> Bill:
    """Read a bill with its items. Raises: KeyError, TypeError, ValueError."""
    items = tuple(
        BillItem(**_line_fields(one), executing_department=_text(one, "executing_department"),
                 item_no=_text(one, "item_no"), status=ItemStatus(one["status"]))
        for one in told["items"]
    )  # fmt: skip
    total_fen, insurance_fen = _whole(told, "total_fen"), _whole(told, "insurance_fen")
    if (total_fen, insurance_fen) != (sum(one.amount_fen for one in items), sum(one.insurance_fen for one in items)):
        raise ValueError("a bill is not the sum of its items")
    return Bill(
        bill_no=_text(told, "bill_no"),
        his_number=_text(told, "mr"),
        kind=_text(told, "kind"),
        department_code=_text(told, "department_code"),
        ordered_by=_text(told, "ordered_by"),
        ordered_at=_instant(told["ordered_at"]),
        status=BillStatus(told["status"]),
        version=_whole(told, "version"),
        hash=_text(told, "hash"),
        total_fen=total_fen,
        insurance_fen=insurance_fen,
        items=items,
    )


def _line_fields(told: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: _text(told, name) for name in ("code", "name", "specification", "unit")},
        **{name: _whole(told, name) for name in ("quantity", "unit_price_fen", "amount_fen", "insurance_fen")},
    }


def _line(told: dict[str, Any]) -> ReceiptLine:
    return ReceiptLine(item_no=_optional(told, "item_no"), **_line_fields(told))


def read_receipt(told: dict[str, Any]) -> HisReceipt:
    """Read a receipt. Raises: KeyError, TypeError, ValueError."""
    cash_fen, insurance_fen, total_fen = (_whole(told, name) for name in ("cash_fen", "insurance_fen", "total_fen"))
    if cash_fen + insurance_fen != total_fen:
        raise ValueError("a receipt is not the sum of its parts")
    appointment_id = _optional(told, "appointment_id")
    return HisReceipt(
        receipt_no=_text(told, "receipt_no"),
        kind=ReceiptKind(told["kind"]),
        at_window=told["source"] == "window",
        number=_optional(told, "number"),
        reverses_receipt_no=_optional(told, "reverses"),
        reverses_number=_optional(told, "reverses_number"),
        his_number=_text(told, "mr"),
        appointment_id=UUID(appointment_id) if appointment_id else None,
        admission_no=_optional(told, "admission_no"),
        channel=_text(told, "channel"),
        transaction_no=_text(told, "transaction_no"),
        cash_fen=cash_fen,
        insurance_fen=insurance_fen,
        total_fen=total_fen,
        business_day=date.fromisoformat(told["business_day"]),
        made_at=_instant(told["made_at"]),
        lines=tuple(_line(one) for one in told.get("lines", ())),
        surplus_fen=_whole(told, "surplus_fen") if "surplus_fen" in told else 0,
        insurance_no=_optional(told, "insurance_no"),
        account_fen=_whole(told, "account_fen") if "account_fen" in told else 0,
    )


def read_claim(told: dict[str, Any]) -> InsuranceClaim:
    """Read what the insurance's centre wants to know of bills. Raises: KeyError, TypeError, ValueError."""
    return InsuranceClaim(
        batch_no=_text(told, "batch_no"),
        visit=_texts(told["visit"]),
        items=tuple(
            ClaimItem(_text(one, "item_no"), _whole(one, "amount_fen"), _texts(one["described"]))
            for one in told["items"]
        ),
    )


def _texts(told: dict[str, Any]) -> dict[str, str]:
    return {name: _text(told, name) for name in told}


def read_approval(told: dict[str, Any]) -> RefundApproval:
    """Read how a request for a refund stands. Raises: KeyError, TypeError, ValueError."""
    return RefundApproval(
        approval_no=_text(told, "approval_no"),
        refund_no=_text(told, "refund_no"),
        status=ApprovalStatus(told["status"]),
        reason=_text(told, "reason"),
        item_nos=tuple(sorted(str(one) for one in told["item_nos"])),
        version=_whole(told, "version"),
        decided_at=_optional_instant(told, "decided_at"),
    )


def read_stay(told: dict[str, Any]) -> Stay:
    """Read a stay with its account. Raises: KeyError, TypeError, ValueError."""
    charges, insurance, deposits, paid, balance = (
        _whole(told, name) for name in ("charges_fen", "insurance_fen", "deposits_fen", "paid_fen", "balance_fen")
    )
    if balance != charges - insurance - deposits - paid:
        raise ValueError("a balance is not what the account says")
    return Stay(
        admission_no=_text(told, "admission_no"),
        his_number=_text(told, "mr"),
        department_code=_text(told, "department_code"),
        ward=_text(told, "ward"),
        bed=_text(told, "bed"),
        status=StayStatus(told["status"]),
        version=_whole(told, "version"),
        admitted_at=_instant(told["admitted_at"]),
        discharged_at=_optional_instant(told, "discharged_at"),
        charges_fen=charges,
        insurance_fen=insurance,
        deposits_fen=deposits,
        paid_fen=paid,
        balance_fen=balance,
        deposits=tuple(_deposit(one) for one in told["deposits"]),
    )


def _deposit(told: dict[str, Any]) -> HisDeposit:
    return HisDeposit(
        receipt_no=_text(told, "receipt_no"),
        number=_optional(told, "number"),
        channel=_text(told, "channel"),
        transaction_no=_text(told, "transaction_no"),
        amount_fen=_whole(told, "amount_fen"),
        returned_fen=_whole(told, "returned_fen"),
        made_at=_instant(told["made_at"]),
    )


def read_daily_charges(told: dict[str, Any]) -> DailyCharges:
    """Read what a stay was charged for a day. Raises: KeyError, TypeError, ValueError."""
    return DailyCharges(
        admission_no=_text(told, "admission_no"),
        day=date.fromisoformat(told["date"]),
        lines=tuple(_line(one) for one in told["lines"]),
        total_fen=_whole(told, "total_fen"),
        insurance_fen=_whole(told, "insurance_fen"),
    )


def _text(told: dict[str, Any], name: str) -> str:
    value = told[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _optional(told: dict[str, Any], name: str) -> str | None:
    return None if told.get(name) is None else _text(told, name)


def _whole(told: dict[str, Any], name: str) -> int:
    value = told[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without its offset")
    return at.astimezone(UTC)


def _optional_instant(told: dict[str, Any], name: str) -> datetime | None:
    text = _optional(told, name)
    return None if text is None else _instant(text)
