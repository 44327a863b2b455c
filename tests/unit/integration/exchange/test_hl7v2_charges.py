"""What a HIS tells of money is read as the guide says, and what breaks the profile is refused."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.codecs.errors import BadFieldValue, Hl7Error, RequiredFieldMissing, RequiredSegmentMissing
from integration.codecs.hl7v2 import GB18030, UTF_8, Message, codec_of, parse
from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.facts import BillFacts, DepositFacts, DischargeFacts, Facts, PatientFacts, RefundDecisionFacts, Sex
from integration.his.port import InboundKind

PATIENT = PatientFacts(
    platform_id=None,
    his_number="MR00000017",
    name="张三",
    birth_date=None,
    sex=Sex.MALE,
    document_type=None,
    document_number=None,
    phone=None,
    version=2,
)
BILL = BillFacts(PATIENT, "B00000042", "laboratory", "unpaid", total_fen=5_333, insurance_fen=1_000, version=2)
DECISION = RefundDecisionFacts(
    PATIENT, "A00000003", "F2026112500001", approved=False, reason="已摆药", total_fen=2_470, version=2
)
DEPOSIT = DepositFacts(PATIENT, "Z00000005", "R00000021", amount_fen=50_000, version=2)
DISCHARGE = DischargeFacts(PATIENT, "Z00000005", "0301", datetime(2026, 11, 25, 2, 0, tzinfo=UTC), version=2)

HEADER = (
    "MSH|^~\\&|MICROHIS|GZHG|PLATFORM|GZHG|20261125100000+0800||{kind}|control-1|P|2.5.1||||||{charset}\r"
    "EVN||20261125100000+0800\r"
    "PID|1||MR00000017^^^MICROHIS^MR||张三^^^^^^L|||M\r"
    "NTE|1||version=2\r"
)
LINE = "FT1|1|I00000077||20261125100000+0800||CG|25010101^血常规|||1|20.00&CNY||laboratory\r"
BILL_TOLD = "ZBL|BILL|B00000042|unpaid|||5333|1000||laboratory\r"
DECISION_TOLD = "ZBL|APPROVAL|A00000003|refused|F2026112500001||2470|1729|已摆药\r"
DEPOSIT_TOLD = "ZBL|DEPOSIT|R00000021|posted||Z00000005|50000|0\r"
STAY_TOLD = "|".join(
    [
        "PV1",
        "1",
        "I",
        "0301^六病区^12",
        *[""] * 15,
        "Z00000005",
        *[""] * 24,
        "20261124080000+0800",
        "20261125100000+0800\r",
    ]
)


def told(body: str, *, kind: str = "DFT^P03^DFT_P03", charset: str = UTF_8) -> Message:
    return parse((HEADER.format(kind=kind, charset=charset) + body).encode(codec_of(charset)))


@pytest.mark.parametrize("charset", [UTF_8, GB18030])
@pytest.mark.parametrize(
    ("body", "kind", "aggregate", "facts"),
    [
        (LINE + BILL_TOLD, InboundKind.CHARGE_POSTED, "his-bill:MICROHIS:B00000042", BILL),
        (
            LINE + BILL_TOLD.replace("unpaid", "paid"),
            InboundKind.BILL_SETTLED_ELSEWHERE,
            "his-bill:MICROHIS:B00000042",
            replace(BILL, status="paid"),
        ),
        (LINE + DECISION_TOLD, InboundKind.REFUND_REFUSED, "his-refund:MICROHIS:A00000003", DECISION),
        (
            LINE + DECISION_TOLD.replace("refused", "approved"),
            InboundKind.REFUND_APPROVED,
            "his-refund:MICROHIS:A00000003",
            replace(DECISION, approved=True),
        ),
        (DEPOSIT_TOLD, InboundKind.DEPOSIT_POSTED, "his-stay:MICROHIS:Z00000005", DEPOSIT),
    ],
)
def test_money_is_read_as_the_guide_says(
    body: str, kind: InboundKind, aggregate: str, facts: Facts, charset: str
) -> None:
    (change,) = Hl7Profile("MICROHIS").read(told(body, charset=charset))

    assert (change.kind, change.aggregate, change.facts) == (kind, aggregate, facts)
    assert (change.depends_on, change.control_id) == ("his-patient:MICROHIS:MR00000017", "control-1")


def test_a_discharge_is_read_as_the_guide_says() -> None:
    (change,) = Hl7Profile("MICROHIS").read(told(STAY_TOLD, kind="ADT^A03^ADT_A03"))

    assert (change.kind, change.aggregate, change.facts) == (
        InboundKind.DISCHARGED, "his-stay:MICROHIS:Z00000005", DISCHARGE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "right", "error"),
    [
        (BILL_TOLD, "", RequiredSegmentMissing),
        ("BILL|", "|", RequiredFieldMissing),
        ("BILL|", "GIFT|", BadFieldValue),
        ("B00000042", "", RequiredFieldMissing),
        ("B00000042", "B" * 65, BadFieldValue),
        ("unpaid", "posted", BadFieldValue),
        ("5333", "", RequiredFieldMissing),
        ("5333", "53.33", BadFieldValue),
        ("5333", "-1", BadFieldValue),
        ("5333", "9" * 18, BadFieldValue),
        ("|laboratory", "|gold", BadFieldValue),
        ("|laboratory", "", RequiredFieldMissing),
    ],
)
def test_what_breaks_the_profile_is_refused(wrong: str, right: str, error: type[Hl7Error]) -> None:
    with pytest.raises(error):
        Hl7Profile("MICROHIS").read(told(BILL_TOLD.replace(wrong, right)))


def test_whoever_is_charged_is_named_by_the_record_number() -> None:
    text = HEADER.replace("MR00000017^^^MICROHIS^MR", "E123^^^PASSPORT^PPN").format(kind="DFT^P03", charset=UTF_8)

    with pytest.raises(RequiredFieldMissing):
        Hl7Profile("MICROHIS").read(parse((text + BILL_TOLD).encode()))
