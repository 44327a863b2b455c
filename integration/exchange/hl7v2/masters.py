"""Master files as MFN (HL7 v2.5.1, chapter 8): practitioners, places, and schedules.

Schedules have no master file of their own in HL7 v2. They travel as a general master file (M13) with
two segments of this profile: ZSC, the schedule, and ZSL, one for each time band of it.
"""

from collections.abc import Sequence
from typing import Final

from integration.codecs.errors import BadFieldValue
from integration.codecs.hl7v2 import Segment
from integration.codecs.hl7v2_values import (
    format_date,
    format_timestamp,
    parse_date,
    parse_integer,
    parse_timestamp,
)
from integration.exchange.hl7v2.patients import PLATFORM, read_uuid, require_short
from integration.his.facts import LocationFacts, NumbersHandedBack, PractitionerFacts, ScheduleFacts, SlotFacts

SCHEDULE_FILE: Final = "SCHEDULE"
HANDED_BACK_FILE: Final = "HANDBACK"
SLOTS_MAX: Final = 200
SEATS_MAX: Final = 10_000

_ADD, _UPDATE, _DEACTIVATE, _DELETE = "MAD", "MUP", "MDC", "MDL"
_CLINIC, _ROOM = "C", "R"


def build_schedules(schedules: Sequence[ScheduleFacts], *, control_id: str) -> list[Segment]:
    """Write schedules, each with all its time bands; every entry has a number of its own."""
    segments = [_file((SCHEDULE_FILE, "", PLATFORM))]
    for number, schedule in enumerate(schedules, start=1):
        segments += _build_schedule(schedule, entry_id=f"{control_id}/{number}")
    return segments


def _build_schedule(schedule: ScheduleFacts, *, entry_id: str) -> list[Segment]:
    action = _ADD if schedule.version == 1 else _UPDATE
    if schedule.status != "active":
        action = _DEACTIVATE
    uuid = str(schedule.schedule_id)
    head = Segment.build(
        "ZSC",
        {
            1: uuid,
            2: schedule.clinic_code,
            3: schedule.practitioner_code,
            4: schedule.service_type,
            5: format_date(schedule.clinic_date),
            6: schedule.period,
            7: schedule.status,
            8: str(schedule.fee_fen),
            9: str(schedule.version),
            10: schedule.room_code,
        },
    )
    return [
        _entry(action, control_id=entry_id, key=uuid),
        head,
        *(_build_slot(slot) for slot in schedule.slots),
    ]


def _build_slot(slot: SlotFacts) -> Segment:
    return Segment.build(
        "ZSL",
        {
            1: format_timestamp(slot.starts_at),
            2: format_timestamp(slot.ends_at),
            3: str(slot.first_sequence),
            4: str(slot.last_sequence),
            5: _list_numbers(slot.window_sequences),
            6: format_timestamp(slot.window_until) if slot.window_until else "",
            7: _list_numbers(slot.emergency_sequences),
            8: format_timestamp(slot.emergency_until) if slot.emergency_until else "",
            9: _list_numbers(slot.recalled_sequences),
        },
    )


def _list_numbers(sequences: Sequence[int]) -> str:
    return ",".join(str(sequence) for sequence in sequences)


def read_handed_back(group: list[Segment]) -> NumbersHandedBack:
    """Understand which numbers of a schedule the HIS's window sells no more: its MFE segment and the ZHB behind it.

    Raises:
        RequiredFieldMissing: a field that identifies the schedule is empty.
        BadFieldValue: ZHB is missing, or a value cannot be read.
    """
    told = next((segment for segment in group if segment.name == "ZHB"), None)
    if told is None:
        raise BadFieldValue("segment ZHB must follow MFE in a file of numbers handed back")
    unsold, sold = _read_numbers(told, 3), _read_numbers(told, 4)
    if set(unsold) & set(sold):
        raise BadFieldValue("a number cannot be both unsold (ZHB-3) and sold (ZHB-4)")
    sold_as = tuple(name for name in told.text(5).split(",") if name)
    if len(sold_as) != len(sold):
        raise BadFieldValue("ZHB-5 must name the sale of each number in ZHB-4")
    return NumbersHandedBack(
        schedule_id=read_uuid(told.required(1), "ZHB-1"),
        version=parse_integer(told.required(2)),
        unsold=unsold,
        sold=sold,
        sold_as=sold_as,
    )


def _read_numbers(segment: Segment, field: int) -> tuple[int, ...]:
    numbers = tuple(parse_integer(number) for number in segment.text(field).split(",") if number)
    if len(numbers) > SEATS_MAX or not all(0 < number <= SEATS_MAX for number in numbers):
        raise BadFieldValue(f"{segment.name}-{field} is not a list of queue numbers")
    return numbers


