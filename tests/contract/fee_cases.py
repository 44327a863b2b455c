"""How booking refuses for the sake of the registration fee; orders themselves have their own routes."""

from uuid import UUID

import httpx

from tests.contract.cases import case
from tests.contract.waitlist_cases import offered
from tests.factories.open_api import OpenApi
from tests.factories.registration import FEE_FEN, RegistrationUnderTest
from tests.factories.stops import offered_appointment

BOOK = "POST /appointments"
MOVE = "POST /appointments/<appointment_id:uuid>/reschedule"
ACCEPT = "POST /waitlist/offers/<offer_id:uuid>/accept"
CHOOSE = "POST /appointments/<appointment_id:uuid>/stop/choose"
ANSWERS = {MOVE: "reschedule", CHOOSE: "stop/choose"}


async def _clinic(api: OpenApi) -> RegistrationUnderTest:
    return await RegistrationUnderTest(api.db, api.hospital).connect()


async def _appointment(api: OpenApi, operation: str) -> UUID:
    """Book what the operation may move."""
    if operation == CHOOSE:
        return await offered_appointment(api)
    schedule = await api.hospital.schedule(seats=1)
    return await api.book(schedule.slots[0], await api.patient())


@case(BOOK, "booking.payment_required")
async def book_unpaid(api: OpenApi) -> httpx.Response:
    await (await _clinic(api)).rule("at-booking")
    schedule = await api.hospital.schedule(seats=1)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await api.patient())}
    answer = await api.portal.post("/appointments", body)
    assert await api.db.fetchval("SELECT count(*) FROM appointment") == 0
    return answer


@case(MOVE, "booking.payment_required")
async def move_unpaid(api: OpenApi) -> httpx.Response:
    appointment = await _appointment(api, MOVE)
    await (await _clinic(api)).rule("at-booking")
    there = await api.hospital.schedule(seats=1)
    return await api.portal.post(f"/appointments/{appointment}/reschedule", {"slot_id": str(there.slots[0])})


@case(ACCEPT, "booking.payment_required")
async def accept_unpaid(api: OpenApi) -> httpx.Response:
    _, offer = await offered(api)
    await (await _clinic(api)).rule("at-booking")
    return await api.portal.post(f"/waitlist/offers/{offer}/accept")


def _declare_differences() -> None:
    for operation, path in ANSWERS.items():
        for outcome, fee_fen, settles in (
            ("fee_differs", FEE_FEN * 2, True),
            ("payment_under_way", FEE_FEN // 2, False),
        ):

            @case(operation, f"booking.{outcome}")
            async def of_what_is_paid(
                api: OpenApi,
                operation: str = operation,
                path: str = path,
                fee_fen: int = fee_fen,
                *,
                settles: bool = settles,
            ) -> httpx.Response:
                appointment = await _appointment(api, operation)
                clinic = await _clinic(api)
                await clinic.pay_for(appointment, settles=settles)
                there = await clinic.schedule(fee_fen=fee_fen)
                answer = await api.portal.post(f"/appointments/{appointment}/{path}", {"slot_id": str(there.slots[0])})
                shown = (await api.portal.get(f"/appointments/{appointment}")).json()
                assert (shown["fee_fen"], shown["payment"]) == (FEE_FEN, "paid")
                return answer


_declare_differences()
