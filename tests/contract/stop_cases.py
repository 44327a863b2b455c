"""Cases of stopped clinics' offers, and of the feed of events."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx

from kernel import clock
from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.open_api import OpenApi
from tests.factories.stops import offered_appointment

READ = "GET /appointments/<appointment_id:uuid>/stop"
CHOOSE = "POST /appointments/<appointment_id:uuid>/stop/choose"
DECLINE = "POST /appointments/<appointment_id:uuid>/stop/cancel"
FEED = "GET /events"
LOOKS_MAX = 500

Answer = Callable[[OpenApi, UUID], Awaitable[httpx.Response]]


async def _choose(api: OpenApi, appointment: UUID, slot: UUID) -> httpx.Response:
    return await api.portal.post(f"/appointments/{appointment}/stop/choose", {"slot_id": str(slot)})


async def _decline(api: OpenApi, appointment: UUID) -> httpx.Response:
    return await api.portal.post(f"/appointments/{appointment}/stop/cancel")


async def _choose_any(api: OpenApi, appointment: UUID) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, starts_in=timedelta(days=4))
    return await _choose(api, appointment, schedule.slots[0])


async def _patient_of(api: OpenApi, appointment: UUID) -> UUID:
    found: UUID = await api.db.fetchval("SELECT patient_id FROM appointment WHERE id = $1", appointment)
    return found


@case(READ)
async def read(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api)
    answer = await api.portal.get(f"/appointments/{appointment}/stop")
    assert answer.json()["status"] == "offered"
    assert len(answer.json()["choices"]) == 1
    return answer


@case(READ, "stops.not_found")
async def read_of_nothing(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    appointment = await api.book(schedule.slots[0], await api.patient())
    return await api.portal.get(f"/appointments/{appointment}/stop")


# --- answers


def _declare_answers() -> None:
    answers: dict[str, Answer] = {CHOOSE: _choose_any, DECLINE: _decline}
    for operation, answer in answers.items():

        @case(operation)
        async def success(api: OpenApi, answer: Answer = answer) -> httpx.Response:
            return await answer(api, await offered_appointment(api))

        @case(operation, "booking.appointment_not_found")
        async def absent(api: OpenApi, answer: Answer = answer) -> httpx.Response:
            return await answer(api, new_id())

        @case(operation, "booking.appointment_not_active")
        async def cancelled(api: OpenApi, answer: Answer = answer) -> httpx.Response:
            return await answer(api, await offered_appointment(api, steps=("cancel",)))

        @case(operation, "stops.offer_not_found")
        async def notoffered_appointment(api: OpenApi, answer: Answer = answer) -> httpx.Response:
            schedule = await api.hospital.schedule(seats=1)
            return await answer(api, await api.book(schedule.slots[0], await api.patient()))

        @case(operation, "stops.offer_ended")
        async def ended(api: OpenApi, answer: Answer = answer) -> httpx.Response:
            return await answer(api, await offered_appointment(api, steps=("keep",)))


_declare_answers()


@case(CHOOSE, "booking.slot_not_found")
async def choose_nothing(api: OpenApi) -> httpx.Response:
    return await _choose(api, await offered_appointment(api), new_id())


@case(CHOOSE, "booking.slot_past")
async def choose_the_past(api: OpenApi) -> httpx.Response:
    past = await api.hospital.schedule(seats=1, starts_in=timedelta(minutes=-5))
    return await _choose(api, await offered_appointment(api), past.slots[0])


@case(CHOOSE, "booking.not_released")
async def choose_too_early(api: OpenApi) -> httpx.Response:
    closed = await api.hospital.schedule(
        seats=1, opens_at=clock.now() + timedelta(hours=1), starts_in=timedelta(days=5)
    )
    return await _choose(api, await offered_appointment(api), closed.slots[0])


@case(CHOOSE, "booking.other_department")
async def choose_across(api: OpenApi) -> httpx.Response:
    other = await api.hospital.schedule(seats=1, other_department=True, starts_in=timedelta(days=5))
    return await _choose(api, await offered_appointment(api), other.slots[0])


@case(CHOOSE, "booking.patient_not_eligible")
async def choose_what_is_for_women(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api)
    await api.db.execute("UPDATE clinic SET sex_allowed = 2 WHERE id = $1", api.hospital.clinic_id)
    return await _choose_any(api, appointment)


@case(CHOOSE, "booking.sold_out")
async def choose_what_is_gone(api: OpenApi) -> httpx.Response:
    full = await api.hospital.schedule(seats=1, starts_in=timedelta(days=6))
    await api.book(full.slots[0], await api.patient())
    return await _choose(api, await offered_appointment(api), full.slots[0])


@case(CHOOSE, "booking.already_booked")
async def choose_a_taken_day(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api)
    day = await api.hospital.schedule(seats=1, slots=2, starts_in=timedelta(days=6))
    await api.book(day.slots[0], await _patient_of(api, appointment))
    return await _choose(api, appointment, day.slots[1])


@case(CHOOSE, "booking.already_held")
async def choose_a_held_day(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api)
    day = await api.hospital.schedule(seats=1, slots=2, starts_in=timedelta(days=6))
    await api.hold(day.slots[0], await _patient_of(api, appointment))
    return await _choose(api, appointment, day.slots[1])


@case(CHOOSE, "booking.daily_limit_reached")
async def choose_a_full_day(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api)
    await api.rule(daily_limit=1)
    day = timedelta(days=6)
    other = await api.hospital.schedule(seats=1, other_department=True, starts_in=day)
    wanted = await api.hospital.schedule(seats=1, starts_in=day)
    await api.book(other.slots[0], await _patient_of(api, appointment))
    return await _choose(api, appointment, wanted.slots[0])


# --- events


@case(FEED)
async def events(api: OpenApi) -> httpx.Response:
    appointment = await offered_appointment(api, steps=("move", "cancel"))
    for _ in range(LOOKS_MAX):
        # An event is shown when everything that began before it is over, and other tests run beside this one.
        if len((await api.portal.get("/events")).json()["items"]) == 3:
            break
        await asyncio.sleep(0.02)
    first = await api.portal.get("/events", params={"limit": 2})
    rest = await api.portal.get("/events", params={"cursor": first.json()["next"]})
    kinds = [event["kind"] for event in first.json()["items"] + rest.json()["items"]]
    assert kinds == ["schedule.stopped", "appointment.moved", "appointment.stopped"]
    assert rest.json()["items"][-1]["subject_id"] == str(appointment)
    again = await api.portal.get("/events", params={"cursor": rest.json()["next"]})
    assert again.json()["items"] == []
    other = await api.client()
    seen = (await other.get("/events")).json()["items"]
    assert [event["kind"] for event in seen] == ["schedule.stopped"], "nobody reads of others' appointments"
    return again


@case(FEED, "request.invalid_cursor")
async def events_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/events", params={"cursor": "AAAAAAAAAAAAAAAAAAAA"})
