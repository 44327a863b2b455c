"""The profile says what it means, and understands what it said, in both character sets."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from integration.codecs.errors import BadFieldValue, Hl7Error, RequiredFieldMissing
from integration.codecs.hl7v2 import GB18030, UTF_8, Message, Segment, parse
from integration.exchange.hl7v2.profile import Hl7Profile, UnknownMessage, UnknownSender
from integration.his.facts import (
    AppointmentFacts,
    AppointmentStatus,
    LocationFacts,
    NumbersHandedBack,
    PatientFacts,
    PractitionerFacts,
    ScheduleFacts,
    Sex,
    SlotFacts,
    VisitFacts,
)
from integration.his.port import ChangeKind, InboundKind, OutboundChange

AT = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
ID = UUID("01900000-0000-7000-8000-000000000001")
PATIENT_ID = UUID("01900000-0000-7000-8000-000000000002")
SCHEDULE_ID = UUID("01900000-0000-7000-8000-000000000003")
MESSAGE_ID = UUID("01900000-0000-7000-8000-000000000009")

PATIENT = PatientFacts(
    platform_id=PATIENT_ID,
    his_number="MR0001",
    name="张三丰|^",
    birth_date=date(1990, 1, 2),
    sex=Sex.MALE,
    document_type="CN-ID",
    document_number="440101199001020011",
    phone="13800000000",
    version=3,
)
APPOINTMENT = AppointmentFacts(
    platform_id=ID,
    his_id="H7",
    status=AppointmentStatus.BOOKED,
    version=3,
    schedule_id=SCHEDULE_ID,
    sequence=12,
    patient=PATIENT,
    starts_at=datetime(2026, 11, 24, 0, 0, tzinfo=UTC),
    ends_at=datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
    clinic_code="C01",
    room_code="R101",
    practitioner_code="D0001",
    service_type="expert",
    made_by="S0001",
    channel="window",
    fee_fen=1700,
)
SCHEDULE = ScheduleFacts(
    schedule_id=SCHEDULE_ID,
    clinic_code="C01",
    practitioner_code="D0001",
    service_type="expert",
    clinic_date=date(2026, 11, 24),
    period="morning",
    status="active",
    fee_fen=5000,
    version=2,
    room_code="R101",
    slots=(
        SlotFacts(
            starts_at=datetime(2026, 11, 24, 0, 0, tzinfo=UTC),
            ends_at=datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
            first_sequence=1,
            last_sequence=10,
            window_sequences=(3, 9),
            window_until=datetime(2026, 11, 23, 16, 0, tzinfo=UTC),
        ),
        SlotFacts(
            starts_at=datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
            ends_at=datetime(2026, 11, 24, 1, 0, tzinfo=UTC),
            first_sequence=11,
            last_sequence=20,
            window_sequences=(),
            window_until=None,
        ),
    ),
)


def text_of(change: OutboundChange, charset: str = UTF_8) -> list[str]:
    rendered = Hl7Profile("MICROHIS", charset).render(change, message_id=MESSAGE_ID, at=AT)
    return [segment.encode() for segment in rendered.segments]


def from_his(change: OutboundChange, charset: str = UTF_8) -> Message:
    """The platform's own message with sender and receiver exchanged: the profile is one for both."""
    rendered = Hl7Profile("MICROHIS", charset).render(change, message_id=MESSAGE_ID, at=AT)
    text = rendered.encode().replace(b"PLATFORM|GZHG|MICROHIS|GZHG", b"MICROHIS|GZHG|PLATFORM|GZHG")
    return parse(text)


def test_a_booked_appointment_reads_on_the_wire_as_the_guide_says() -> None:
    change = OutboundChange(ChangeKind.APPOINTMENT_BOOKED, APPOINTMENT)

    header = (
        "MSH|^~\\&|PLATFORM|GZHG|MICROHIS|GZHG|20261123083000+0800||SIU^S12^SIU_S12"
        f"|{MESSAGE_ID}|P|2.5.1||||||UNICODE UTF-8"
    )
    scheduling = (
        f"SCH|{ID}^PLATFORM|H7^MICROHIS|12||{SCHEDULE_ID}^^PLATFORM|||expert|||"
        "^^^20261124080000+0800^20261124083000+0800|||||S0001^window|||||||||Booked"
    )
    who = (
        f"PID|1||{PATIENT_ID}^^^PLATFORM^PI~MR0001^^^MICROHIS^MR~440101199001020011^^^CN-ID^NNCHN"
        "||张三丰\\F\\\\S\\^^^^^^L||19900102|M|||||13800000000"
    )
    assert text_of(change) == [
        header,
        scheduling,
        "NTE|1||version=3",
        who,
        "RGS|1",
        "AIS|1||expert|20261124080000+0800|||30|min",
        "AIL|1||C01^R101",
        "AIP|1||D0001",
        "ZAP|1700",
    ]


