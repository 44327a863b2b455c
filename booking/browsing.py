"""What somebody sees who looks for a doctor: departments, sessions with what is free of them, where a visit is.

Names are read in both languages, and whoever shows them chooses. Nothing here is anybody's: reads are shared.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from booking import openings
from booking.catalogue.errors import EntryNotFound
from booking.openings import ScheduleFilter, ScheduleOpening
from booking.shared_reads import SharedReads
from kernel import clock
from kernel.db import database

DAYS_SHOWN: Final = 16
SESSIONS_MAX: Final = 2_000
ENTRIES_MAX: Final = 2_000
DOCTORS_MAX: Final = 500


class Name(NamedTuple):
    """A name in both languages."""

    zh: str
    en: str


class CampusEntry(NamedTuple):
    """A campus; degrees WGS 84."""

    id: UUID
    name: Name
    address: str
    latitude: float
    longitude: float


class DepartmentEntry(NamedTuple):
    """A department that sees outpatients, and at which campuses; `parent_id`: the heading it stands under."""

    id: UUID
    name: Name
    parent_id: UUID | None
    campus_ids: tuple[UUID, ...]


class Directory(NamedTuple):
    """What the hospital has: campuses, departments with a clinic, and the names of those that are headings alone."""

    campuses: tuple[CampusEntry, ...]
    departments: tuple[DepartmentEntry, ...]
    headings: dict[UUID, Name]


class Doctor(NamedTuple):
    """Somebody whom patients book."""

    id: UUID
    name: str
    title: Name
    department_id: UUID
    department: Name
    keywords: tuple[str, ...]
    introduction: str


class Place(NamedTuple):
    """Where a session takes place."""

    campus: Name
    address: str
    latitude: float
    longitude: float
    clinic: Name
    room: Name
    floor: str


class ClinicSession(NamedTuple):
    """A doctor's half day, with its names.

    is_coming: a slot of it is still to begin. is_stopped: all of those were taken out of use by a stop.
    """

    opening: ScheduleOpening
    service: Name
    title: Name
    department: Name
    place: Place
    is_coming: bool
    is_stopped: bool

    @property
    def state(self) -> str:
        """How it stands for the channel: `free`, `full`, `stopped`, `soon` (not released yet) or `over`."""
        if not self.is_coming:
            return "over"
        if self.opening.available > 0:
            return "free"
        if self.is_stopped:
            return "stopped"
        return "full" if self.opening.opens_at is None else "soon"


_DEPARTMENTS: Final = """
SELECT d.id, d.name_zh, d.name_en, d.parent_id, (
    SELECT array_agg(DISTINCT c.campus_id) FROM clinic c JOIN campus m ON m.id = c.campus_id AND m.active
    WHERE c.department_id = d.id AND c.active) AS campus_ids
FROM department d WHERE d.active ORDER BY d.code LIMIT $1
"""
# A hint for choosing: what is due to those who wait is given out when a department or a doctor is looked at.
_OPEN: Final = """
SELECT DISTINCT sc.department_id, sc.campus_id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id AND c.active
WHERE sc.status = 'active' AND sc.clinic_date = $3 AND EXISTS (
    SELECT FROM schedule_release l JOIN slot s ON s.schedule_id = sc.id AND s.starts_at > $2
    JOIN seat t ON t.slot_id = s.id AND t.pool = l.pool AND t.status IN ('free', 'held')
        AND (t.status = 'free' OR t.hold_until <= $2)
    WHERE l.schedule_id = sc.id AND l.channel = $1 AND l.opens_at <= $2)
"""
_FACTS: Final = """
SELECT sc.id, st.name_zh, st.name_en, t.name_zh, t.name_en, d.name_zh, d.name_en, m.name_zh, m.name_en, m.address,
       m.latitude, m.longitude, c.name_zh, c.name_en, r.name_zh, r.name_en, r.floor,
       EXISTS (SELECT FROM slot s WHERE s.schedule_id = sc.id AND s.starts_at > $2),
       EXISTS (SELECT FROM stop_order o WHERE o.schedule_id = sc.id)
           AND EXISTS (SELECT FROM slot s JOIN seat x ON x.slot_id = s.id
               WHERE s.schedule_id = sc.id AND s.starts_at > $2 AND x.stop_id IS NOT NULL)
           AND NOT EXISTS (SELECT FROM slot s JOIN seat x ON x.slot_id = s.id
               WHERE s.schedule_id = sc.id AND s.starts_at > $2 AND x.stop_id IS NULL)
FROM schedule sc
JOIN service_type st ON st.code = sc.service_type
JOIN practitioner p ON p.id = sc.practitioner_id
JOIN title t ON t.code = p.title
JOIN department d ON d.id = sc.department_id
JOIN campus m ON m.id = sc.campus_id
JOIN clinic c ON c.id = sc.clinic_id
JOIN room r ON r.id = sc.room_id
WHERE sc.id = ANY ($1)
"""
_DOCTORS: Final = """
SELECT p.id, p.name, t.name_zh, t.name_en, p.department_id, d.name_zh, d.name_en,
       string_to_array(p.keywords, ' '), p.introduction
