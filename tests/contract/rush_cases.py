"""Cases of the waiting room at release time."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from booking.rush.drawing import order_tickets
from kernel import clock
from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import Caller, OpenApi, registration
from tests.factories.rush import mark, rule
from tests.factories.slot_office import restore_reference_data

JOIN = "POST /rush-tickets"
TICKET = "GET /rush-tickets/<ticket_id:uuid>"
WITHDRAW = "POST /rush-tickets/<ticket_id:uuid>/withdraw"
ROOM = "GET /schedules/<schedule_id:uuid>/rush"
DRAW = "GET /rushes/<rush_id:uuid>/draw"
DEVICE = {"device-id": "installation-1"}


async def _hot(api: OpenApi, *, opens_in: timedelta = timedelta(minutes=5), seats: int = 1) -> ScheduleUnderTest:
    schedule = await api.hospital.schedule(seats=seats, opens_at=clock.now() + opens_in)
    await mark(api.hospital, schedule_id=schedule.id)
    return schedule


async def _rushing(api: OpenApi, *, seats: int = 1) -> ScheduleUnderTest:
    """A hot schedule whose numbers have just been released."""
    return await _hot(api, opens_in=-timedelta(seconds=20), seats=seats)


async def _join(
    api: OpenApi, schedule: UUID, patient: UUID, *, caller: Caller | None = None, headers: Any = None
) -> httpx.Response:
    body = {"schedule_id": str(schedule), "patient_id": str(patient)}
    return await (caller or api.portal).post("/rush-tickets", body, headers=DEVICE if headers is None else headers)


async def _ticket(api: OpenApi, schedule: ScheduleUnderTest, patient: UUID | None = None) -> dict[str, Any]:
    answer = await _join(api, schedule.id, patient or await api.patient())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@case(ROOM)
async def room(api: OpenApi) -> httpx.Response:
    ordinary = await api.hospital.schedule(seats=1)
    shown = (await api.portal.get(f"/schedules/{ordinary.id}/rush")).json()
    assert (shown["is_hot"], shown["joins_at"]) == (False, None)
    schedule = await _hot(api)
    ticket = await _ticket(api, schedule)
    answer = await api.portal.get(f"/schedules/{schedule.id}/rush")
    assert (answer.json()["rush_id"], answer.json()["commitment"]) == (ticket["rush_id"], ticket["commitment"])
    return answer


@case(ROOM, "rush.not_found")
async def room_of_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/schedules/{new_id()}/rush")


@case(JOIN)
async def join(api: OpenApi) -> httpx.Response:
    schedule = await _hot(api)
    patient = await api.patient()
    answer = await _join(api, schedule.id, patient)
    again = await _join(api, schedule.id, patient, headers={"device-id": "installation-2"})
    assert again.json()["id"] == answer.json()["id"]
    assert (answer.json()["place"], answer.json()["outlook"], answer.json()["joined"]) == (None, "likely", 1)
    assert answer.headers["location"] == f"/open/v1/rush-tickets/{answer.json()['id']}"
    assert answer.headers["retry-after"] == str(answer.json()["ask_again_seconds"])
    return answer


@case(JOIN, "rush.not_found")
async def join_nothing(api: OpenApi) -> httpx.Response:
    return await _join(api, new_id(), await api.patient())


@case(JOIN, "rush.not_needed")
async def join_an_ordinary_schedule(api: OpenApi) -> httpx.Response:
    hot = await _hot(api)
    assert (await _join(api, hot.id, await api.patient(api.kiosk), caller=api.kiosk)).status_code == 409
    return await _join(api, (await api.hospital.schedule(seats=1)).id, await api.patient())


@case(JOIN, "rush.not_open")
async def join_too_early(api: OpenApi) -> httpx.Response:
    schedule = await _hot(api, opens_in=timedelta(hours=1))
    return await _join(api, schedule.id, await api.patient())


@case(JOIN, "rush.device_required")
async def join_from_no_device(api: OpenApi) -> httpx.Response:
    return await _join(api, (await _hot(api)).id, await api.patient(), headers={})


@case(JOIN, "rush.limit_reached")
async def join_too_many(api: OpenApi) -> httpx.Response:
    patient = await api.patient()
    opens_in = timedelta(minutes=5)
    at = clock.now() + opens_in
    schedules = [await api.hospital.schedule(seats=1, opens_at=at) for _ in range(4)]
    for schedule in schedules:
        await mark(api.hospital, schedule_id=schedule.id)
        answer = await _join(api, schedule.id, patient)
    assert answer.json()["limit"] == 3
    return answer


@case(JOIN, "rush.joined_elsewhere")
async def join_by_two_applications(api: OpenApi) -> httpx.Response:
    schedule, other, person = await _hot(api), await api.client(), registration()
    patient = UUID((await api.portal.post("/patients", person)).json()["id"])
    assert (await other.post("/patients", person)).json()["id"] == str(patient)
    await _ticket(api, schedule, patient)
    return await _join(api, schedule.id, patient, caller=other)


@case(JOIN, "rush.too_many_joins")
async def join_inhumanly_fast(api: OpenApi) -> httpx.Response:
    schedule, patient = await _hot(api), await api.patient()
    await rule(api.hospital, joins_per_second=1)
    try:
        for _ in range(20):
            answer = await _join(api, schedule.id, patient)
            if answer.status_code == 429:
                break
    finally:
        await restore_reference_data(api.db)
    assert answer.headers["retry-after"] == "1"
    return answer


@case(JOIN, "booking.patient_not_found")
async def join_as_nobody(api: OpenApi) -> httpx.Response:
    return await _join(api, (await _hot(api)).id, new_id())


@case(JOIN, "booking.patient_banned")
async def join_banned(api: OpenApi) -> httpx.Response:
    patient = await api.patient()
    await api.db.execute("UPDATE patient SET banned_until = now() + interval '1 day' WHERE id = $1", patient)
    return await _join(api, (await _hot(api)).id, patient)


@case(JOIN, "booking.patient_not_eligible")
async def join_a_clinic_for_others(api: OpenApi) -> httpx.Response:
    schedule = await _hot(api)
    await api.db.execute("UPDATE clinic SET sex_allowed = 2 WHERE id = $1", api.hospital.clinic_id)
    return await _join(api, schedule.id, await api.patient(sex=1))


@case(JOIN, "booking.sold_out")
async def join_when_all_is_sold(api: OpenApi) -> httpx.Response:
    schedule = await _rushing(api)
    await api.book(schedule.slots[0], await api.patient(api.kiosk), api.kiosk)
    return await _join(api, schedule.id, await api.patient())


@case(TICKET)
async def read(api: OpenApi) -> httpx.Response:
    schedule = await _rushing(api)
    first, second = [await _ticket(api, schedule) for _ in range(2)]
    mine = (await api.portal.get(f"/rush-tickets/{first['id']}")).json()
    assert (mine["status"], mine["place"], mine["seats_left"]) == ("turn", 1, 1)
    assert 0 < mine["seconds_left"] <= 180
    assert (await api.kiosk.get(f"/rush-tickets/{first['id']}")).status_code == 200
    headers = {"accept-language": "en"}
    answer = await api.portal.get(f"/rush-tickets/{second['id']}", headers=headers)
    told = answer.json()
    assert (told["status"], told["place"], told["before"], told["outlook"]) == ("waiting", 2, 0, "unlikely")
    assert told["message"].startswith("0 people before you, 1 numbers left")
    assert answer.headers["retry-after"] == str(told["ask_again_seconds"])
    return answer


@case(WITHDRAW)
async def withdraw(api: OpenApi) -> httpx.Response:
    ticket = await _ticket(api, await _hot(api))
    answer = await api.portal.post(f"/rush-tickets/{ticket['id']}/withdraw")
    assert answer.json()["status"] == "withdrawn"
    return answer


@case(WITHDRAW, "rush.ticket_ended")
async def withdraw_twice(api: OpenApi) -> httpx.Response:
    ticket = await _ticket(api, await _hot(api))
    await api.portal.post(f"/rush-tickets/{ticket['id']}/withdraw")
    return await api.portal.post(f"/rush-tickets/{ticket['id']}/withdraw")


@case(DRAW)
async def draw(api: OpenApi) -> httpx.Response:
    schedule = await _hot(api, opens_in=timedelta(minutes=5))
    tickets = [await _ticket(api, schedule) for _ in range(3)]
    path = f"/rushes/{tickets[0]['rush_id']}/draw"
    before = (await api.portal.get(path)).json()
    assert (before["seed"], before["items"], before["drawn"]) == (None, [], 0)
    # Five minutes pass for the schedule.
    for table in ("schedule_release", "rush", "rush_ticket"):
        await api.db.execute(f"UPDATE {table} SET opens_at = opens_at - interval '6 minutes' WHERE schedule_id = $1",
                             schedule.id)  # fmt: skip
    await _ticket(api, schedule)
    first = (await api.portal.get(path, params={"limit": 2})).json()
    answer = await api.portal.get(path, params={"limit": 2, "cursor": first["next"]})
    shown = first["items"] + answer.json()["items"]
    assert answer.json()["next"] is None
    order = order_tickets(bytes.fromhex(first["seed"]), {UUID(one["id"]): False for one in tickets})
    assert [(one["id"], one["place"]) for one in shown] == [(str(id_), n) for n, id_ in enumerate(order, 1)]
    return answer


@case(DRAW, "rush.not_found")
async def draw_of_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/rushes/{new_id()}/draw")


@case(DRAW, "request.invalid_cursor")
async def draw_after_nonsense(api: OpenApi) -> httpx.Response:
    ticket = await _ticket(api, await _hot(api))
    return await api.portal.get(f"/rushes/{ticket['rush_id']}/draw", params={"cursor": "nonsense"})


def _declare_turns() -> None:
    for operation in ("/holds", "/appointments"):

        @case(f"POST {operation}", "booking.turn_required")
        async def book_without_a_turn(api: OpenApi, operation: str = operation) -> httpx.Response:
            schedule = await _rushing(api, seats=2)
            waits, comes = await api.patient(), await api.patient()
            assert (await _ticket(api, schedule, waits))["status"] == "turn"
            body = {"slot_id": str(schedule.slots[0])}
            assert (await api.portal.post(operation, body | {"patient_id": str(waits)})).status_code == 201
            return await api.portal.post(operation, body | {"patient_id": str(comes)})

    for operation, path in ((TICKET, ""), (WITHDRAW, "/withdraw")):

        @case(operation, "rush.ticket_not_found")
        async def of_nothing(api: OpenApi, operation: str = operation, path: str = path) -> httpx.Response:
            """Not there, and another's: the answer is the same."""
            stranger = await api.client()
            ticket = await _ticket(api, await _hot(api))
            send = stranger.get if operation.startswith("GET") else stranger.post
            assert (await send(f"/rush-tickets/{ticket['id']}{path}")).status_code == 404
            return await send(f"/rush-tickets/{new_id()}{path}")


_declare_turns()


@case("POST /appointments/<appointment_id:uuid>/reschedule", "booking.turn_required")
async def move_into_a_rush(api: OpenApi) -> httpx.Response:
    elsewhere = await api.hospital.schedule(seats=1)
    appointment = await api.book(elsewhere.slots[0], await api.patient())
    schedule = await _rushing(api)
    return await api.portal.post(f"/appointments/{appointment}/reschedule", {"slot_id": str(schedule.slots[0])})
