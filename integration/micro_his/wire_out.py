"""Writing what we tell the platform: SIU for numbers, ADT for people and visits (HL7 v2.5.1); money is in billing/."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from integration.codecs.hl7v2 import Message, Repetition, Segment
from integration.codecs.hl7v2_header import Endpoint, build_header
from integration.codecs.hl7v2_values import format_date, format_timestamp
from integration.micro_his.records import FACILITY, OWN, PLATFORM
from kernel import clock
from kernel.db import Row
from kernel.ids import new_id

SENDER = Endpoint(OWN, FACILITY)
RECEIVER = Endpoint(PLATFORM, FACILITY)

BOOKED, MODIFIED, CANCELLED, REGISTERED, HANDED_BACK = "S12", "S14", "S15", "A04", "M13"
CHARGED, DISCHARGED = "P03", "A03"

_STRUCTURE = {
    BOOKED: ("SIU", BOOKED, "SIU_S12"),
    MODIFIED: ("SIU", MODIFIED, "SIU_S12"),
    CANCELLED: ("SIU", CANCELLED, "SIU_S12"),
    REGISTERED: ("ADT", REGISTERED, "ADT_A01"),
    HANDED_BACK: ("MFN", HANDED_BACK, "MFN_M13"),
    CHARGED: ("DFT", CHARGED, "DFT_P03"),
    DISCHARGED: ("ADT", DISCHARGED, "ADT_A03"),
}
_STATUS = {
    "booked": "Booked",
    "arrived": "Started",
    "fulfilled": "Complete",
    "cancelled": "Cancelled",
    "noshow": "Noshow",
}
_DOCUMENT = {"CN-ID": ("CN-ID", "NNCHN"), "PPN": ("PASSPORT", "PPN")}


@dataclass(frozen=True, slots=True)
class Draft:
    """A message ready to be queued. `appointment_id` names the number it is about, if any.

    in_order_with: order is kept among messages that share it. It is the schedule, so that a number which was given
    back and sold again is told of in that order; for a visit without a number it is the person.
    mr: whom it is about; empty where it is about nobody.
    """

    control_id: UUID
    in_order_with: str
    event: str
    mr: str
    appointment_id: int | None
    body: str


def describe_booking(appointment: Row, patient: Row, schedule: Row, *, charset: str) -> Draft:
    """Tell of a number that our window has sold (SIU^S12)."""
    return _scheduling(BOOKED, appointment, patient, schedule, charset=charset)


def describe_cancellation(appointment: Row, patient: Row, schedule: Row, *, charset: str) -> Draft:
    """Tell of a number that was given back at our window (SIU^S15)."""
    return _scheduling(CANCELLED, appointment, patient, schedule, charset=charset)


def describe_completion(appointment: Row, patient: Row, schedule: Row, *, charset: str) -> Draft:
    """Tell that the doctor has seen the person (SIU^S14, status Complete)."""
    return _scheduling(MODIFIED, appointment, patient, schedule, charset=charset)


def describe_visit(visit: Row, patient: Row, appointment: Row | None, *, charset: str) -> Draft:
    """Tell that somebody came and was registered (ADT^A04); with an appointment, it is redeemed."""
    at = clock.now()
    registered = Segment.build(
        "PV1",
        {
            1: "1",
            2: "O",
            3: visit["clinic_code"],
            5: str(appointment["his_id"]) if appointment else "",
            7: visit["practitioner_code"],
            19: visit["number"],
            44: format_timestamp(visit["registered_at"]),
            50: str(appointment["platform_id"]) if appointment and appointment["platform_id"] else "",
        },
    )
    body = [Segment.build("EVN", {2: format_timestamp(at)}), _pid(patient), registered, _version_note(1)]
    return _draft(REGISTERED, body, patient, appointment, at=at, charset=charset)


def describe_of_person(event: str, body: Sequence[Segment], patient: Row, *, version: int, charset: str) -> Draft:
    """Tell of a person's charges or stay (DFT^P03, ADT^A03): EVN, PID and the version come first."""
    at = clock.now()
    opening = [Segment.build("EVN", {2: format_timestamp(at)}), _pid(patient), _version_note(version)]
    return _draft(event, [*opening, *body], patient, None, at=at, charset=charset)