FROM practitioner p JOIN title t ON t.code = p.title JOIN department d ON d.id = p.department_id
"""


async def read_directory() -> Directory:
    """Give the campuses and the departments that see outpatients.

    Raises:
        DatabaseUnavailable.
    """
    return await _directory.get("all")


async def find_open_departments(day: date, *, channel: str) -> list[tuple[UUID, UUID]]:
    """Give the departments, each with a campus, of which a channel may book something on a day now.

    Raises:
        DatabaseUnavailable.
    """
    return await _open.get((day, channel))


async def list_department_sessions(department_id: UUID, *, channel: str) -> list[ClinicSession]:
    """List a department's sessions of the days shown, in order of time.

    Raises:
        DatabaseUnavailable.
    """
    return await _sessions.get((ScheduleFilter(department_id=department_id), channel))


async def list_doctor_sessions(practitioner_id: UUID, *, channel: str) -> list[ClinicSession]:
    """List a doctor's sessions of the days shown, in order of time.

    Raises:
        DatabaseUnavailable.
    """
    return await _sessions.get((ScheduleFilter(practitioner_id=practitioner_id), channel))


async def get_session(schedule_id: UUID, *, channel: str) -> ClinicSession:
    """Read one session.

    Raises:
        EntryNotFound: absent, withdrawn, or one of which the channel never gets seats.
        DatabaseUnavailable.
    """
    [session] = await _named([await openings.get_schedule(schedule_id, channel=channel)])
    return session


async def get_doctor(practitioner_id: UUID) -> Doctor:
    """Read who somebody is.

    Raises:
        EntryNotFound: absent, or here no more.
        DatabaseUnavailable.
    """
    rows = await database().fetch(_DOCTORS + " WHERE p.id = $1 AND p.active", practitioner_id)
    if not rows:
        raise EntryNotFound(entity="practitioner")
    return _doctor(tuple(rows[0].values()))


async def list_doctors(department_id: UUID, others: Sequence[UUID]) -> list[Doctor]:
    """List the doctors of a department, and others by their ids, by their names' spelling.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        _DOCTORS + " WHERE p.active AND (p.department_id = $1 OR p.id = ANY ($2)) ORDER BY p.pinyin, p.code LIMIT $3",
        department_id,
        list(others),
        DOCTORS_MAX,
    )
    return [_doctor(tuple(row.values())) for row in rows]


async def name_doctors(practitioner_ids: Sequence[UUID]) -> dict[UUID, Doctor]:
    """Read who several people are.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(_DOCTORS + " WHERE p.id = ANY ($1)", list(practitioner_ids))
    return {doctor.id: doctor for doctor in (_doctor(tuple(row.values())) for row in rows)}


async def read_place(schedule_id: UUID) -> tuple[Doctor, Place]:
    """Give who is seen in a schedule and where, also where it was withdrawn since.

    Raises:
        DatabaseUnavailable.
    """
    row = (await database().fetch(_FACTS, [schedule_id], clock.now()))[0]
    practitioner_id = await database().fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedule_id)
    doctors = await name_doctors([practitioner_id])
    return doctors[practitioner_id], _place(tuple(row.values()))


async def _read_directory(_key: str) -> Directory:
    campuses = await database().fetch(
        "SELECT id, name_zh, name_en, address, latitude, longitude FROM campus WHERE active ORDER BY code LIMIT $1",
        ENTRIES_MAX,
    )
    rows = [tuple(row.values()) for row in await database().fetch(_DEPARTMENTS, ENTRIES_MAX)]
    return Directory(
        tuple(CampusEntry(row[0], Name(row[1], row[2]), *row[3:]) for row in campuses),
        tuple(DepartmentEntry(row[0], Name(row[1], row[2]), row[3], tuple(row[4])) for row in rows if row[4]),
        {row[0]: Name(row[1], row[2]) for row in rows},
    )


async def _find_open(key: tuple[date, str]) -> list[tuple[UUID, UUID]]:
    day, channel = key
    rows = await database().fetch(_OPEN, channel, clock.now(), day)
    return [(row["department_id"], row["campus_id"]) for row in rows]


async def _list_sessions(key: tuple[ScheduleFilter, str]) -> list[ClinicSession]:
    wanted, channel = key
    today = clock.today()
    return await _named(
        await openings.list_schedules(
            wanted,
            channel=channel,
            first=today,
            last=today + timedelta(days=DAYS_SHOWN - 1),
            after=None,
            limit=SESSIONS_MAX,
        )
    )


async def _named(found: Sequence[ScheduleOpening]) -> list[ClinicSession]:
    at: datetime = clock.now()
    rows = await database().fetch(_FACTS, [one.id for one in found], at) if found else []
    known = {row[0]: tuple(row.values()) for row in rows}
    return [_session(one, known[one.id]) for one in found if one.id in known]


def _session(opening: ScheduleOpening, row: tuple[Any, ...]) -> ClinicSession:
    return ClinicSession(opening, Name(*row[1:3]), Name(*row[3:5]), Name(*row[5:7]), _place(row), *row[17:])


def _place(row: tuple[Any, ...]) -> Place:
    campus_zh, campus_en, address, latitude, longitude, clinic_zh, clinic_en, room_zh, room_en, floor = row[7:17]
    clinic, room = Name(clinic_zh, clinic_en), Name(room_zh, room_en)
    return Place(Name(campus_zh, campus_en), address, latitude, longitude, clinic, room, floor)


def _doctor(row: tuple[Any, ...]) -> Doctor:
    practitioner_id, name, title_zh, title_en, department_id, zh, en, keywords, introduction = row
    treats = tuple(word for word in keywords if word)
    return Doctor(practitioner_id, name, Name(title_zh, title_en), department_id, Name(zh, en), treats, introduction)


_directory: Final = SharedReads(_read_directory)
_open: Final = SharedReads(_find_open)
_sessions: Final = SharedReads(_list_sessions)
