"""Reading what the platform tells us: HL7 v2.5.1 segments into our own records, syntax and bounds only."""

from datetime import datetime
from typing import Final
from uuid import UUID

from integration.codecs.errors import BadFieldValue, Hl7Error, RequiredFieldMissing
from integration.codecs.hl7v2 import Message, Segment
from integration.codecs.hl7v2_values import parse_date, parse_integer, parse_timestamp
from integration.micro_his.records import (
    OWN,
    PLATFORM,
    ToldAppointment,
    ToldLocation,
    ToldPatient,
    ToldPractitioner,
    ToldSchedule,
    ToldSlot,
)

NAME_CHARACTERS_MAX: Final = 64
CODE_CHARACTERS_MAX: Final = 64
REASON_CHARACTERS_MAX: Final = 200
SEQUENCE_MAX: Final = 100_000
VERSION_MAX: Final = 2**31 - 1
SLOTS_MAX: Final = 200
ENTRIES_MAX: Final = 500

_VERSION_MARK: Final = "version="
_STATUS: Final = {
    "booked": "booked",
    "started": "arrived",
    "complete": "fulfilled",
    "cancelled": "cancelled",
    "noshow": "noshow",
}
_STATUS_OF_EVENT: Final = {"S12": "booked", "S13": "booked", "S14": "booked", "S15": "cancelled", "S26": "noshow"}
_SCHEDULE_STATUS: Final = ("active", "withdrawn")
_GONE: Final = ("MDC", "MDL")
_ACTIONS: Final = ("MAD", "MUP", "MAC", *_GONE)


class UnknownEvent(Hl7Error):
    """A message type or trigger event that we do not take (table 0357)."""

    error_code = "201"
    error_text = "Unsupported event code"


def read_version(message: Message) -> int:
    """The version that the sender states in NTE-3, 1 where there is none.

    Raises:
        BadFieldValue: not a positive whole number.
    """
    for note in message.all("NTE"):
        text = note.text(3)
        if text.startswith(_VERSION_MARK):
            return _bounded(text.removeprefix(_VERSION_MARK), VERSION_MAX, "NTE-3 version")
    return 1


def read_patient(message: Message) -> ToldPatient:
    """The person of a PID segment.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing: no PID, or no identifier.
        BadFieldValue: an id, a date or a name cannot be read.
    """
    pid = message.required("PID")
    platform_id: UUID | None = None
    mr: str | None = None
    document: tuple[str, str] | None = None
    for repetition in range(1, len(pid.field(3)) + 1):
        value, authority, kind = (pid.text(3, part, repetition=repetition).strip() for part in (1, 4, 5))
        if not value:
            continue
        _short(value, "PID-3")
        if (authority, kind) == (PLATFORM, "PI"):
            platform_id = _uuid(value, "PID-3")
        elif (authority, kind) == (OWN, "MR"):
            mr = value
        elif kind in ("NNCHN", "PPN") or authority == "PLATFORM-DOC":
            document = ({"NNCHN": "CN-ID"}.get(kind, kind), value)
    if platform_id is None and mr is None and document is None:
        raise RequiredFieldMissing("PID-3 names no identifier that we know")
    name = pid.text(5).strip()
    if len(name) > NAME_CHARACTERS_MAX:
        raise BadFieldValue(f"PID-5 wants at most {NAME_CHARACTERS_MAX} characters")
    birth_date = pid.text(7)
    return ToldPatient(
        platform_id=platform_id,
        mr=mr,
        name=name,
        birth_date=parse_date(birth_date) if birth_date else None,
        sex=pid.text(8) if pid.text(8) in ("M", "F") else "U",
        document_type=document[0] if document else None,
        document_number=document[1] if document else None,
        phone=_short(pid.text(13), "PID-13") or None,
    )


