"""Cases of the waitlist."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from kernel import clock
from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import Caller, OpenApi

JOIN = "POST /waitlist"
ENTRY = "GET /waitlist/<entry_id:uuid>"
OFFERS = "GET /waitlist/<entry_id:uuid>/offers"
WITHDRAW = "POST /waitlist/<entry_id:uuid>/withdraw"
OFFER = "GET /waitlist/offers/<offer_id:uuid>"
ACCEPT = "POST /waitlist/offers/<offer_id:uuid>/accept"
DECLINE = "POST /waitlist/offers/<offer_id:uuid>/decline"


async def _full(api: OpenApi) -> tuple[ScheduleUnderTest, UUID]:
    """A schedule of one number, and the appointment that has it."""
    schedule = await api.hospital.schedule(seats=1)
    return schedule, await api.book(schedule.slots[0], await api.patient())


async def _join(
    api: OpenApi, patient: UUID, target: UUID, kind: str = "schedule", caller: Caller | None = None, **more: Any
) -> httpx.Response:
    body = {"target_kind": kind, "target_id": str(target), "patient_id": str(patient)} | more
    return await (caller or api.portal).post("/waitlist", body)


async def _entry(api: OpenApi, schedule: ScheduleUnderTest) -> str:
    answer = await _join(api, await api.patient(), schedule.id)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def offered(api: OpenApi) -> tuple[str, str]:
    """An entry and its open offer."""
    schedule, appointment = await _full(api)
    entry = await _entry(api, schedule)
    assert (await api.portal.post(f"/appointments/{appointment}/cancel", {})).status_code == 200
    return entry, str((await api.portal.get(f"/waitlist/{entry}")).json()["offer_id"])


def _days(first: int, last: int) -> dict[str, Any]:
    today = clock.today()
    return {
        "date_from": (today + timedelta(days=first)).isoformat(),
        "date_until": (today + timedelta(days=last)).isoformat(),
    }


@case(JOIN)
async def join(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    answer = await _join(
        api, await api.patient(), api.hospital.department_id, "department", periods=["morning"], **_days(0, 30)
    )
    assert (answer.json()["position"], answer.json()["waiting"]) == (1, 1)
    return await _join(api, await api.patient(), schedule.id)


@case(JOIN, "waitlist.target_not_found")
async def join_nothing(api: OpenApi) -> httpx.Response:
    patient = await api.patient()
    for kind in ("practitioner", "department"):
        assert (await _join(api, patient, new_id(), kind, **_days(0, 3))).status_code == 404
    return await _join(api, patient, new_id())


@case(JOIN, "waitlist.dates_invalid")
async def join_the_past(api: OpenApi) -> httpx.Response:
    patient, department = await api.patient(), api.hospital.department_id
    for first, last in ((3, 2), (0, 31)):
        assert (await _join(api, patient, department, "department", **_days(first, last))).status_code == 422
    return await _join(api, patient, department, "department", **_days(-1, 1))


@case(JOIN, "waitlist.closed")
async def join_too_late(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, starts_in=timedelta(minutes=50))
    return await _join(api, await api.patient(), schedule.id)


@case(JOIN, "waitlist.seats_available")
async def join_where_seats_are_free(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    patient = await api.patient()
    over_days = await _join(api, patient, api.hospital.department_id, "department", **_days(0, 5))
    assert over_days.json()["schedule_id"] == str(schedule.id)
    return await _join(api, patient, schedule.id)


@case(JOIN, "waitlist.already_waiting")
async def join_twice(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    patient = await api.patient()
    first = await _join(api, patient, schedule.id)
    second = await _join(api, patient, schedule.id)
    assert second.json()["entry_id"] == first.json()["id"]
    return second


@case(JOIN, "waitlist.limit_reached")
async def join_too_often(api: OpenApi) -> httpx.Response:
    await api.rule(waitlist_limit=1)
    one, _ = await _full(api)
    other, _ = await _full(api)
    patient = await api.patient()
    assert (await _join(api, patient, one.id)).status_code == 201
    answer = await _join(api, patient, other.id)
    assert answer.json()["limit"] == 1
    return answer


@case(JOIN, "waitlist.priority_not_allowed")
async def join_as_urgent(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    patient = await api.patient()
    by_staff = await _join(api, await api.patient(), schedule.id, caller=api.kiosk, priority="urgent")
    assert by_staff.json()["priority"] == "urgent"
    return await _join(api, patient, schedule.id, priority="urgent")


@case(JOIN, "booking.not_released")
async def join_before_the_release(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, opens_at=clock.now() + timedelta(hours=1))
    return await _join(api, await api.patient(), schedule.id)


@case(JOIN, "booking.patient_not_found")
async def join_as_nobody(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    return await _join(api, new_id(), schedule.id)


@case(JOIN, "booking.patient_not_eligible")
async def join_a_clinic_for_others(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    await api.db.execute("UPDATE clinic SET sex_allowed = 2 WHERE id = $1", api.hospital.clinic_id)
    return await _join(api, await api.patient(sex=1), schedule.id)


@case(JOIN, "booking.already_booked")
async def join_with_a_number(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    same_day = await api.hospital.schedule(seats=1)
    patient = await api.patient()
    appointment = await api.book(same_day.slots[0], patient)
    answer = await _join(api, patient, schedule.id)
    assert answer.json()["appointment_id"] == str(appointment)
    return answer


@case("GET /waitlist")
async def entries(api: OpenApi) -> httpx.Response:
    schedule, _ = await _full(api)
    ids = [await _entry(api, schedule) for _ in range(3)]
    first = await api.portal.get("/waitlist", params={"limit": 2, "status": "waiting", "target_id": str(schedule.id)})
    second = await api.portal.get("/waitlist", params={"limit": 2, "cursor": first.json()["next"]})
    assert [entry["id"] for entry in first.json()["items"] + second.json()["items"]] == ids[::-1]
    assert [entry["position"] for entry in first.json()["items"]] == [3, 2]
    nobody = await api.client()
    assert (await nobody.get("/waitlist")).json()["items"] == []
    return second


@case("GET /waitlist", "request.invalid_cursor")
async def entries_after_nonsense(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/waitlist", params={"cursor": "nonsense"})


@case(ENTRY)
async def read(api: OpenApi) -> httpx.Response:
    entry, offer = await offered(api)
    answer = await api.portal.get(f"/waitlist/{entry}")
    assert answer.json()["offer_id"] == offer
    return answer


@case(OFFERS)
async def offers(api: OpenApi) -> httpx.Response:
    entry, offer = await offered(api)
    answer = await api.portal.get(f"/waitlist/{entry}/offers")
    [shown] = answer.json()["items"]
    assert (shown["id"], shown["status"]) == (offer, "open")
    assert 1780 <= shown["seconds_left"] <= 1800
    return answer


@case(OFFER)
async def offer_read(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/waitlist/offers/{(await offered(api))[1]}")


@case(WITHDRAW)
async def withdraw(api: OpenApi) -> httpx.Response:
    entry, _ = await offered(api)
    return await api.portal.post(f"/waitlist/{entry}/withdraw")


@case(WITHDRAW, "waitlist.entry_ended")
async def withdraw_twice(api: OpenApi) -> httpx.Response:
    await withdraw(api)
    entry = (await api.portal.get("/waitlist")).json()["items"][0]["id"]
    return await api.portal.post(f"/waitlist/{entry}/withdraw")


@case(ACCEPT)
async def accept(api: OpenApi) -> httpx.Response:
    _, offer = await offered(api)
    answer = await api.portal.post(f"/waitlist/offers/{offer}/accept")
    assert answer.json()["status"] == "booked"
    return answer


@case(DECLINE)
async def decline(api: OpenApi) -> httpx.Response:
    _, offer = await offered(api)
    return await api.portal.post(f"/waitlist/offers/{offer}/decline")


def _declare_absences() -> None:
    for operation, path, code in (
        (ENTRY, "", "entry_not_found"),
        (OFFERS, "/offers", "entry_not_found"),
        (WITHDRAW, "/withdraw", "entry_not_found"),
        (OFFER, "", "offer_not_found"),
        (ACCEPT, "/accept", "offer_not_found"),
        (DECLINE, "/decline", "offer_not_found"),
    ):

        @case(operation, f"waitlist.{code}")
        async def of_nothing(api: OpenApi, operation: str = operation, path: str = path) -> httpx.Response:
            """Not there, and another's: the answer is the same."""
            folder = "/waitlist/offers" if "offer_id" in operation else "/waitlist"
            stranger = await api.client()
            entry, offer = await offered(api)
            others = f"{folder}/{offer if 'offer_id' in operation else entry}{path}"
            send = stranger.get if operation.startswith("GET") else stranger.post
            assert (await send(others)).status_code == 404
            return await send(f"{folder}/{new_id()}{path}")


def _declare_ends() -> None:
    for operation, path in ((ACCEPT, "accept"), (DECLINE, "decline")):

        @case(operation, "waitlist.offer_ended")
        async def of_the_past(api: OpenApi, path: str = path) -> httpx.Response:
            _, offer = await offered(api)
            assert (await api.portal.post(f"/waitlist/offers/{offer}/decline")).status_code == 200
            answer = await api.portal.post(f"/waitlist/offers/{offer}/{path}")
            assert answer.json()["current_status"] == "declined"
            return answer


_declare_absences()
_declare_ends()
