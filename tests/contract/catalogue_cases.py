"""Cases of the directory, schedules and search."""

import httpx

from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.catalogue import add_department, add_practitioner
from tests.factories.open_api import OpenApi

LISTS = ("/campuses", "/departments", "/clinics", "/service-types", "/practitioners")
BY_ID = {
    "/campuses/<campus_id:uuid>": "campus",
    "/departments/<department_id:uuid>": "department",
    "/clinics/<clinic_id:uuid>": "clinic",
    "/practitioners/<practitioner_id:uuid>": "practitioner",
    "/schedules/<schedule_id:uuid>": "schedule",
}
FORGED = "AAAAAAAAAAAAAAAAAAAA"


def _declare_lists() -> None:
    for path in LISTS:

        @case(f"GET {path}")
        async def listed(api: OpenApi, path: str = path) -> httpx.Response:
            await api.hospital.schedule(seats=1)
            answer = await api.portal.get(path)
            assert answer.json()["items"], "a list of something"
            return answer

        @case(f"GET {path}", "request.invalid_cursor")
        async def forged(api: OpenApi, path: str = path) -> httpx.Response:
            return await api.portal.get(path, params={"cursor": FORGED})


def _declare_reads() -> None:
    for path, table in BY_ID.items():
        folder = path.partition("<")[0]

        @case(f"GET {path}")
        async def read(api: OpenApi, folder: str = folder, table: str = table) -> httpx.Response:
            await api.hospital.schedule(seats=1)
            return await api.portal.get(folder + str(await api.db.fetchval(f"SELECT id FROM {table} LIMIT 1")))

        @case(f"GET {path}", "catalogue.not_found")
        async def absent(api: OpenApi, folder: str = folder) -> httpx.Response:
            return await api.portal.get(folder + str(new_id()))


_declare_lists()
_declare_reads()


@case("GET /departments/tree")
async def tree(api: OpenApi) -> httpx.Response:
    top = await add_department(api.db, "内科", code="03")
    await add_department(api.db, "呼吸内科", code="03.01", parent=top)
    answer = await api.portal.get("/departments/tree")
    [inner] = [entry for entry in answer.json()["items"] if entry["code"] == "03"]
    assert [child["code"] for child in inner["children"]] == ["03.01"]
    return answer


@case("GET /schedules")
async def schedules(api: OpenApi) -> httpx.Response:
    await api.hospital.schedule(seats=3)
    return await api.portal.get("/schedules", params={"department_id": str(api.hospital.department_id)})


@case("GET /schedules", "request.invalid_cursor")
async def schedules_forged(api: OpenApi) -> httpx.Response:
    query = {"department_id": str(api.hospital.department_id), "cursor": FORGED}
    return await api.portal.get("/schedules", params=query)


@case("GET /schedules", "catalogue.range_too_long")
async def schedules_of_a_year(api: OpenApi) -> httpx.Response:
    query = {"department_id": str(new_id()), "date_from": "2026-01-01", "date_until": "2026-12-31"}
    return await api.portal.get("/schedules", params=query)


@case("GET /schedules/nearest")
async def nearest(api: OpenApi) -> httpx.Response:
    await api.hospital.schedule(seats=3)
    place = {"latitude": "23.1331", "longitude": "113.2644", "order": "distance"}
    answer = await api.portal.get("/schedules/nearest", params={"service_type": "general", **place})
    assert len(answer.json()["items"]) == 1
    return answer


@case("GET /search")
async def search(api: OpenApi) -> httpx.Response:
    lungs = await add_department(api.db, "呼吸内科", code="03.01")
    await add_practitioner(api.db, "曾小明", lungs, keywords="咳嗽")
    answer = await api.portal.get("/search", params={"q": "咳嗽"})
    assert [hit["practitioner"]["name"] for hit in answer.json()["practitioners"]] == ["曾小明"]
    return answer
