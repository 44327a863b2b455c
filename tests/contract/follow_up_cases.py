"""Cases of the free follow-up of a visit."""

from datetime import timedelta
from uuid import UUID

import httpx

from kernel.ids import new_id
from tests.contract.booking_cases import MOVE
from tests.contract.cases import case
from tests.factories.open_api import OpenApi

BOOK = "POST /appointments"
HOLD = "POST /holds"


async def _arrived(api: OpenApi) -> tuple[UUID, UUID]:
    """Somebody who has come to a visit, and the visit."""
    patient = await api.patient()
    schedule = await api.hospital.schedule(seats=1)
    first = await api.book(schedule.slots[0], patient)
    await api.db.execute("UPDATE appointment SET status = 'arrived' WHERE id = $1", first)
    return patient, first


async def _follow_up(
    api: OpenApi, patient: UUID, first: UUID, *, at: str = BOOK, in_days: int = 3, other_department: bool = False
) -> httpx.Response:
    schedule = await api.hospital.schedule(
        seats=1, starts_in=timedelta(days=in_days), other_department=other_department
    )
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(patient), "follow_up_of": str(first)}
    return await api.portal.post(at.removeprefix("POST "), body)


async def _move(api: OpenApi, answer: httpx.Response, *, in_days: int) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1, starts_in=timedelta(days=in_days))
    path = f"/appointments/{answer.json()['id']}/reschedule"
    return await api.portal.post(path, {"slot_id": str(schedule.slots[0])})


def _declare_claims() -> None:
    for at in (BOOK, HOLD):

        @case(at, "booking.appointment_not_found")
        async def follow_nothing_up(api: OpenApi, at: str = at) -> httpx.Response:
            return await _follow_up(api, await api.patient(), new_id(), at=at)

        @case(at, "booking.follow_up_not_allowed")
        async def follow_up_elsewhere(api: OpenApi, at: str = at) -> httpx.Response:
            patient, first = await _arrived(api)
            answer = await _follow_up(api, patient, first, other_department=True, at=at)
            assert answer.json()["rule"] == "department"
            return answer

        @case(at, "booking.follow_up_not_due")
        async def follow_up_before(api: OpenApi, at: str = at) -> httpx.Response:
            patient = await api.patient()
            schedule = await api.hospital.schedule(seats=1)
            return await _follow_up(api, patient, await api.book(schedule.slots[0], patient), at=at)

        @case(at, "booking.follow_up_window_passed")
        async def follow_up_late(api: OpenApi, at: str = at) -> httpx.Response:
            return await _follow_up(api, *await _arrived(api), in_days=6, at=at)

        @case(at, "booking.follow_up_used")
        async def follow_up_twice(api: OpenApi, at: str = at) -> httpx.Response:
            patient, first = await _arrived(api)
            answer = await _follow_up(api, patient, first)
            assert answer.status_code == 201
            assert (answer.json()["fee_fen"], answer.json()["follow_up_of"]) == (0, str(first))
            return await _follow_up(api, patient, first, in_days=4, at=at)


_declare_claims()


@case(MOVE, "booking.follow_up_window_passed")
async def move_follow_up_out(api: OpenApi) -> httpx.Response:
    return await _move(api, await _follow_up(api, *await _arrived(api)), in_days=6)


@case(MOVE, "booking.follow_up_not_due")
async def move_follow_up_of_nothing(api: OpenApi) -> httpx.Response:
    patient, first = await _arrived(api)
    answer = await _follow_up(api, patient, first)
    await api.db.execute("UPDATE appointment SET status = 'entered-in-error' WHERE id = $1", first)
    return await _move(api, answer, in_days=4)


@case(MOVE, "booking.follow_up_not_allowed")
async def move_follow_up_of_a_free_visit(api: OpenApi) -> httpx.Response:
    patient, first = await _arrived(api)
    answer = await _follow_up(api, patient, first)
    await api.db.execute("UPDATE appointment SET fee_fen = 0 WHERE id = $1", first)
    return await _move(api, answer, in_days=4)
