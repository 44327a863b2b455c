"""Cases of check-in, queues and their live view."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from booking.queue import codes
from kernel import clock
from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.open_api import Caller, OpenApi
from tests.factories.queue import ClinicDay, Door

CHECK_IN = "POST /check-ins"
CODE = "POST /appointments/<appointment_id:uuid>/check-in-code"
ENTRY = "GET /queue/<entry_id:uuid>"
EVENTS = "GET /queue/<entry_id:uuid>/events"
CALL_NEXT = "POST /queues/call-next"
SCOPES = ("checkin.write", "queue.read", "queue.write", "administration.read")
NOWHERE = {"latitude": 39.9, "longitude": 116.4}


class _Hall:
    """A clinic day with a desk, and phones of the portal's patients."""

    def __init__(self, api: OpenApi, desk: Caller, phone: Caller, door: Door) -> None:
        self.api, self.desk, self.phone, self.door = api, desk, phone, door
        self.day = ClinicDay(api.hospital, [door])

    async def booked(self, count: int = 1) -> list[UUID]:
        """Book for people of the phone's application."""
        found = await self.day.book(self.door, count)
        await self.api.db.execute(
            "UPDATE appointment SET client_id = $1 WHERE id = ANY ($2)", self.phone.client_id, found
        )
        return found

    async def check_in(self, appointment: UUID, **more: Any) -> httpx.Response:
        """Check somebody in at the desk."""
        return await self.desk.post("/check-ins", {"way": "staff", "appointment_id": str(appointment), **more})

    async def waiting(self) -> str:
        """Let somebody come; gives their place's id."""
        [appointment] = await self.booked()
        answer = await self.check_in(appointment)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def by_place(self, **more: Any) -> httpx.Response:
        """Check somebody in by their phone, standing in the middle of the campus unless told otherwise."""
        [appointment] = await self.booked()
        place = {"latitude": 23.1, "longitude": 113.3, "accuracy_meters": 20, "fixed_at": _stamp(0)} | more
        return await self.phone.post("/check-ins", {"way": "place", "appointment_id": str(appointment), "place": place})

    async def step(self, entry: object, name: str, body: Any = None) -> httpx.Response:
        """Take a step with somebody."""
        return await self.desk.post(f"/queue/{entry}/{name}", body)

    async def led_to(self, *steps: str) -> str:
        """Let somebody come and lead them on."""
        entry = await self.waiting()
        for name in steps:
            answer = await self.step(entry, name)
            assert answer.status_code == 200, answer.text
        return entry


