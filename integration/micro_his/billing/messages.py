"""Telling the platform of money (DFT^P03) and of discharges (ADT^A03).

FT1 (HL7 v2.5.1, 6.5.1) carries what any receiver can post. It has no words for bills that are paid as one, approvals
and deposits, so ZBL of the profile (docs/his-integration.md) says what the message is about.
"""

from collections.abc import Sequence
from typing import Any, Final

from integration.codecs.hl7v2 import Segment
from integration.codecs.hl7v2_values import format_timestamp
from integration.micro_his.wire_out import CHARGED, DISCHARGED, Draft, describe_of_person
from kernel.db import Row

CURRENCY: Final = "CNY"
BILL, APPROVAL, DEPOSIT = "BILL", "APPROVAL", "DEPOSIT"
_CHARGE, _CREDIT, _PAYMENT = "CG", "CR", "PY"
"""Table 0017."""


def describe_bill(bill: Row, items: Sequence[Row], patient: Row, *, charset: str) -> Draft:
    """Tell how a bill stands: ordered, changed, withdrawn, or paid at our window."""
    kind = _PAYMENT if bill["status"] == "paid" else _CHARGE
    named = {
        1: BILL,
        2: bill["bill_no"],
        3: bill["status"],
        6: str(sum(item["amount_fen"] for item in items)),
        7: str(sum(item["insurance_fen"] for item in items)),
        9: bill["kind"],
    }
    body = [*_lines(items, kind, at=format_timestamp(bill["updated_at"])), Segment.build("ZBL", named)]
    return describe_of_person(CHARGED, body, patient, version=bill["version"], charset=charset)


def describe_decision(request: Row, items: Sequence[Row], patient: Row, *, charset: str) -> Draft:
    """Tell what was decided on a refund."""
    named = {
        1: APPROVAL,
        2: request["approval_no"],
        3: request["status"],
        4: request["refund_no"],
        6: str(sum(item["amount_fen"] for item in items)),
        7: str(sum(item["insurance_fen"] for item in items)),
        8: request["reason"],
    }
    body = [*_lines(items, _CREDIT, at=format_timestamp(request["decided_at"])), Segment.build("ZBL", named)]
    return describe_of_person(CHARGED, body, patient, version=request["version"], charset=charset)


def describe_deposit(receipt: Row, stay: Row, patient: Row, *, charset: str) -> Draft:
    """Tell of a deposit that was paid at our window."""
    line = {
        1: "1",
        2: receipt["receipt_no"],
        4: format_timestamp(receipt["made_at"]),
        6: _PAYMENT,
        7: (DEPOSIT, "住院预交金"),
        11: _yuan(receipt["cash_fen"]),
    }
    named = {
        1: DEPOSIT,
        2: receipt["receipt_no"],
        3: "posted",
        5: stay["admission_no"],
        6: str(receipt["cash_fen"]),
        7: "0",
    }
    body = [Segment.build("FT1", line), Segment.build("ZBL", named)]
    return describe_of_person(CHARGED, body, patient, version=1, charset=charset)


def describe_discharge(stay: Row, patient: Row, *, charset: str) -> Draft:
    """Tell that a stay has ended and its bill stands."""
    visit = {
        1: "1",
        2: "I",
        3: (stay["department_code"], stay["ward"], stay["bed"]),
        19: stay["admission_no"],
        44: format_timestamp(stay["admitted_at"]),
        45: format_timestamp(stay["discharged_at"]),
    }
    body = [Segment.build("PV1", visit)]
    return describe_of_person(DISCHARGED, body, patient, version=stay["version"], charset=charset)


def _lines(items: Sequence[Row], kind: str, *, at: str) -> list[Segment]:
    lines: list[Segment] = []
    for number, item in enumerate(items, 1):
        fields: dict[int, Any] = {
            1: str(number),
            2: item["item_no"],
            4: at,
            6: kind,
            7: (item["code"], item["name"]),
            10: str(item["quantity"]),
            11: _yuan(item["amount_fen"]),
            13: item["executing_department"],
        }
        lines.append(Segment.build("FT1", fields))
    return lines


def _yuan(amount_fen: int) -> tuple[tuple[str, str], ...]:
    """An amount as CP: price and currency, in yuan."""
    yuan, fen = divmod(amount_fen, 100)
    return ((f"{yuan}.{fen:02d}", CURRENCY),)
