"""The hospital's directory as its callers read it: campuses, departments, clinics, service types, practitioners.

Lists hold what is active, in order of code, and go on after the last code of the page before. An entry read by its
id may have been switched off since: old appointments still name it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from booking.catalogue.errors import EntryNotFound
from booking.catalogue.search_text import PRACTITIONER_TEXT, fits, query_forms
from kernel import clock
from kernel.db import Row, database

DEPARTMENTS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Campus:
    """A site of the hospital. Degrees, WGS 84."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    address: str
    latitude: float
    longitude: float
    active: bool


@dataclass(frozen=True, slots=True)
class Department:
    """A clinical department; `code` is the official subject code."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    pinyin: str
    initials: str
    parent_id: UUID | None
    active: bool


@dataclass(frozen=True, slots=True)
class Clinic:
    """A department's clinic at one campus, and whom it admits; ages in completed years, both included."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    department_id: UUID
    campus_id: UUID
    sex_allowed: int | None
    age_years_min: int | None
    age_years_max: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class Room:
    """A consulting room."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    floor: str


@dataclass(frozen=True, slots=True)
class ServiceType:
    """A kind of visit."""

    code: str
    name_zh: str
    name_en: str
    active: bool


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Somebody whom patients book. sex: GB/T 2261.1."""

    id: UUID
    code: str
    name: str
    pinyin: str
    initials: str
    title: str
    sex: int
    department_id: UUID
    keywords: tuple[str, ...]
    introduction: str
    active: bool


CAMPUS_COLUMNS: Final = "e.id, e.code, e.name_zh, e.name_en, e.address, e.latitude, e.longitude, e.active"
DEPARTMENT_COLUMNS: Final = "e.id, e.code, e.name_zh, e.name_en, e.pinyin, e.initials, e.parent_id, e.active"
CLINIC_COLUMNS: Final = (
    "e.id, e.code, e.name_zh, e.name_en, e.department_id, e.campus_id, e.sex_allowed, e.age_years_min,"
    " e.age_years_max, e.active"
)
PRACTITIONER_COLUMNS: Final = (
    "e.id, e.code, e.name, e.pinyin, e.initials, e.title, e.sex, e.department_id,"
    " string_to_array(e.keywords, ' ') AS keywords, e.introduction, e.active"
)


async def list_campuses(*, after: str | None, limit: int) -> list[Campus]:
    """List the campuses."""
    return [Campus(*row) for row in await _list("campus", CAMPUS_COLUMNS, after, limit)]


async def get_campus(campus_id: UUID) -> Campus:
    """Read a campus.

    Raises:
        EntryNotFound.
    """
    return Campus(*await _get("campus", CAMPUS_COLUMNS, campus_id))


async def list_departments(
    *, campus_id: UUID | None, parent_id: UUID | None, after: str | None, limit: int
) -> list[Department]:
    """List departments, all or those with a clinic at a campus, or those that are part of one."""
    at_campus = "EXISTS (SELECT FROM clinic c WHERE c.department_id = e.id AND c.active AND c.campus_id = {})"
    rows = await _list(
        "department", DEPARTMENT_COLUMNS, after, limit, (at_campus, campus_id), ("e.parent_id = {}", parent_id)
    )
    return [Department(*row) for row in rows]


async def all_departments() -> list[Department]:
    """List every active department, for the tree."""
    return [Department(*row) for row in await _list("department", DEPARTMENT_COLUMNS, None, DEPARTMENTS_MAX)]


async def get_department(department_id: UUID) -> Department:
    """Read a department.

    Raises:
        EntryNotFound.
    """
    return Department(*await _get("department", DEPARTMENT_COLUMNS, department_id))


async def list_clinics(
    *, department_id: UUID | None, campus_id: UUID | None, after: str | None, limit: int
) -> list[Clinic]:
    """List clinics, all or those of a department or campus."""
    rows = await _list(
        "clinic", CLINIC_COLUMNS, after, limit, ("e.department_id = {}", department_id), ("e.campus_id = {}", campus_id)
    )
    return [Clinic(*row) for row in rows]