def _stamp(seconds: float) -> str:
    return (clock.now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def _hall(api: OpenApi) -> _Hall:
    desk = await api.client("internal", channel="window", scopes=SCOPES)
    phone = await api.client(scopes=("checkin.write", "queue.read"))
    return _Hall(api, desk, phone, await ClinicDay(api.hospital).door())


Play = Callable[[_Hall], Awaitable[httpx.Response]]


def _played(operation: str, outcome: str = "success") -> Callable[[Play], Play]:
    def register(play: Play) -> Play:
        @case(operation, outcome)
        async def played(api: OpenApi) -> httpx.Response:
            return await play(await _hall(api))

        return play

    return register


# --- check-in


@_played(CHECK_IN)
async def by_place(hall: _Hall) -> httpx.Response:
    return await hall.by_place()


@_played(CHECK_IN)
async def by_code(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    code = (await hall.phone.post(f"/appointments/{appointment}/check-in-code")).json()["code"]
    return await hall.desk.post("/check-ins", {"way": "code", "code": code})


@_played(CHECK_IN)
async def at_the_desk(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    answer = await hall.check_in(appointment, is_disabled=True, is_military=False)
    assert (answer.json()["class"], answer.json()["is_disabled"]) == ("priority", True)
    return answer


@_played(CHECK_IN, "queue.way_not_allowed")
async def at_no_kiosk(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    return await hall.phone.post("/check-ins", {"way": "kiosk", "appointment_id": str(appointment)})


@_played(CHECK_IN, "queue.way_not_allowed")
async def a_kiosk_is_no_member_of_staff(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    kiosk = await hall.api.client("internal", channel="kiosk", scopes=("checkin.write",))
    return await kiosk.post("/check-ins", {"way": "staff", "appointment_id": str(appointment)})


@_played(CHECK_IN, "queue.flags_staff_only")
async def with_a_priority_of_their_own(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    body = {"way": "kiosk", "appointment_id": str(appointment), "is_emergency": True}
    return await hall.desk.post("/check-ins", body)


@_played(CHECK_IN, "queue.code_invalid")
async def by_a_forged_code(hall: _Hall) -> httpx.Response:
    return await hall.desk.post("/check-ins", {"way": "code", "code": "A" * 48})


@_played(CHECK_IN, "queue.code_expired")
async def by_an_old_code(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    code, _ = codes.write_code(appointment, at=clock.now() - timedelta(minutes=3))
    return await hall.desk.post("/check-ins", {"way": "code", "code": code})


_PLACES: dict[str, dict[str, Any]] = {
    "queue.place_mocked": {"is_mock": True},
    "queue.place_inaccurate": {"accuracy_meters": 900},
    "queue.place_outdated": {"fixed_at": "2026-01-01T00:00:00Z"},
    "queue.place_too_far": NOWHERE,
}


def _declare_places() -> None:
    for outcome, place in _PLACES.items():

        @_played(CHECK_IN, outcome)
        async def from_there(hall: _Hall, place: dict[str, Any] = place) -> httpx.Response:
            return await hall.by_place(**place)


_declare_places()


@_played(CHECK_IN, "queue.place_replayed")
async def for_a_crowd(hall: _Hall) -> httpx.Response:
    place = {"fixed_at": _stamp(0)}
    for _ in range(5):
        assert (await hall.by_place(**place)).status_code == 201
    return await hall.by_place(**place)


@_played(CHECK_IN, "queue.place_impossible")
async def from_beijing_in_a_second(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    answer = None
    for place in (NOWHERE, {"latitude": 23.1, "longitude": 113.3}):
        body = {"way": "place", "appointment_id": str(appointment)}
        where = place | {"accuracy_meters": 20, "fixed_at": _stamp(0)}
        answer = await hall.phone.post("/check-ins", body | {"place": where})
    assert answer is not None
    return answer


@_played(CHECK_IN, "queue.check_in_not_open")
async def too_early(hall: _Hall) -> httpx.Response:
    hall.door = await hall.day.door(starts_in=timedelta(days=2))
    return await hall.by_place()


@_played(CHECK_IN, "queue.check_in_closed")
async def too_late(hall: _Hall) -> httpx.Response:
    hall.door = await hall.day.door(starts_in=timedelta(days=-2))
    return await hall.by_place()


@_played(CHECK_IN, "queue.already_checked_in")
async def twice(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    assert (await hall.check_in(appointment)).status_code == 201
    return await hall.check_in(appointment)


@_played(CHECK_IN, "booking.appointment_not_found")
async def for_nothing(hall: _Hall) -> httpx.Response:
    return await hall.check_in(new_id())


@_played(CHECK_IN, "booking.appointment_not_active")
async def for_a_cancelled_one(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    await hall.api.db.execute("UPDATE appointment SET status = 'cancelled'")
    return await hall.check_in(appointment)


@_played(CODE)
async def code(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    return await hall.phone.post(f"/appointments/{appointment}/check-in-code")


@_played(CODE, "booking.appointment_not_found")
async def code_for_nothing(hall: _Hall) -> httpx.Response:
    return await hall.phone.post(f"/appointments/{new_id()}/check-in-code")


@_played(CODE, "booking.appointment_not_active")
async def code_for_a_cancelled_one(hall: _Hall) -> httpx.Response:
    [appointment] = await hall.booked()
    await hall.api.db.execute("UPDATE appointment SET status = 'cancelled'")
    return await hall.phone.post(f"/appointments/{appointment}/check-in-code")


# --- reading


@_played(ENTRY)
async def read(hall: _Hall) -> httpx.Response:
    return await hall.phone.get(f"/queue/{await hall.waiting()}")


@_played(ENTRY, "queue.entry_not_found")
async def read_anothers(hall: _Hall) -> httpx.Response:
    entry = await hall.waiting()
    other = await hall.api.client(scopes=("queue.read",))
    return await other.get(f"/queue/{entry}")


@_played(EVENTS)
async def watch(hall: _Hall) -> httpx.Response:
    """Of somebody who is through there is one last event."""
    entry = await hall.led_to("call", "start", "finish")
    answer = await hall.phone.get(f"/queue/{entry}/events", headers={"last-event-id": "1"})
    assert "event: place" in answer.text
    return answer


@_played(EVENTS)
async def watch_again(hall: _Hall) -> httpx.Response:
    entry = await hall.led_to("call", "start", "finish")
    last = await hall.api.db.fetchval("SELECT max(id) FROM visit_queue_event")
    answer = await hall.phone.get(f"/queue/{entry}/events", headers={"last-event-id": str(last)})
    assert answer.status_code == 204
    return answer


@_played(EVENTS, "queue.entry_not_found")
async def watch_nobody(hall: _Hall) -> httpx.Response:
    return await hall.phone.get(f"/queue/{new_id()}/events")


@_played("GET /queues")
async def queues(hall: _Hall) -> httpx.Response:
    await hall.led_to("call")
    await hall.waiting()
    answer = await hall.desk.get("/queues", params={"room_id": str(hall.door.room_id)})
    [queue] = answer.json()["items"]
    assert [[one["label"] for one in queue[name]] for name in ("waiting", "others")] == [["A02"], ["A01"]]
    return answer


# --- steps


def _call_next(hall: _Hall) -> dict[str, str]:
    return {name: str(value) for name, value in hall.door.key.items()}


@_played(CALL_NEXT)
async def call_next(hall: _Hall) -> httpx.Response:
    await hall.waiting()
    return await hall.desk.post("/queues/call-next", _call_next(hall))


@_played(CALL_NEXT, "queue.not_found")
async def call_next_nowhere(hall: _Hall) -> httpx.Response:
    return await hall.desk.post("/queues/call-next", _call_next(hall))


@_played(CALL_NEXT, "queue.somebody_called")
async def call_next_too_soon(hall: _Hall) -> httpx.Response:
    await hall.led_to("call")
    return await hall.desk.post("/queues/call-next", _call_next(hall))


@_played(CALL_NEXT, "queue.nobody_waiting")
async def call_next_of_nobody(hall: _Hall) -> httpx.Response:
    await hall.led_to("call", "start")
    return await hall.desk.post("/queues/call-next", _call_next(hall))


async def _other_door(hall: _Hall) -> dict[str, str]:
    other = await hall.day.door()
    return {"reason": "平衡"} | {name: str(value) for name, value in other.key.items()}


Body = Callable[[_Hall], Awaitable[Any]]


async def _nothing(_hall: _Hall) -> Any:
    return None


async def _triage(_hall: _Hall) -> Any:
    return {"class": "emergency", "reason": "胸痛"}


async def _reason(_hall: _Hall) -> Any:
    return {"reason": "回家"}


# Each step: who it may be taken with, what it wants, and who it may not be taken with.
STEPS: dict[str, tuple[tuple[str, ...], Body, tuple[str, ...]]] = {
    "call": ((), _nothing, ("call",)),
    "recall": (("call",), _nothing, ()),
    "pass": (("call",), _nothing, ()),
    "return": (("call", "pass"), _nothing, ()),
    "triage": ((), _triage, ("call", "start")),
    "transfer": ((), _other_door, ("call", "start")),
    "start": (("call",), _nothing, ()),
    "finish": (("call", "start"), _nothing, ()),
    "leave": ((), _reason, ("call", "start")),
}


def _declare_steps() -> None:
    for name, (before, body, wrong) in STEPS.items():
        operation = f"POST /queue/<entry_id:uuid>/{name}"

        @_played(operation)
        async def taken(
            hall: _Hall, name: str = name, before: tuple[str, ...] = before, body: Body = body
        ) -> httpx.Response:
            return await hall.step(await hall.led_to(*before), name, await body(hall))

        @_played(operation, "queue.entry_moved")
        async def not_now(
            hall: _Hall, name: str = name, wrong: tuple[str, ...] = wrong, body: Body = body
        ) -> httpx.Response:
            return await hall.step(await hall.led_to(*wrong), name, await body(hall))

        @_played(operation, "queue.entry_not_found")
        async def with_nobody(hall: _Hall, name: str = name, body: Body = body) -> httpx.Response:
            return await hall.step(new_id(), name, await body(hall))


_declare_steps()


@_played("POST /queue/<entry_id:uuid>/call", "queue.somebody_called")
async def call_a_second(hall: _Hall) -> httpx.Response:
    await hall.led_to("call")
    return await hall.step(await hall.waiting(), "call")


@_played("POST /queue/<entry_id:uuid>/triage", "queue.same_class")
async def triage_to_the_same(hall: _Hall) -> httpx.Response:
    return await hall.step(await hall.waiting(), "triage", {"class": "on-time", "reason": "复核"})


@_played("POST /queue/<entry_id:uuid>/transfer", "queue.not_found")
async def transfer_nowhere(hall: _Hall) -> httpx.Response:
    body = {"reason": "平衡", "room_id": str(new_id()), "practitioner_id": str(new_id())}
    return await hall.step(await hall.waiting(), "transfer", body)


@_played("POST /queue/<entry_id:uuid>/transfer", "queue.same_queue")
async def transfer_to_the_same(hall: _Hall) -> httpx.Response:
    return await hall.step(await hall.waiting(), "transfer", {"reason": "平衡"} | _call_next(hall))
