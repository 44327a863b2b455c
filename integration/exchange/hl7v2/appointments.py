"""An appointment as SIU (HL7 v2.5.1, chapter 10): SCH, NTE, PID, RGS, AIS, AIL, AIP, and ZAP of ours."""

from datetime import datetime
from typing import Final

from integration.codecs.errors import BadFieldValue, RequiredFieldMissing
from integration.codecs.hl7v2 import Message, Segment
from integration.codecs.hl7v2_values import format_timestamp, parse_integer, parse_timestamp
from integration.exchange.hl7v2.patients import (
    PLATFORM,
    build_pid,
    build_version_note,
    read_pid,
    read_uuid,
    read_version,
    require_short,
)
from integration.his.facts import AppointmentFacts, AppointmentStatus

# HL7 table 0278, as far as both sides use it.
_STATUS_TO_HL7: Final = {
    AppointmentStatus.BOOKED: "Booked",
    AppointmentStatus.ARRIVED: "Started",
    AppointmentStatus.FULFILLED: "Complete",
    AppointmentStatus.CANCELLED: "Cancelled",
    AppointmentStatus.NOSHOW: "Noshow",
}
_STATUS_FROM_HL7: Final = {word.lower(): status for status, word in _STATUS_TO_HL7.items()}
_STATUS_OF_EVENT: Final = {
    "S12": AppointmentStatus.BOOKED,
    "S13": AppointmentStatus.BOOKED,
    "S15": AppointmentStatus.CANCELLED,
    "S26": AppointmentStatus.NOSHOW,
}
SEQUENCE_MAX: Final = 100_000
FEE_FEN_MAX: Final = 100_000_000


def build_segments(appointment: AppointmentFacts, *, his_authority: str) -> list[Segment]:
    """Write an appointment; what this side does not know of it stays empty."""
    starts = format_timestamp(appointment.starts_at) if appointment.starts_at else ""
    ends = format_timestamp(appointment.ends_at) if appointment.ends_at else ""
    scheduling = Segment.build(
        "SCH",
        {
            1: (str(appointment.platform_id), PLATFORM) if appointment.platform_id else "",
            2: (appointment.his_id, his_authority) if appointment.his_id else "",
            3: "" if appointment.sequence is None else str(appointment.sequence),
            5: (str(appointment.schedule_id), "", PLATFORM) if appointment.schedule_id else "",
            6: (appointment.reason_code, appointment.reason_text),
            8: appointment.service_type,
            11: ("", "", "", starts, ends) if starts else "",
            16: (appointment.made_by, appointment.channel),
            25: _STATUS_TO_HL7[appointment.status],
        },
    )
    resources: list[Segment] = []
    if appointment.starts_at is not None and appointment.ends_at is not None:
        minutes = int((appointment.ends_at - appointment.starts_at).total_seconds()) // 60
        resources = [
            Segment.build("RGS", {1: "1"}),
            Segment.build(
                "AIS",
                {1: "1", 3: appointment.service_type, 4: starts, 7: str(minutes), 8: "min"},
            ),
            Segment.build("AIL", {1: "1", 3: (appointment.clinic_code, appointment.room_code)}),
            Segment.build("AIP", {1: "1", 3: appointment.practitioner_code}),
        ]
    return [
        scheduling,
        build_version_note(appointment.version),
        build_pid(appointment.patient, his_authority=his_authority),
        *resources,
        *([] if appointment.fee_fen is None else [Segment.build("ZAP", {1: str(appointment.fee_fen)})]),
    ]


def read_appointment(message: Message, *, his_authority: str) -> AppointmentFacts:
    """Understand an appointment that the HIS tells of.

    Raises:
        RequiredSegmentMissing: SCH or PID is missing.
        RequiredFieldMissing: neither side's id is there, or a new appointment names no seat.
        BadFieldValue: an id, a time, a number or the status cannot be read.
    """
    scheduling = message.required("SCH")
    event = message.kind[1]
    version = read_version(message)
    placer, filler = scheduling.text(1), scheduling.text(2)
    if not placer and not filler:
        raise RequiredFieldMissing("SCH-1 or SCH-2 is required")
    schedule, sequence = scheduling.text(5), scheduling.text(3)
    if event == "S12" and not (schedule and sequence):
        raise RequiredFieldMissing("a new appointment names its schedule (SCH-5) and seat (SCH-3)")
    location, person, agreed = message.first("AIL"), message.first("AIP"), message.first("ZAP")
    return AppointmentFacts(
        platform_id=read_uuid(placer, "SCH-1") if placer else None,
        his_id=require_short(filler, "SCH-2") or None,
        status=_read_status(scheduling.text(25), event),
        version=version,
        schedule_id=read_uuid(schedule, "SCH-5") if schedule else None,
        sequence=_read_sequence(sequence) if sequence else None,
        patient=read_pid(message.required("PID"), his_authority=his_authority, version=version),
        starts_at=_read_time(scheduling.text(11, 4)),
        ends_at=_read_time(scheduling.text(11, 5)),
        clinic_code=location.text(3) if location else "",
        room_code=location.text(3, 2) if location else "",
        practitioner_code=person.text(3) if person else "",
        service_type=scheduling.text(8),
        reason_code=scheduling.text(6),
        reason_text=scheduling.text(6, 2),
        made_by=require_short(scheduling.text(16), "SCH-16"),
        channel=scheduling.text(16, 2),
        fee_fen=_read_fee(agreed.text(1)) if agreed and agreed.text(1) else None,
    )


def appointment_aggregate(appointment: AppointmentFacts, *, source: str) -> str:
    """Under which name order is kept for an appointment: the HIS's own id where it gives one."""
    if appointment.his_id:
        return f"his-appointment:{source}:{appointment.his_id}"
    return f"appointment:{appointment.platform_id}"


def _read_status(word: str, event: str) -> AppointmentStatus:
    if not word and event in _STATUS_OF_EVENT:
        return _STATUS_OF_EVENT[event]
    try:
        return _STATUS_FROM_HL7[word.lower()]
    except KeyError:
        raise BadFieldValue(f"SCH-25 {word[:32]!r} is not a status that we know") from None


def _read_sequence(text: str) -> int:
    sequence = parse_integer(text)
    if not 0 < sequence <= SEQUENCE_MAX:
        raise BadFieldValue("SCH-3 is not a seat number")
    return sequence


def _read_fee(text: str) -> int:
    fee_fen = parse_integer(text)
    if not 0 <= fee_fen <= FEE_FEN_MAX:
        raise BadFieldValue("ZAP-1 is no fee")
    return fee_fen


def _read_time(text: str) -> datetime | None:
    return parse_timestamp(text) if text else None