async def get_clinic(clinic_id: UUID) -> tuple[Clinic, list[Room]]:
    """Read a clinic with its rooms.

    Raises:
        EntryNotFound.
    """
    clinic = Clinic(*await _get("clinic", CLINIC_COLUMNS, clinic_id))
    rooms = await database().fetch(
        "SELECT id, code, name_zh, name_en, floor FROM room WHERE clinic_id = $1 AND active ORDER BY code", clinic_id
    )
    return clinic, [Room(*row) for row in rooms]


async def list_service_types(*, after: str | None, limit: int) -> list[ServiceType]:
    """List the service types."""
    rows = await _list("service_type", "e.code, e.name_zh, e.name_en, e.active", after, limit)
    return [ServiceType(*row) for row in rows]


async def list_practitioners(
    *,
    department_id: UUID | None,
    campus_id: UUID | None,
    title: str | None,
    text: str | None,
    after: str | None,
    limit: int,
) -> list[Practitioner]:
    """List practitioners; at a campus are those who have a coming schedule there."""
    at_campus = (
        "EXISTS (SELECT FROM schedule s WHERE s.practitioner_id = e.id AND s.status = 'active'"
        " AND s.clinic_date >= {}::date AND s.campus_id = {}::uuid)"
    )
    holds_text = (
        "e.id IN (SELECT p.id FROM unnest({}::text[]) AS f (q) JOIN practitioner p ON "  # noqa: S608  our own constants
        + fits(PRACTITIONER_TEXT, "f.q")
        + ")"
    )
    rows = await _list(
        "practitioner",
        PRACTITIONER_COLUMNS,
        after,
        limit,
        ("e.department_id = {}", department_id),
        ("e.title = {}", title),
        (at_campus, (clock.today(), campus_id) if campus_id else None),
        (holds_text, query_forms(text) if text else None),
    )
    return [Practitioner(*row) for row in rows]


async def get_practitioner(practitioner_id: UUID) -> Practitioner:
    """Read a practitioner.

    Raises:
        EntryNotFound.
    """
    return Practitioner(*await _get("practitioner", PRACTITIONER_COLUMNS, practitioner_id))


async def _list(table: str, columns: str, after: str | None, limit: int, *filters: tuple[str, Any]) -> Sequence[Row]:
    """Read a page; a filter is a condition with a place for its value (a tuple: for each), None leaves it off."""
    conditions: list[str] = ["e.active"]
    values: list[Any] = []
    for condition, value in (("e.code > {}", after), *filters):
        if value is not None:
            given = value if isinstance(value, tuple) else (value,)
            places = [f"${len(values) + n}" for n, _ in enumerate(given, 1)]
            conditions.append(condition.format(*places))
            values += given
    statement = (
        f"SELECT {columns} FROM {table} e WHERE {' AND '.join(conditions)}"  # noqa: S608  our own constants alone
        f" ORDER BY e.code LIMIT ${len(values) + 1}"
    )
    return await database().fetch(statement, *values, limit)


async def _get(table: str, columns: str, entry_id: UUID) -> Row:
    row = await database().fetchrow(f"SELECT {columns} FROM {table} e WHERE e.id = $1", entry_id)  # noqa: S608  the same
    if row is None:
        raise EntryNotFound(entity=table)
    return row


@dataclass(frozen=True, slots=True)
class CodeNames:
    """Names by code, of what was asked for and is known; a department's by language (`zh`, `en`)."""

    departments: Mapping[str, Mapping[str, str]]
    practitioners: Mapping[str, str]


async def names_of_codes(*, departments: Collection[str], practitioners: Collection[str]) -> CodeNames:
    """Give the names of departments and practitioners by code, those switched off included: old bills name them.

    Raises:
        DatabaseUnavailable.
    """
    found = await database().fetch(
        "SELECT code, name_zh AS zh, name_en AS en FROM department WHERE code = ANY ($1)", list(departments)
    )
    people = await database().fetch("SELECT code, name FROM practitioner WHERE code = ANY ($1)", list(practitioners))
    return CodeNames(
        {row["code"]: {"zh": row["zh"], "en": row["en"]} for row in found}, {row["code"]: row["name"] for row in people}
    )
