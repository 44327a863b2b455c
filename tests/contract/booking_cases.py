"""Cases of slots, holds and appointments."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx

from kernel import clock
from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.open_api import Caller, OpenApi

TWO_DAYS = timedelta(days=2)

# How each of the three ways to a seat asks for one; each leads to the same refusals.
Claim = Callable[[OpenApi, UUID, UUID], Awaitable[httpx.Response]]


async def _hold(api: OpenApi, slot: UUID, patient: UUID) -> httpx.Response:
    return await api.portal.post("/holds", {"slot_id": str(slot), "patient_id": str(patient)})


async def _book(api: OpenApi, slot: UUID, patient: UUID) -> httpx.Response:
    return await api.portal.post("/appointments", {"slot_id": str(slot), "patient_id": str(patient)})


async def _move(api: OpenApi, slot: UUID, patient: UUID) -> httpx.Response:
    """Move to the slot an appointment that the person has on a day of its own."""
    elsewhere = await api.hospital.schedule(seats=1, starts_in=timedelta(days=9))
    appointment = await api.book(elsewhere.slots[0], patient)
    await api.db.execute("UPDATE clinic SET sex_allowed = wanted_sex.code FROM (VALUES (2)) AS wanted_sex (code)"
                         " WHERE name_en = 'women'")  # fmt: skip
    return await api.portal.post(f"/appointments/{appointment}/reschedule", {"slot_id": str(slot)})


MOVE = "POST /appointments/<appointment_id:uuid>/reschedule"
CLAIMS: dict[str, Claim] = {"POST /holds": _hold, "POST /appointments": _book, MOVE: _move}


def _declare_claims() -> None:
    for operation, claim in CLAIMS.items():
        for outcome, play in _CLAIM_PLAYS.items():

            @case(operation, outcome)
            async def played(api: OpenApi, claim: Claim = claim, play: Play = play) -> httpx.Response:
                return await play(api, claim)


Play = Callable[[OpenApi, Claim], Awaitable[httpx.Response]]


async def _success(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    return await claim(api, schedule.slots[0], await api.patient())


async def _slot_not_found(api: OpenApi, claim: Claim) -> httpx.Response:
    return await claim(api, new_id(), await api.patient())


async def _slot_past(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, starts_in=timedelta(minutes=-5))
    return await claim(api, schedule.slots[0], await api.patient())


async def _not_released(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, opens_at=clock.now() + timedelta(hours=1))
    return await claim(api, schedule.slots[0], await api.patient())


async def _not_eligible(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    man = await api.patient(sex=1)
    if claim is _move:
        await api.db.execute("UPDATE clinic SET name_en = 'women' WHERE id = $1", api.hospital.clinic_id)
    else:
        await api.db.execute("UPDATE clinic SET sex_allowed = 2 WHERE id = $1", api.hospital.clinic_id)
    return await claim(api, schedule.slots[0], man)


async def _sold_out(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    await api.book(schedule.slots[0], await api.patient())
    return await claim(api, schedule.slots[0], await api.patient())


async def _already_booked(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2, slots=2)
    patient = await api.patient()
    await api.book(schedule.slots[0], patient)
    return await claim(api, schedule.slots[1], patient)


async def _already_held(api: OpenApi, claim: Claim) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2, slots=2)
    patient = await api.patient()
    await api.hold(schedule.slots[0], patient)
    return await claim(api, schedule.slots[1], patient)


async def _daily_limit(api: OpenApi, claim: Claim) -> httpx.Response:
    await api.rule(daily_limit=1)
    other = await api.hospital.schedule(seats=1, other_department=True)
    schedule = await api.hospital.schedule(seats=1)
    patient = await api.patient()
    await api.book(other.slots[0], patient)
    return await claim(api, schedule.slots[0], patient)


_CLAIM_PLAYS: dict[str, Play] = {
    "success": _success,
    "booking.slot_not_found": _slot_not_found,
    "booking.slot_past": _slot_past,
    "booking.not_released": _not_released,
    "booking.patient_not_eligible": _not_eligible,
    "booking.sold_out": _sold_out,
    "booking.already_booked": _already_booked,
    "booking.already_held": _already_held,
    "booking.daily_limit_reached": _daily_limit,
}
_declare_claims()


def _declare_unknown_patients() -> None:
    for operation in ("POST /holds", "POST /appointments"):

        @case(operation, "booking.patient_not_found")
        async def of_nobody(api: OpenApi, claim: Claim = CLAIMS[operation]) -> httpx.Response:
            schedule = await api.hospital.schedule(seats=1)
            return await claim(api, schedule.slots[0], new_id())


_declare_unknown_patients()


# --- slots and holds


@case("GET /slots")
async def slots(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2, slots=3)
    query = {"department_id": str(api.hospital.department_id), "date": schedule.clinic_date.isoformat()}
    answer = await api.portal.get("/slots", params=query)
    assert [slot["available"] for slot in answer.json()["items"]] == [2, 2, 2]
    return answer


async def _held(api: OpenApi, caller: Caller | None = None) -> UUID:
    schedule = await api.hospital.schedule(seats=1)
    return await api.hold(schedule.slots[0], await api.patient(caller), caller)


@case("GET /holds/<hold_id:uuid>")
async def read_hold(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/holds/{await _held(api)}")


@case("GET /holds/<hold_id:uuid>", "booking.hold_not_found")
async def read_no_hold(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/holds/{new_id()}")


@case("POST /holds/<hold_id:uuid>/release")
async def release(api: OpenApi) -> httpx.Response:
    return await api.portal.post(f"/holds/{await _held(api)}/release")


@case("POST /holds/<hold_id:uuid>/release", "booking.hold_not_found")
async def release_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.post(f"/holds/{new_id()}/release")


@case("POST /holds/<hold_id:uuid>/release", "booking.hold_ended")
async def release_twice(api: OpenApi) -> httpx.Response:
    hold = await _held(api)
    assert (await api.portal.post(f"/holds/{hold}/release")).status_code == 200
    return await api.portal.post(f"/holds/{hold}/release")


@case("POST /appointments", "booking.hold_not_found")
async def confirm_nothing(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/appointments", {"hold_id": str(new_id())})


@case("POST /appointments", "booking.hold_ended")
async def confirm_twice(api: OpenApi) -> httpx.Response:
    hold = {"hold_id": str(await _held(api))}
    assert (await api.portal.post("/appointments", hold)).status_code == 201
    return await api.portal.post("/appointments", hold)


# --- appointments


async def _booked(api: OpenApi, *, starts_in: timedelta = TWO_DAYS) -> UUID:
    schedule = await api.hospital.schedule(seats=1, starts_in=starts_in)
    return await api.book(schedule.slots[0], await api.patient())


@case("GET /appointments")
async def appointments(api: OpenApi) -> httpx.Response:
    appointment = await _booked(api)
    number = (await api.portal.get(f"/appointments/{appointment}")).json()["number"]
    answer = await api.portal.get("/appointments", params={"number": number, "status": "booked", "limit": 1})
    assert [entry["id"] for entry in answer.json()["items"]] == [str(appointment)]
    return answer


@case("GET /appointments", "request.invalid_cursor")
async def appointments_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/appointments", params={"cursor": "AAAAAAAAAAAAAAAAAAAA"})


@case("GET /appointments", "request.schema_violation")
async def appointments_mistyped(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/appointments", params={"number": "3874204897"})


@case("GET /appointments/<appointment_id:uuid>")
async def read_appointment(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/appointments/{await _booked(api)}")


@case("GET /appointments/<appointment_id:uuid>", "booking.appointment_not_found")
async def read_no_appointment(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/appointments/{new_id()}")


CANCEL = "POST /appointments/<appointment_id:uuid>/cancel"


async def _cancel(api: OpenApi, appointment: UUID) -> httpx.Response:
    return await api.portal.post(f"/appointments/{appointment}/cancel", {"reason": "临时有事"})


@case(CANCEL)
async def cancel(api: OpenApi) -> httpx.Response:
    return await _cancel(api, await _booked(api))


@case(CANCEL, "booking.appointment_not_found")
async def cancel_nothing(api: OpenApi) -> httpx.Response:
    return await _cancel(api, new_id())


@case(CANCEL, "booking.appointment_not_active")
async def cancel_twice(api: OpenApi) -> httpx.Response:
    appointment = await _booked(api)
    assert (await _cancel(api, appointment)).status_code == 200
    return await _cancel(api, appointment)


@case(CANCEL, "booking.cancel_deadline_passed")
async def cancel_late(api: OpenApi) -> httpx.Response:
    return await _cancel(api, await _booked(api, starts_in=timedelta(minutes=29)))


async def _move_to(api: OpenApi, appointment: UUID, slot: UUID) -> httpx.Response:
    return await api.portal.post(f"/appointments/{appointment}/reschedule", {"slot_id": str(slot)})


@case(MOVE, "booking.appointment_not_found")
async def move_nothing(api: OpenApi) -> httpx.Response:
    return await _move_to(api, new_id(), new_id())


@case(MOVE, "booking.appointment_not_active")
async def move_cancelled(api: OpenApi) -> httpx.Response:
    appointment = await _booked(api)
    assert (await _cancel(api, appointment)).status_code == 200
    schedule = await api.hospital.schedule(seats=1)
    return await _move_to(api, appointment, schedule.slots[0])


@case(MOVE, "booking.cancel_deadline_passed")
async def move_late(api: OpenApi) -> httpx.Response:
    appointment = await _booked(api, starts_in=timedelta(minutes=29))
    schedule = await api.hospital.schedule(seats=1)
    return await _move_to(api, appointment, schedule.slots[0])


@case(MOVE, "booking.reschedule_limit_reached")
async def move_too_often(api: OpenApi) -> httpx.Response:
    await api.rule(reschedule_limit=0)
    appointment = await _booked(api)
    schedule = await api.hospital.schedule(seats=1)
    return await _move_to(api, appointment, schedule.slots[0])


@case(MOVE, "booking.same_slot")
async def move_nowhere(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    appointment = await api.book(schedule.slots[0], await api.patient())
    return await _move_to(api, appointment, schedule.slots[0])


@case(MOVE, "booking.other_department")
async def move_across(api: OpenApi) -> httpx.Response:
    appointment = await _booked(api)
    schedule = await api.hospital.schedule(seats=1, other_department=True)
    return await _move_to(api, appointment, schedule.slots[0])