@pytest.mark.parametrize("charset", [UTF_8, GB18030])
@pytest.mark.parametrize(
    ("kind", "facts", "heard_as"),
    [
        (ChangeKind.APPOINTMENT_BOOKED, APPOINTMENT, InboundKind.APPOINTMENT_BOOKED),
        (ChangeKind.APPOINTMENT_MOVED, APPOINTMENT, InboundKind.APPOINTMENT_MOVED),
        (ChangeKind.PATIENT_REGISTERED, PATIENT, InboundKind.PATIENT_CHANGED),
        (ChangeKind.PATIENT_CHANGED, PATIENT, InboundKind.PATIENT_CHANGED),
        (
            ChangeKind.PRACTITIONER_PUBLISHED,
            PractitionerFacts("D0001", "李时珍", "chief", "03.01", active=False),
            InboundKind.PRACTITIONER_CHANGED,
        ),
    ],
)
def test_what_one_side_writes_the_other_reads_as_the_same_facts(
    kind: ChangeKind, facts: object, heard_as: InboundKind, charset: str
) -> None:
    change = OutboundChange(kind, facts)  # type: ignore[arg-type]  # parametrized

    (heard,) = Hl7Profile("MICROHIS", charset).read(from_his(change, charset))

    assert heard.facts == facts
    assert heard.kind is heard_as
    assert (heard.source, heard.control_id) == ("MICROHIS", str(MESSAGE_ID))
    assert heard.occurred_at == AT


def test_the_schedules_of_a_day_travel_together() -> None:
    other = replace(SCHEDULE, schedule_id=ID, status="withdrawn", slots=())
    change = OutboundChange(ChangeKind.SCHEDULES_PUBLISHED, (SCHEDULE, other))

    heard = Hl7Profile("MICROHIS").read(from_his(change))

    assert [one.facts for one in heard] == [SCHEDULE, other]
    assert [one.aggregate for one in heard] == [
        f"his-schedule:MICROHIS:{SCHEDULE_ID}",
        f"his-schedule:MICROHIS:{ID}",
    ]
    assert [line for line in text_of(change) if line[:3] in ("MFI", "MFE")] == [
        "MFI|SCHEDULE^^PLATFORM||UPD|||AL",
        f"MFE|MUP|{MESSAGE_ID}/1||{SCHEDULE_ID}|ST",
        f"MFE|MDC|{MESSAGE_ID}/2||{ID}|ST",
    ]


def test_numbers_for_an_outage_travel_with_their_time_band() -> None:
    slot = replace(
        SCHEDULE.slots[0],
        window_sequences=(2,),
        emergency_sequences=(3, 5),
        emergency_until=SCHEDULE.slots[0].starts_at,
        recalled_sequences=(4,),
    )
    schedule = replace(SCHEDULE, slots=(slot,))
    change = OutboundChange(ChangeKind.SCHEDULES_PUBLISHED, (schedule,))

    assert [one.facts for one in Hl7Profile("MICROHIS").read(from_his(change))] == [schedule]
    [line] = [line for line in text_of(change) if line.startswith("ZSL")]
    assert line.split("|")[7::2] == ["3,5", "4"]


def hand_back(segment: str) -> Message:
    header = f"MSH|^~\\&|MICROHIS|GZHG|PLATFORM|GZHG|20261124080000+0800||MFN^M13^MFN_M13|{MESSAGE_ID}|P|2.5.1"
    lines = (header, "MFI|HANDBACK^^PLATFORM||UPD|||AL", f"MFE|MUP|1||{SCHEDULE_ID}|ST", segment)
    return parse("".join(f"{line}\r" for line in lines).encode())


def test_numbers_are_handed_back_by_name() -> None:
    [heard] = Hl7Profile("MICROHIS").read(hand_back(f"ZHB|{SCHEDULE_ID}|4|12,31|7|H7"))

    assert (heard.kind, heard.aggregate) == (
        InboundKind.NUMBERS_HANDED_BACK,
        f"his-handback:MICROHIS:{SCHEDULE_ID}",
    )
    assert heard.facts == NumbersHandedBack(SCHEDULE_ID, 4, (12, 31), (7,), ("H7",))


@pytest.mark.parametrize(
    "segment",
    [
        f"ZHB|{SCHEDULE_ID}|4|12,7|7|H7",
        f"ZHB|{SCHEDULE_ID}|4|12|7",
        f"ZHB|{SCHEDULE_ID}|4|12|7|H7,H8",
        f"ZHB|{SCHEDULE_ID}|4|0",
        f"ZHB|{SCHEDULE_ID}|4|10001",
        f"ZHB|{SCHEDULE_ID}|x|12",
        f"ZHB|{SCHEDULE_ID}||12",
        "ZHB|x|4|12",
        f"ZSC|{SCHEDULE_ID}|4|12",
    ],
)
def test_what_is_handed_back_unclearly_is_not_taken(segment: str) -> None:
    with pytest.raises(Hl7Error):
        Hl7Profile("MICROHIS").read(hand_back(segment))