def describe_hand_back(
    *, schedule_id: UUID, version: int, unsold: Sequence[int], sold: Mapping[int, str], charset: str
) -> Draft:
    """Tell which numbers our window sells no more, because the platform has asked for them (MFN^M13, ZHB).

    sold: number -> our name of the sale.
    """
    control_id = new_id()
    key = str(schedule_id)
    body = [
        Segment.build("MFI", {1: ("HANDBACK", "", PLATFORM), 3: "UPD", 6: "AL"}),
        Segment.build("MFE", {1: "MUP", 2: f"{control_id}/1", 4: key, 5: "ST"}),
        Segment.build(
            "ZHB",
            {
                1: key,
                2: str(version),
                3: _list_numbers(unsold),
                4: _list_numbers(list(sold)),
                5: ",".join(sold.values()),
            },
        ),
    ]
    return Draft(
        control_id=control_id,
        in_order_with=key,
        event=HANDED_BACK,
        mr="",
        appointment_id=None,
        body=_text(HANDED_BACK, body, control_id=control_id, at=clock.now(), charset=charset),
    )


def _list_numbers(sequences: Sequence[int]) -> str:
    return ",".join(str(sequence) for sequence in sequences)


def _scheduling(event: str, appointment: Row, patient: Row, schedule: Row, *, charset: str) -> Draft:
    starts, ends = appointment["starts_at"], appointment["ends_at"]
    minutes = int((ends - starts).total_seconds()) // 60
    times = (format_timestamp(starts), format_timestamp(ends))
    body = [
        Segment.build(
            "SCH",
            {
                1: (str(appointment["platform_id"]), PLATFORM) if appointment["platform_id"] else "",
                2: (appointment["his_id"], OWN),
                3: str(appointment["sequence"]),
                5: (str(appointment["schedule_id"]), "", PLATFORM),
                6: (appointment["reason"],),
                8: schedule["service_type"],
                11: ("", "", "", *times),
                16: (appointment["made_by"], appointment["channel"]),
                25: _STATUS[appointment["status"]],
            },
        ),
        _version_note(appointment["version"]),
        _pid(patient),
        Segment.build("RGS", {1: "1"}),
        Segment.build("AIS", {1: "1", 3: schedule["service_type"], 4: times[0], 7: str(minutes), 8: "min"}),
        Segment.build("AIL", {1: "1", 3: (schedule["clinic_code"], schedule["room_code"])}),
        Segment.build("AIP", {1: "1", 3: schedule["practitioner_code"]}),
    ]
    return _draft(event, body, patient, appointment, at=clock.now(), charset=charset)


def _draft(
    event: str, body: list[Segment], patient: Row, appointment: Row | None, *, at: datetime, charset: str
) -> Draft:
    control_id = new_id()
    return Draft(
        control_id=control_id,
        in_order_with=str(appointment["schedule_id"] if appointment else patient["mr"]),
        event=event,
        mr=patient["mr"],
        appointment_id=appointment["id"] if appointment else None,
        body=_text(event, body, control_id=control_id, at=at, charset=charset),
    )


def _text(event: str, body: list[Segment], *, control_id: UUID, at: datetime, charset: str) -> str:
    header = build_header(
        sender=SENDER,
        receiver=RECEIVER,
        at=at,
        kind=_STRUCTURE[event],
        control_id=str(control_id),
        charset=charset,
    )
    message = Message((header, *body))
    return "".join(segment.encode() + "\r" for segment in message.segments)


def _pid(patient: Row) -> Segment:
    identifiers: list[Repetition] = []
    if patient["platform_id"] is not None:
        identifiers.append((str(patient["platform_id"]), "", "", PLATFORM, "PI"))
    identifiers.append((patient["mr"], "", "", OWN, "MR"))
    if patient["document_number"]:
        document_type = patient["document_type"]
        authority, code = _DOCUMENT.get(document_type, ("PLATFORM-DOC", document_type))
        identifiers.append((patient["document_number"], "", "", authority, code))
    return Segment.build(
        "PID",
        {
            1: "1",
            3: identifiers,
            5: (patient["name"], "", "", "", "", "", "L"),
            7: format_date(patient["birth_date"]) if patient["birth_date"] else "",
            8: patient["sex"],
            13: patient["phone"] or "",
        },
    )


def _version_note(version: int) -> Segment:
    return Segment.build("NTE", {1: "1", 3: f"version={version}"})
