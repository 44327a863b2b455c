"""Orders as their payers read them: what for in words, whether it can be paid, and how far money is that goes back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from booking.catalogue.queries import CodeNames, names_of_codes
from booking.payment.paid_visits import PaidVisit, read_paid_visits
from integration.his.billing import Bill
from kernel import clock
from kernel.db import database
from payments.attempts import ENDS_BEFORE_ORDER
from payments.bills.snapshots import OrderedBill
from payments.insurance.queries import Parts
from payments.orders import Order
from payments.receipts.queries import OrderReceipt
from payments.refunds import Refund

TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "registration": {"zh": "挂号费", "en": "Registration fee"},
    "outpatient_bill": {"zh": "门诊缴费", "en": "Outpatient bills"},
    "deposit": {"zh": "住院预交金", "en": "Inpatient deposit"},
    "discharge": {"zh": "出院结算", "en": "Discharge bill"},
}
_STATES: Final[Mapping[str, str]] = {
    "open": "payable",
    "closing": "ending",
    "closed": "ended",
    "paid": "paid",
    "settled": "done",
    "rejected": "returning",
    "refunded": "refunded",
}
# What the payer is told of a refund: requested, agreed to by the hospital, with the bank, arrived; or what stands in
# its way. `abnormal`: a person at the hospital has it in hand. `cancelled`, `declined`: the money stays.
_STEPS: Final[Mapping[str, str]] = {
    "requested": "asked",
    "reversing": "asked",
    "ready": "agreed",
    "processing": "sent",
    "succeeded": "arrived",
    "paid_offline": "handed_over",
    "abnormal": "in_hand",
    "cancelled": "declined",
    "declined": "declined",
}
_ITEM: Final = ("item_no", "name", "specification", "unit", "quantity", "unit_price_fen", "amount_fen", "insurance_fen")


def state_of(order: Order) -> str:
    """Say how an order stands for who wants to pay it; one whose time has passed is ending, swept or not."""
    if order.status == "open" and clock.now() >= order.expires_at - ENDS_BEFORE_ORDER:
        return "ending"
    return _STATES[order.status]


def title_of(order: Order, language: str) -> str:
    """Say in words what kind of thing an order pays."""
    return TITLES[order.kind]["en" if language == "en" else "zh"]


def render_state(order: Order, visit: PaidVisit | None, parts: Parts | None = None) -> dict[str, Any]:
    """Shape how an order stands: what a screen asks again and again that waits for a payment."""
    return {
        "order_id": order.id,
        "state": state_of(order),
        "is_expired": order.close_reason == "expired" or (order.status == "open" and state_of(order) == "ending"),
        "pay_until": order.expires_at - ENDS_BEFORE_ORDER,
        "appointment_id": visit.appointment_id if visit else None,
        "insurance_status": parts and parts.status,
    }


def render_brief(
    order: Order, visit: PaidVisit | None, refunds: Sequence[Refund], parts: Parts | None, language: str
) -> dict[str, Any]:
    """Shape an order for the list of what was paid."""
    return render_state(order, visit, parts) | {
        "order_no": order.order_no,
        "kind": order.kind,
        "title": title_of(order, language),
        "visit": visit and render_visit(visit, language),
        "amount_fen": order.amount_fen,
        "refunded_fen": order.refunded_fen,
        "insured_fen": parts.insured_fen if parts else 0,
        "total_fen": parts.total_fen if parts else order.amount_fen,
        "refund_step": _STEPS[refunds[-1].status] if refunds else None,
        "created_at": order.created_at,
        "paid_at": order.paid_at,
    }


def render_visit(visit: PaidVisit, language: str) -> dict[str, Any]:
    """Shape the visit whose fee is paid."""
    is_english = language == "en"
    return {
        "practitioner": visit.practitioner,
        "department": visit.department_en if is_english else visit.department_zh,
        "campus": visit.campus_en if is_english else visit.campus_zh,
        "date": visit.clinic_date,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
    }


def render_refund(refund: Refund) -> dict[str, Any]:
    """Shape a refund by how far it is."""
    return {
        "id": refund.id,
        "refund_no": refund.refund_no,
        "amount_fen": refund.amount_fen,
        "step": _STEPS[refund.status],
        "is_second_payment": refund.cause == "surplus",
        "created_at": refund.created_at,
        "ended_at": refund.ended_at,
    }


def render_receipt(receipt: OrderReceipt) -> dict[str, Any]:
    """Shape a fiscal receipt; one that a person at the hospital has to see to is still being made for its payer."""
    return {
        "id": receipt.id,
        "amount_fen": receipt.amount_fen,
        "status": "issuing" if receipt.status == "refused" else receipt.status,
        "code": receipt.code,
        "number": receipt.number,
        "check_code": receipt.check_code,
        "page_url": receipt.page_url,
        "issued_at": receipt.issued_at,
    }


async def names_for(bills: Sequence[Bill | OrderedBill]) -> CodeNames:
    """Find the names of the departments and practitioners that bills name by the hospital's codes.

    Raises:
        DatabaseUnavailable.
    """
    return await names_of_codes(
        departments={bill.department_code for bill in bills}, practitioners={bill.ordered_by for bill in bills}
    )


def render_bill(bill: Bill | OrderedBill, names: CodeNames, language: str) -> dict[str, Any]:
    """Shape a bill; who ordered it is left out where the directory does not know the code."""
    department = names.departments.get(bill.department_code)
    return {
        "bill_no": bill.bill_no,
        "kind": bill.kind if bill.kind in ("prescription", "laboratory", "examination", "treatment") else "other",
        "department": department and department["en" if language == "en" else "zh"],
        "practitioner": names.practitioners.get(bill.ordered_by),
        "ordered_at": bill.ordered_at,
        "total_fen": bill.total_fen,
        "insurance_fen": bill.insurance_fen,
    }


def render_items(bill: Bill | OrderedBill) -> list[dict[str, Any]]:
    """Shape what a bill is made of."""
    return [{name: getattr(item, name) for name in _ITEM} for item in bill.items]


async def visits_of(*orders: Order) -> Mapping[UUID, PaidVisit]:
    """Find the visits of those orders that pay a registration fee.

    Raises:
        DatabaseUnavailable.
    """
    wanted = [order.id for order in orders if order.kind == "registration"]
    return await read_paid_visits(database(), wanted) if wanted else {}
