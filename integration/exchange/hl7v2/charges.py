"""What the HIS tells of money as DFT^P03 (HL7 v2.5.1, 6.4.1) with ZBL of the profile, and a discharge as ADT^A03.

FT1 lines are for receivers that post every line; what the platform acts on is the bill, the decision or the deposit
that ZBL names, and the amounts in it are whole fen.
"""

from datetime import datetime
from typing import Final

from integration.codecs.errors import BadFieldValue, RequiredFieldMissing
from integration.codecs.hl7v2 import Message, Segment
from integration.codecs.hl7v2_values import parse_integer, parse_timestamp
from integration.exchange.hl7v2.patients import read_pid, read_version, require_short
from integration.his.facts import BillFacts, DepositFacts, DischargeFacts, PatientFacts, RefundDecisionFacts

AMOUNT_FEN_MAX: Final = 10**12
REASON_CHARACTERS_MAX: Final = 200
UNPAID, PAID, CANCELLED = "unpaid", "paid", "cancelled"

_KINDS: Final = ("prescription", "laboratory", "examination", "treatment")


def read_charge(message: Message, *, his_authority: str) -> BillFacts | RefundDecisionFacts | DepositFacts:
    """Understand what a financial message is about.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing: no PID or ZBL, or a number or an amount is not there.
        BadFieldValue: a word that the profile does not have, or an amount that cannot be read.
    """
    version = read_version(message)
    patient = _read_patient(message, his_authority=his_authority, version=version)
    told = message.required("ZBL")
    number = require_short(told.required(2), "ZBL-2")
    status = told.required(3)
    match told.required(1):
        case "BILL" if status in (UNPAID, PAID, CANCELLED):
            kind = told.required(9)
            if kind not in _KINDS:
                raise BadFieldValue("ZBL-9 is no kind of bill")
            return BillFacts(
                patient=patient,
                bill_no=number,
                kind=kind,
                status=status,
                total_fen=_amount(told, 6),
                insurance_fen=_amount(told, 7),
                version=version,
            )
        case "APPROVAL" if status in ("approved", "refused"):
            return RefundDecisionFacts(
                patient=patient,
                approval_no=number,
                refund_no=require_short(told.required(4), "ZBL-4"),
                approved=status == "approved",
                reason=told.text(8)[:REASON_CHARACTERS_MAX],
                total_fen=_amount(told, 6),
                version=version,
            )
        case "DEPOSIT" if status == "posted":
            return DepositFacts(
                patient=patient,
                admission_no=require_short(told.required(5), "ZBL-5"),
                receipt_no=number,
                amount_fen=_amount(told, 6),
                version=version,
            )
    raise BadFieldValue("ZBL-1 and ZBL-3 say nothing that the profile has")


def read_discharge(message: Message, *, his_authority: str, sent_at: datetime) -> DischargeFacts:
    """Understand that a stay has ended.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing: no PID or PV1, or no number of the stay.
        BadFieldValue: an id or the time cannot be read.
    """
    version = read_version(message)
    visit = message.required("PV1")
    ended = visit.text(45)
    return DischargeFacts(
        patient=_read_patient(message, his_authority=his_authority, version=version),
        admission_no=require_short(visit.required(19), "PV1-19"),
        department_code=require_short(visit.text(3), "PV1-3"),
        discharged_at=parse_timestamp(ended) if ended else sent_at,
        version=version,
    )


def _read_patient(message: Message, *, his_authority: str, version: int) -> PatientFacts:
    patient = read_pid(message.required("PID"), his_authority=his_authority, version=version)
    if not patient.his_number:
        raise RequiredFieldMissing("PID-3 must name the record number of whoever is charged")
    return patient


def _amount(told: Segment, field: int) -> int:
    amount = parse_integer(told.required(field))
    if not 0 <= amount <= AMOUNT_FEN_MAX:
        raise BadFieldValue(f"ZBL-{field} is no amount in fen")
    return amount