def test_a_cancellation_is_told_by_its_status_whatever_the_event() -> None:
    cancelled = replace(APPOINTMENT, status=AppointmentStatus.CANCELLED)
    message = from_his(OutboundChange(ChangeKind.APPOINTMENT_BOOKED, cancelled))

    (heard,) = Hl7Profile("MICROHIS").read(message)

    assert heard.kind is InboundKind.APPOINTMENT_CANCELLED


def test_order_is_kept_under_the_his_own_numbers() -> None:
    message = from_his(OutboundChange(ChangeKind.APPOINTMENT_BOOKED, APPOINTMENT))

    (heard,) = Hl7Profile("MICROHIS").read(message)

    assert heard.aggregate == "his-appointment:MICROHIS:H7"
    assert heard.depends_on == "his-patient:MICROHIS:MR0001"


def test_a_room_names_its_clinic_and_campus() -> None:
    room = LocationFacts("room", "R101", "101诊室", "C01", "YX", active=True)

    assert text_of(OutboundChange(ChangeKind.LOCATION_PUBLISHED, room))[2:] == [
        f"MFE|MUP|{MESSAGE_ID}||C01^R101^^YX|PL",
        "LOC|C01^R101^^YX|101诊室|R",
    ]


VISIT = (
    "MSH|^~\\&|MICROHIS|GZHG|PLATFORM|GZHG|20261124081000+0800||ADT^A04^ADT_A01|M1|P|2.5.1\r"
    "EVN||20261124081000+0800\r"
    "PID|1||MR0001^^^MICROHIS^MR||张三^^^^^^L||19900102|M\r"
    + Segment.build(
        "PV1",
        {
            1: "1", 2: "O", 3: "C01", 5: "H7", 7: "D0001", 19: "V77",
            44: "20261124080900+0800", 50: (str(ID), "", "", "PLATFORM"),
        },
    ).encode()
    + "\r"
)  # fmt: skip


def test_a_registration_at_the_window_says_which_appointment_it_redeems() -> None:
    (heard,) = Hl7Profile("MICROHIS").read(parse(VISIT.encode()))

    assert heard.kind is InboundKind.VISIT_REGISTERED
    assert heard.depends_on == "his-appointment:MICROHIS:H7"
    assert isinstance(heard.facts, VisitFacts)
    assert heard.facts.visit_number == "V77"
    assert heard.facts.appointment_id == ID
    assert heard.facts.registered_at == datetime(2026, 11, 24, 0, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "right", "error"),
    [
        ("MICROHIS|GZHG|PLATFORM", "SOMEBODY|GZHG|PLATFORM", UnknownSender),
        ("ADT^A04^ADT_A01", "ORU^R01^ORU_R01", UnknownMessage),
        (str(ID), "not-an-id", BadFieldValue),
        ("MR0001^^^MICROHIS^MR", "", RequiredFieldMissing),
        ("张三^^^^^^L", "", RequiredFieldMissing),
        ("19900102", "19901302", BadFieldValue),
        ("V77", "", RequiredFieldMissing),
        ("V77", "V" * 65, BadFieldValue),
        ("MR0001", "M" * 65, BadFieldValue),
        ("|H7|", f"|{'H' * 65}|", BadFieldValue),
    ],
)
def test_what_breaks_the_profile_is_refused(wrong: str, right: str, error: type[Hl7Error]) -> None:
    with pytest.raises(error):
        Hl7Profile("MICROHIS").read(parse(VISIT.replace(wrong, right).encode()))


@pytest.mark.parametrize(("version", "is_taken"), [(0, False), (1, True), (10**9, True), (10**9 + 1, False)])
def test_a_version_leaves_room_to_count_on(version: int, is_taken: bool) -> None:  # noqa: FBT001  parametrized
    message = from_his(OutboundChange(ChangeKind.APPOINTMENT_BOOKED, replace(APPOINTMENT, version=version)))
    if is_taken:
        (heard,) = Hl7Profile("MICROHIS").read(message)
        assert isinstance(heard.facts, AppointmentFacts)
        assert heard.facts.version == version
    else:
        with pytest.raises(BadFieldValue):
            Hl7Profile("MICROHIS").read(message)


@pytest.mark.parametrize("long", [replace(APPOINTMENT, his_id="x" * 65), replace(APPOINTMENT, made_by="x" * 65)])
def test_an_appointments_identifiers_are_bounded(long: AppointmentFacts) -> None:
    with pytest.raises(BadFieldValue):
        Hl7Profile("MICROHIS").read(from_his(OutboundChange(ChangeKind.APPOINTMENT_BOOKED, long)))