def read_appointment(message: Message) -> ToldAppointment:
    """The appointment of a SIU message.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing: SCH or PID is missing, or no id is given.
        BadFieldValue: an id, a time, a number or the status cannot be read.
    """
    scheduling = message.required("SCH")
    placer, filler = scheduling.text(1), scheduling.text(2)
    if not placer and not filler:
        raise RequiredFieldMissing("SCH-1 or SCH-2 is required")
    schedule, sequence = scheduling.text(5), scheduling.text(3)
    agreed = message.first("ZAP")
    starts, ends = _time(scheduling.text(11, 4)), _time(scheduling.text(11, 5))
    if starts is not None and ends is not None and not starts < ends:
        raise BadFieldValue("SCH-11 does not end after it starts")
    return ToldAppointment(
        platform_id=_uuid(placer, "SCH-1") if placer else None,
        his_id=_short(filler, "SCH-2") or None,
        status=_status(scheduling.text(25), message.kind[1]),
        version=read_version(message),
        schedule_id=_uuid(schedule, "SCH-5") if schedule else None,
        sequence=_bounded(sequence, SEQUENCE_MAX, "SCH-3") if sequence else None,
        starts_at=starts,
        ends_at=ends,
        made_by=_short(scheduling.text(16), "SCH-16"),
        channel=_short(scheduling.text(16, 2), "SCH-16"),
        reason=_reason(scheduling),
        patient=read_patient(message),
        agreed_fee_fen=_bounded(agreed.text(1), 10**12, "ZAP-1", least=0) if agreed and agreed.text(1) else None,
    )


def read_schedules(message: Message) -> list[ToldSchedule]:
    """The schedules of an MFN^M13 message.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing, BadFieldValue: a segment or a field cannot be read.
    """
    return [_schedule(group) for group in _entries(message, "SCHEDULE")]


def read_practitioners(message: Message) -> list[ToldPractitioner]:
    """The doctors of an MFN^M02 message.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing, BadFieldValue: a segment or a field cannot be read.
    """
    told = []
    for group in _entries(message, "PRA"):
        staff = _named(group, "STF")
        name = staff.required(3)
        if len(name) > NAME_CHARACTERS_MAX:
            raise BadFieldValue(f"STF-3 wants at most {NAME_CHARACTERS_MAX} characters")
        told.append(
            ToldPractitioner(
                code=_short(staff.required(1), "STF-1"),
                name=name,
                title=_short(staff.text(18), "STF-18"),
                department_code=_short(staff.text(8), "STF-8"),
                active=group[0].text(1) not in _GONE and staff.text(7) != "I",
            )
        )
    return told


def read_locations(message: Message) -> list[ToldLocation]:
    """The clinics and rooms of an MFN^M05 message.

    Raises:
        RequiredSegmentMissing, RequiredFieldMissing, BadFieldValue: a segment or a field cannot be read.
    """
    told = []
    for group in _entries(message, "LOC"):
        place = _named(group, "LOC")
        clinic, room, campus = (_short(place.text(1, part), "LOC-1") for part in (1, 2, 4))
        is_room = place.text(3) == "R"
        code = room if is_room else clinic
        if not code:
            raise RequiredFieldMissing("LOC-1 names no place")
        told.append(
            ToldLocation(
                kind="room" if is_room else "clinic",
                code=code,
                name=_short(place.text(2), "LOC-2"),
                part_of=clinic if is_room else "",
                campus_code=campus,
                active=group[0].text(1) not in _GONE,
            )
        )
    return told


def _entries(message: Message, file: str) -> list[list[Segment]]:
    if message.required("MFI").required(1) != file:
        raise BadFieldValue(f"MFI-1 must name the master file {file}")
    groups = list(message.groups("MFE"))
    if not groups:
        raise RequiredFieldMissing("a master file message holds at least one MFE")
    if len(groups) > ENTRIES_MAX:
        raise BadFieldValue(f"more than {ENTRIES_MAX} entries in one message")
    for group in groups:
        if group[0].required(1) not in _ACTIONS:
            raise BadFieldValue("MFE-1 is not an action that we know (table 0180)")
    return groups