def read_schedule(group: list[Segment]) -> ScheduleFacts:
    """Understand one schedule: its MFE segment and what follows it.

    Raises:
        RequiredFieldMissing: a field that identifies the schedule is empty.
        BadFieldValue: ZSC is missing, or a value cannot be read.
    """
    head = next((segment for segment in group if segment.name == "ZSC"), None)
    if head is None:
        raise BadFieldValue("segment ZSC must follow MFE in a file of schedules")
    slots = tuple(_read_slot(segment) for segment in group if segment.name == "ZSL")
    if len(slots) > SLOTS_MAX:
        raise BadFieldValue(f"a schedule has more than {SLOTS_MAX} time bands")
    withdrawn = group[0].text(1) in (_DEACTIVATE, _DELETE)
    return ScheduleFacts(
        schedule_id=read_uuid(head.required(1), "ZSC-1"),
        clinic_code=head.required(2),
        practitioner_code=head.required(3),
        service_type=head.text(4),
        clinic_date=parse_date(head.required(5)),
        period=head.text(6),
        status="withdrawn" if withdrawn else head.text(7) or "active",
        fee_fen=parse_integer(head.text(8) or "0"),
        version=parse_integer(head.text(9) or "1"),
        slots=slots,
        room_code=head.text(10),
    )


def _read_slot(segment: Segment) -> SlotFacts:
    until = segment.text(6)
    first, last = parse_integer(segment.required(3)), parse_integer(segment.required(4))
    if not 0 < first <= last <= SEATS_MAX:
        raise BadFieldValue("ZSL-3 and ZSL-4 are not a range of seats")
    emergency_until = segment.text(8)
    return SlotFacts(
        starts_at=parse_timestamp(segment.required(1)),
        ends_at=parse_timestamp(segment.required(2)),
        first_sequence=first,
        last_sequence=last,
        window_sequences=_read_numbers(segment, 5),
        window_until=parse_timestamp(until) if until else None,
        emergency_sequences=_read_numbers(segment, 7),
        emergency_until=parse_timestamp(emergency_until) if emergency_until else None,
        recalled_sequences=_read_numbers(segment, 9),
    )


def build_practitioner(practitioner: PractitionerFacts, *, control_id: str) -> list[Segment]:
    """Write a doctor (MFN^M02: STF and PRA)."""
    code = practitioner.code
    action = _UPDATE if practitioner.active else _DEACTIVATE
    return [
        _file(("PRA", "", "HL70175")),
        _entry(action, control_id=control_id, key=code),
        Segment.build(
            "STF",
            {
                1: code,
                3: practitioner.name,
                7: "A" if practitioner.active else "I",
                8: practitioner.department_code,
                18: practitioner.title,
            },
        ),
        Segment.build("PRA", {1: code}),
    ]


def read_practitioner(group: list[Segment]) -> PractitionerFacts:
    """Understand one doctor: the MFE segment and what follows it.

    Raises:
        RequiredFieldMissing: code or name is empty.
        BadFieldValue: STF is missing.
    """
    staff = next((segment for segment in group if segment.name == "STF"), None)
    if staff is None:
        raise BadFieldValue("segment STF must follow MFE in a file of practitioners")
    gone = group[0].text(1) in (_DEACTIVATE, _DELETE) or staff.text(7) == "I"
    return PractitionerFacts(
        code=require_short(staff.required(1), "STF-1"),
        name=staff.required(3),
        title=staff.text(18),
        department_code=staff.text(8),
        active=not gone,
    )


def build_location(location: LocationFacts, *, control_id: str) -> list[Segment]:
    """Write a clinic or a room (MFN^M05)."""
    is_clinic = location.kind == "clinic"
    clinic, room = (location.code, "") if is_clinic else (location.part_of, location.code)
    place = (clinic, room, "", location.campus_code)
    action = _UPDATE if location.active else _DEACTIVATE
    entry = Segment.build("MFE", {1: action, 2: control_id, 4: place, 5: "PL"})
    return [
        _file(("LOC", "", "HL70175")),
        entry,
        Segment.build("LOC", {1: place, 2: location.name, 3: _CLINIC if is_clinic else _ROOM}),
    ]


def _file(name: tuple[str, ...]) -> Segment:
    """MFI: which master file, replaced record by record, every record to be acknowledged."""
    return Segment.build("MFI", {1: name, 3: "UPD", 6: "AL"})


def _entry(action: str, *, control_id: str, key: str) -> Segment:
    return Segment.build("MFE", {1: action, 2: control_id, 4: key, 5: "ST"})
