"""The hospital's directory, its schedules and what is open, for partners, kiosks and windows."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from booking import openings, search
from booking.catalogue import queries
from booking.catalogue.errors import EntryNotFound, RangeTooLong
from booking.catalogue.queries import Department
from booking.openings import Place, ScheduleFilter
from kernel.ids import parse_id
from open_api.calls import PartnerCall, Reply, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes

routes = Routes("catalogue")

SCOPE = "catalogue.read"
FOUND_DEFAULT = 10


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


Entry = TypeVar("Entry")


@routes.get(
    "/campuses",
    scope=SCOPE,
    query="catalogue/page_query.json",
    response="catalogue/campus_list.json",
    errors=[InvalidCursor],
)
async def list_campuses(call: PartnerCall) -> Reply:
    """List the hospital's campuses."""
    after, limit = _page_asked(call, "campuses")
    return _coded_page(call, "campuses", await queries.list_campuses(after=after, limit=limit))


@routes.get("/campuses/<campus_id:uuid>", scope=SCOPE, response="catalogue/campus.json", errors=[EntryNotFound])
async def get_campus(call: PartnerCall) -> Reply:
    """Read a campus."""
    return ok(await queries.get_campus(call.path["campus_id"]))


@routes.get(
    "/departments",
    scope=SCOPE,
    query="catalogue/department_query.json",
    response="catalogue/department_list.json",
    errors=[InvalidCursor],
)
async def list_departments(call: PartnerCall) -> Reply:
    """List departments, by their official codes."""
    after, limit = _page_asked(call, "departments")
    found = await queries.list_departments(
        campus_id=_id(call, "campus_id"), parent_id=_id(call, "parent_id"), after=after, limit=limit
    )
    return _coded_page(call, "departments", found)


@routes.get("/departments/tree", scope=SCOPE, response="catalogue/department_tree.json")
async def get_department_tree(_call: PartnerCall) -> Reply:
    """Read all departments at once, each with those that are part of it."""
    return ok({"items": _tree(await queries.all_departments())})


@routes.get(
    "/departments/<department_id:uuid>", scope=SCOPE, response="catalogue/department.json", errors=[EntryNotFound]
)
async def get_department(call: PartnerCall) -> Reply:
    """Read a department."""
    return ok(await queries.get_department(call.path["department_id"]))


@routes.get(
    "/clinics",
    scope=SCOPE,
    query="catalogue/clinic_query.json",
    response="catalogue/clinic_list.json",
    errors=[InvalidCursor],
)
async def list_clinics(call: PartnerCall) -> Reply:
    """List clinics: which department sees outpatients at which campus, and whom it admits."""
    after, limit = _page_asked(call, "clinics")
    found = await queries.list_clinics(
        department_id=_id(call, "department_id"), campus_id=_id(call, "campus_id"), after=after, limit=limit
    )
    return _coded_page(call, "clinics", found)


@routes.get("/clinics/<clinic_id:uuid>", scope=SCOPE, response="catalogue/clinic_detail.json", errors=[EntryNotFound])
async def get_clinic(call: PartnerCall) -> Reply:
    """Read a clinic with its consulting rooms."""
    clinic, rooms = await queries.get_clinic(call.path["clinic_id"])
    return ok(asdict(clinic) | {"rooms": rooms})


@routes.get(
    "/service-types",
    scope=SCOPE,
    query="catalogue/page_query.json",
    response="catalogue/service_type_list.json",
    errors=[InvalidCursor],
)
async def list_service_types(call: PartnerCall) -> Reply:
    """List the kinds of visit that can be booked."""
    after, limit = _page_asked(call, "service_types")
    return _coded_page(call, "service_types", await queries.list_service_types(after=after, limit=limit))


@routes.get(
    "/practitioners",
    scope=SCOPE,
    query="catalogue/practitioner_query.json",
    response="catalogue/practitioner_list.json",
    errors=[InvalidCursor],
)
async def list_practitioners(call: PartnerCall) -> Reply:
    """List practitioners, of the whole hospital or by department, campus, title or text."""
    after, limit = _page_asked(call, "practitioners")
    found = await queries.list_practitioners(
        department_id=_id(call, "department_id"),
        campus_id=_id(call, "campus_id"),
        title=call.query.get("title"),
        text=call.query.get("q"),
        after=after,
        limit=limit,
    )
    return _coded_page(call, "practitioners", found)


@routes.get(
    "/practitioners/<practitioner_id:uuid>",
    scope=SCOPE,
    response="catalogue/practitioner.json",
    errors=[EntryNotFound],
)
async def get_practitioner(call: PartnerCall) -> Reply:
    """Read a practitioner."""
    return ok(await queries.get_practitioner(call.path["practitioner_id"]))