def _schedule(group: list[Segment]) -> ToldSchedule:
    head = _named(group, "ZSC")
    slots = tuple(_slot(segment) for segment in group if segment.name == "ZSL")
    if len(slots) > SLOTS_MAX:
        raise BadFieldValue(f"a schedule has more than {SLOTS_MAX} time bands")
    status = head.text(7) or "active"
    if group[0].text(1) in _GONE:
        status = "withdrawn"
    if status not in _SCHEDULE_STATUS:
        raise BadFieldValue("ZSC-7 is not a status that we know")
    return ToldSchedule(
        id=_uuid(head.required(1), "ZSC-1"),
        clinic_code=_short(head.required(2), "ZSC-2"),
        practitioner_code=_short(head.required(3), "ZSC-3"),
        service_type=_short(head.text(4), "ZSC-4"),
        clinic_date=parse_date(head.required(5)),
        period=_short(head.text(6), "ZSC-6"),
        status=status,
        fee_fen=_bounded(head.text(8) or "0", 10**12, "ZSC-8", least=0),
        version=_bounded(head.text(9) or "1", VERSION_MAX, "ZSC-9"),
        room_code=_short(head.text(10), "ZSC-10"),
        slots=slots,
    )


def _slot(segment: Segment) -> ToldSlot:
    first = _bounded(segment.required(3), SEQUENCE_MAX, "ZSL-3")
    last = _bounded(segment.required(4), SEQUENCE_MAX, "ZSL-4")
    starts, ends = parse_timestamp(segment.required(1)), parse_timestamp(segment.required(2))
    if not (first <= last and starts < ends):
        raise BadFieldValue("ZSL-1 to ZSL-4 are not a time band with its numbers")
    window, emergency, recalled = (_numbers(segment, field, first, last) for field in (5, 7, 9))
    if set(emergency) & {*window, *recalled}:
        raise BadFieldValue("ZSL-7 names a number of ZSL-5 or ZSL-9")
    return ToldSlot(
        first, last, starts, ends, window, _time(segment.text(6)), emergency, _time(segment.text(8)), recalled
    )


def _numbers(segment: Segment, field: int, first: int, last: int) -> tuple[int, ...]:
    where = f"ZSL-{field}"
    numbers = tuple(_bounded(text, SEQUENCE_MAX, where) for text in segment.text(field).split(",") if text)
    if any(not first <= sequence <= last for sequence in numbers):
        raise BadFieldValue(f"{where} names a number of another time band")
    return numbers


def _named(group: list[Segment], name: str) -> Segment:
    found = next((segment for segment in group if segment.name == name), None)
    if found is None:
        raise RequiredFieldMissing(f"segment {name} must follow MFE")
    return found


def _status(word: str, event: str) -> str:
    if not word:
        return _STATUS_OF_EVENT[event]
    try:
        return _STATUS[word.lower()]
    except KeyError:
        raise BadFieldValue(f"SCH-25 {word[:32]!r} is not a status that we know") from None


def _uuid(text: str, where: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadFieldValue(f"{where} is not an id of the platform") from None


def _bounded(text: str, most: int, where: str, *, least: int = 1) -> int:
    number = parse_integer(text)
    if not least <= number <= most:
        raise BadFieldValue(f"{where} is out of range")
    return number


def _short(text: str, where: str) -> str:
    if len(text) > CODE_CHARACTERS_MAX:
        raise BadFieldValue(f"{where} wants at most {CODE_CHARACTERS_MAX} characters")
    return text


def _reason(scheduling: Segment) -> str:
    """The code of SCH-6, or else the words: whatever somebody gave as a reason, the number comes back."""
    return _short(scheduling.text(6), "SCH-6") or scheduling.text(6, 2)[:REASON_CHARACTERS_MAX]


def _time(text: str) -> datetime | None:
    return parse_timestamp(text) if text else None
