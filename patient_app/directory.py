"""Finding a department, a doctor and a time: what anybody may look at, signed in or not."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from booking import availability, browsing, search
from booking.browsing import ClinicSession, DepartmentEntry, Directory, Doctor, Name
from booking.catalogue.errors import EntryNotFound
from kernel import clock
from kernel.db import DatabaseUnavailable
from open_api.calls import Reply, ok
from patient_app.calls import CHANNEL, PatientCall
from patient_app.routing import Routes

routes = Routes("directory")

FOUND_MAX: Final = 20
TREATS_MAX: Final = 6
# A day is as good as the best of its sessions.
_BEST_FIRST: Final = ("free", "soon", "full", "stopped")


@routes.get("/directory", response="app/directory.json", errors=[DatabaseUnavailable], is_public=True)
async def get_directory(call: PatientCall) -> Reply:
    """Read the campuses, and the departments that see outpatients, under their headings."""
    found = await browsing.read_directory()
    campuses = [
        {
            "id": one.id,
            "name": said(one.name, call.language),
            "address": one.address,
            "latitude": one.latitude,
            "longitude": one.longitude,
        }
        for one in found.campuses
    ]
    return ok({"campuses": campuses, "groups": _groups(found, call.language)})


@routes.get(
    "/directory/open",
    query="app/open_query.json",
    response="app/open_departments.json",
    errors=[DatabaseUnavailable],
    is_public=True,
)
async def list_open_departments(call: PatientCall) -> Reply:
    """List the departments that have something free on a day, and at which campuses."""
    day = date.fromisoformat(call.query["date"])
    campuses: dict[UUID, list[UUID]] = {}
    for department_id, campus_id in await browsing.find_open_departments(day, channel=CHANNEL):
        campuses.setdefault(department_id, []).append(campus_id)
    items = [{"department_id": one, "campus_ids": sorted(campuses[one])} for one in sorted(campuses)]
    return ok({"date": day, "items": items})


@routes.get(
    "/directory/search",
    query="app/search_query.json",
    response="app/search_result.json",
    errors=[DatabaseUnavailable],
    is_public=True,
)
async def search_directory(call: PatientCall) -> Reply:
    """Find departments and doctors by name, pinyin, initials or what they treat, the best first."""
    text = call.query["q"]
    departments = await search.search_departments(text, limit=FOUND_MAX)
    practitioners = await search.search_practitioners(text, limit=FOUND_MAX)
    seen = {one.id for one in (await browsing.read_directory()).departments}
    doctors = await browsing.name_doctors([hit.entry.id for hit in practitioners])
    return ok(
        {
            "departments": [
                {"id": hit.entry.id, "name": said(Name(hit.entry.name_zh, hit.entry.name_en), call.language)}
                for hit in departments
                if hit.entry.id in seen
            ],
            "doctors": [render_doctor(doctors[hit.entry.id], call.language) for hit in practitioners],
        }
    )


@routes.get(
    "/departments/<department_id:uuid>",
    query="app/department_query.json",
    response="app/department.json",
    errors=[EntryNotFound, DatabaseUnavailable],
    is_public=True,
)
async def get_department(call: PatientCall) -> Reply:
    """Read a department's days, and who sees patients there on one of them; without a day, on the first with a seat."""
    department_id: UUID = call.path["department_id"]
    entry = _entry(await browsing.read_directory(), department_id)
    sessions = await browsing.list_department_sessions(department_id, channel=CHANNEL)
    doctors = await browsing.list_doctors(department_id, [one.opening.practitioner_id for one in sessions])
    days = _days(sessions)
    asked = call.query.get("date")
    day = date.fromisoformat(asked) if asked else _first_day(sessions)
    shown = [_doctor_of_day(doctor, sessions, day, call.language) for doctor in doctors]
    shown.sort(key=_soonest_first)
    return ok(
        {
            "id": entry.id,
            "name": said(entry.name, call.language),
            "date": day,
            "days": days,
            "doctors": shown,
        }
    )


@routes.get(
    "/doctors/<practitioner_id:uuid>",
    response="app/doctor.json",
    errors=[EntryNotFound, DatabaseUnavailable],
    is_public=True,
)
async def get_doctor(call: PatientCall) -> Reply:
    """Read who a doctor is, and their sessions of the coming days."""
    doctor = await browsing.get_doctor(call.path["practitioner_id"])
    sessions = await browsing.list_doctor_sessions(doctor.id, channel=CHANNEL)
    return ok(
        {
            **render_doctor(doctor, call.language, treats_max=None),
            "introduction": doctor.introduction,
            "days": _days(sessions),
            "sessions": [render_session(one, call.language) for one in sessions if one.state != "over"],
        }
    )