@routes.get(
    "/schedules",
    scope=SCOPE,
    query="catalogue/schedule_query.json",
    response="catalogue/schedule_list.json",
    errors=[InvalidCursor, RangeTooLong],
)
async def list_schedules(call: PartnerCall) -> Reply:
    """List schedules in order of time, with what your channel may book of each now, or from when it may."""
    limit, cursor = call.query.get("limit", LIMIT_DEFAULT), call.query.get("cursor")
    found = await openings.list_schedules(
        _schedule_filter(call),
        channel=call.channel,
        first=_date(call, "date_from"),
        last=_date(call, "date_until"),
        after=_schedule_position(cursor) if cursor else None,
        limit=limit + 1,
    )
    return _page(found, limit, lambda last: write_cursor("schedules", last.starts_at.isoformat(), str(last.id)))


@routes.get(
    "/schedules/nearest",
    scope=SCOPE,
    query="catalogue/nearest_query.json",
    response="catalogue/opening_list.json",
)
async def find_nearest_openings(call: PartnerCall) -> Reply:
    """Find the slots that your channel may book soonest, or closest to where the patient is."""
    query = call.query
    found = await openings.nearest_openings(
        _schedule_filter(call),
        channel=call.channel,
        place=Place(query["latitude"], query["longitude"]) if "latitude" in query else None,
        closest_first=query.get("order") == "distance",
        limit=query.get("limit", FOUND_DEFAULT),
        first_day=_date(call, "date_from"),
    )
    return ok({"items": found})


@routes.get("/schedules/<schedule_id:uuid>", scope=SCOPE, response="catalogue/schedule.json", errors=[EntryNotFound])
async def get_schedule(call: PartnerCall) -> Reply:
    """Read a schedule with what your channel may book of it now; its slots are under GET /slots."""
    return ok(await openings.get_schedule(call.path["schedule_id"], channel=call.channel))


@routes.get("/search", scope=SCOPE, query="catalogue/search_query.json", response="catalogue/search_result.json")
async def search_catalogue(call: PartnerCall) -> Reply:
    """Find departments and practitioners by name, pinyin, initials or disease, the best first."""
    text, limit = call.query["q"], call.query.get("limit", FOUND_DEFAULT)
    departments = await search.search_departments(text, limit=limit)
    practitioners = await search.search_practitioners(text, limit=limit)
    return ok(
        {
            "departments": [{"match": hit.match, "department": hit.entry} for hit in departments],
            "practitioners": [{"match": hit.match, "practitioner": hit.entry} for hit in practitioners],
        }
    )


def _tree(departments: Sequence[Department]) -> list[dict[str, Any]]:
    """Hang every department under its parent; one whose parent is not shown stands at the top."""
    nodes: dict[UUID, dict[str, Any]] = {entry.id: asdict(entry) | {"children": []} for entry in departments}
    top: list[dict[str, Any]] = []
    for entry in departments:
        parent = nodes.get(entry.parent_id) if entry.parent_id else None
        (top if parent is None else parent["children"]).append(nodes[entry.id])
    return top


def _page_asked(call: PartnerCall, list_name: str) -> tuple[str | None, int]:
    """Give the code after which the page begins, and how many entries to read: one more than it shows."""
    cursor = call.query.get("cursor")
    after = str(read_cursor(list_name, cursor)[0]) if cursor else None
    return after, call.query.get("limit", LIMIT_DEFAULT) + 1


Coded = TypeVar("Coded", bound=_Coded)


def _coded_page(call: PartnerCall, list_name: str, found: Sequence[Coded]) -> Reply:
    limit = call.query.get("limit", LIMIT_DEFAULT)
    return _page(found, limit, lambda last: write_cursor(list_name, last.code))


def _page(found: Sequence[Entry], limit: int, cursor_after: Callable[[Entry], str]) -> Reply:
    shown = list(found[:limit])
    return page(shown, next_cursor=cursor_after(shown[-1]) if len(found) > limit else None)


def _schedule_position(cursor: str) -> tuple[datetime, UUID]:
    starts_at, schedule_id = read_cursor("schedules", cursor)
    return datetime.fromisoformat(str(starts_at)), UUID(str(schedule_id))


def _schedule_filter(call: PartnerCall) -> ScheduleFilter:
    return ScheduleFilter(
        department_id=_id(call, "department_id"),
        practitioner_id=_id(call, "practitioner_id"),
        clinic_id=_id(call, "clinic_id"),
        campus_id=_id(call, "campus_id"),
        service_type=call.query.get("service_type"),
    )


def _id(call: PartnerCall, name: str) -> UUID | None:
    return parse_id(call.query[name]) if name in call.query else None


def _date(call: PartnerCall, name: str) -> date | None:
    return date.fromisoformat(call.query[name]) if name in call.query else None
