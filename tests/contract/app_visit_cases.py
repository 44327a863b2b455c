"""Cases of a member's visits on the patient surface."""

from datetime import timedelta
from uuid import UUID

import httpx

from tests.contract.app_cases import app_case
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, open_to_app
from tests.factories.stops import stop_and_finish


async def booked(api: OpenApi, phone: Phone, *, seats: int = 2, status: str | None = None) -> str:
    """A visit of a new member the day after tomorrow, and two free times the day after; gives its address."""
    own = await phone.add_member()
    schedule = await open_to_app(api.hospital, await api.hospital.schedule(seats=seats))
    await open_to_app(api.hospital, await api.hospital.schedule(seats=2, starts_in=timedelta(days=3)))
    visit = await api.book(schedule.slots[0], own, api.kiosk)
    if status is not None:
        await api.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", visit, status)
    return f"/members/{own}/appointments/{visit}"


async def stopped(api: OpenApi, phone: Phone) -> str:
    """A visit whose clinic was stopped, with other times offered; gives its address."""
    path = await booked(api, phone)
    row = await api.db.fetchrow(
        "SELECT schedule_id, clinic_date, starts_at FROM appointment WHERE id = $1", UUID(path[-36:])
    )
    assert row is not None
    schedule = ScheduleUnderTest(row["schedule_id"], [], row["clinic_date"], row["starts_at"])
    await stop_and_finish(schedule, steps=("offer", "cancel"))
    return path


async def a_time(phone: Phone, path: str) -> dict[str, str]:
    """The first time that is offered at an address."""
    offered = (await phone.get(path)).json()
    return {"slot_id": offered["clinics"][0]["times"][0]["slot_id"]}


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get((await booked(api, phone)).rpartition("/")[0])


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(await booked(api, phone))


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/order")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await booked(api, phone)}/order")


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/cancel")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await booked(api, phone)}/cancel")


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/times")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"{await booked(api, phone)}/times")


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/reschedule")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    path = await booked(api, phone)
    return await phone.post(f"{path}/reschedule", await a_time(phone, f"{path}/times"))


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/stop")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"{await stopped(api, phone)}/stop")


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/stop/choose")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    path = await stopped(api, phone)
    return await phone.post(f"{path}/stop/choose", await a_time(phone, f"{path}/stop"))


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/stop/decline")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await stopped(api, phone)}/stop/decline")


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/follow-up/times")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"{await booked(api, phone, status='fulfilled')}/follow-up/times")


@app_case("POST /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/follow-up")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    path = await booked(api, phone, status="fulfilled")
    return await phone.post(f"{path}/follow-up", await a_time(phone, f"{path}/follow-up/times"))