@routes.get(
    "/clinic-sessions/<schedule_id:uuid>",
    response="app/seats.json",
    errors=[EntryNotFound, DatabaseUnavailable],
    is_public=True,
)
async def list_seats(call: PatientCall) -> Reply:
    """Read a session's half hours, with the numbers left of each."""
    schedule_id: UUID = call.path["schedule_id"]
    session = await browsing.get_session(schedule_id, channel=CHANNEL)
    bands = orjson.loads(f"[{await availability.slots_of_schedule(schedule_id, CHANNEL)}]")
    now = clock.now()
    return ok(
        {
            **render_session(session, call.language),
            "practitioner_id": session.opening.practitioner_id,
            "practitioner": session.opening.practitioner_name,
            "title": said(session.title, call.language),
            "department_id": session.opening.department_id,
            "department": said(session.department, call.language),
            "bands": [
                {
                    "slot_id": band["id"],
                    "starts_at": band["starts_at"],
                    "ends_at": band["ends_at"],
                    "available": band["available"],
                }
                for band in bands
                if datetime.fromisoformat(band["starts_at"]) > now
            ],
        }
    )


def said(name: Name, language: str) -> str:
    """Give a name in the language asked for."""
    return name.en if language == "en" else name.zh


def render_doctor(doctor: Doctor, language: str, *, treats_max: int | None = TREATS_MAX) -> dict[str, Any]:
    """Shape who a doctor is."""
    return {
        "id": doctor.id,
        "name": doctor.name,
        "title": said(doctor.title, language),
        "department_id": doctor.department_id,
        "department": said(doctor.department, language),
        "treats": list(doctor.keywords[:treats_max]),
    }


def render_session(session: ClinicSession, language: str) -> dict[str, Any]:
    """Shape a doctor's half day."""
    opening, place = session.opening, session.place
    return {
        "schedule_id": opening.id,
        "date": opening.date,
        "period": opening.period,
        "starts_at": opening.starts_at,
        "ends_at": opening.ends_at,
        "state": session.state,
        "available": opening.available,
        "opens_at": opening.opens_at,
        "fee_fen": opening.fee_fen,
        "service": said(session.service, language),
        "campus_id": opening.campus_id,
        "campus": said(place.campus, language),
        "clinic": said(place.clinic, language),
        "room": said(place.room, language),
    }


def _groups(found: Directory, language: str) -> list[dict[str, Any]]:
    """Put departments under their headings, in order of code; the first group is of those that have none."""
    groups: dict[UUID | None, list[DepartmentEntry]] = {None: []}
    parents = {one.parent_id for one in found.departments}
    for one in found.departments:
        # A department with others below it that sees patients itself stands among them.
        heading = one.parent_id or (one.id if one.id in parents else None)
        groups.setdefault(heading, []).append(one)
    return [
        {
            "id": heading,
            "name": said(found.headings[heading], language) if heading in found.headings else None,
            "departments": [
                {"id": one.id, "name": said(one.name, language), "campus_ids": sorted(one.campus_ids)}
                for one in departments
            ],
        }
        for heading, departments in groups.items()
        if departments
    ]


def _entry(found: Directory, department_id: UUID) -> DepartmentEntry:
    """Raises: EntryNotFound."""
    entry = next((one for one in found.departments if one.id == department_id), None)
    if entry is None:
        raise EntryNotFound(entity="department")
    return entry


def _days(sessions: Iterable[ClinicSession]) -> list[dict[str, Any]]:
    """Say how each of the days shown stands; a day without sessions is `none`."""
    states: dict[date, list[str]] = {}
    for one in sessions:
        if one.state != "over":
            states.setdefault(one.opening.date, []).append(one.state)
    today = clock.today()
    return [
        {"date": day, "state": min(states[day], key=_BEST_FIRST.index) if day in states else "none"}
        for day in (today + timedelta(days=ahead) for ahead in range(browsing.DAYS_SHOWN))
    ]


def _first_day(sessions: Sequence[ClinicSession]) -> date:
    return next((one.opening.date for one in sessions if one.state == "free"), clock.today())


def _doctor_of_day(doctor: Doctor, sessions: Sequence[ClinicSession], day: date, language: str) -> dict[str, Any]:
    """Shape a doctor with their sessions of a day, and the next day with a seat where it has none."""
    mine = [one for one in sessions if one.opening.practitioner_id == doctor.id]
    of_day = [one for one in mine if one.opening.date == day and one.state != "over"]
    is_free = any(one.state == "free" for one in of_day)
    later = (one.opening.date for one in mine if one.state == "free" and one.opening.date > day)
    return {
        **render_doctor(doctor, language),
        "sessions": [render_session(one, language) for one in of_day],
        "next_date": None if is_free else next(later, None),
    }


def _soonest_first(shown: dict[str, Any]) -> tuple[int, str]:
    """Put those with a seat on the day first, then by the next day with one."""
    if any(one["state"] == "free" for one in shown["sessions"]):
        return 0, str(shown["sessions"][0]["starts_at"])
    rank = 1 if shown["sessions"] else 2 if shown["next_date"] else 3
    return rank, str(shown["next_date"] or "~")
