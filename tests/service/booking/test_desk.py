"""The desk's memory of what is sold out: it saves work, and nobody is told anything by it."""

from booking import errors, service
from booking.facts import Appointment
from kernel.idempotency import Idempotency
from tests.factories.booking import PORTAL, HospitalUnderTest, ask, desks


async def test_a_seat_that_comes_back_is_for_sale_at_once(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    [desk] = desks(1)
    won = await ask(desk, schedule.slots[0], first)
    for _ in range(2):
        assert isinstance(await ask(desk, schedule.slots[0], second), errors.SoldOut)

    await service.cancel_appointment(appointment_id=won.id, reason=None, actor=PORTAL)

    assert (await ask(desk, schedule.slots[0], second)).queue_number == 1


async def test_somebody_unknown_is_refused_where_a_seat_has_come_back(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [known] = await hospital.patients(1)
    [desk] = desks(1)
    won = await ask(desk, schedule.slots[0], known)
    assert isinstance(await ask(desk, schedule.slots[0], hospital.room_id), errors.SoldOut)

    await service.cancel_appointment(appointment_id=won.id, reason=None, actor=PORTAL)

    assert isinstance(await ask(desk, schedule.slots[0], hospital.room_id), errors.PatientUnknown)
    rows = await hospital.db.fetch("SELECT status FROM seat WHERE schedule_id = $1", schedule.id)
    assert [row["status"] for row in rows] == ["free"]


async def test_a_repeated_request_gets_its_answer_though_all_is_sold_since(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    first, second, third = await hospital.patients(3)
    [desk] = desks(1)
    won = await ask(desk, schedule.slots[0], first, key="first")
    await ask(desk, schedule.slots[0], second, key="second")
    assert isinstance(await ask(desk, schedule.slots[0], third, key="third"), errors.SoldOut)

    again = await ask(desk, schedule.slots[0], first, key="first")

    assert again.replayed is not None
    assert (again.replayed["id"], again.replayed["queue_number"]) == (str(won.id), 1)
    assert again.replayed["number"] == won.number


async def test_a_key_of_another_request_is_refused_though_all_is_sold(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    [desk] = desks(1)
    await ask(desk, schedule.slots[0], first, key="mine")

    answer = await ask(desk, schedule.slots[0], second, key="mine")

    assert (answer.code, answer.details) == ("idempotency.mismatch", {"field": "patient_id"})


async def test_what_is_kept_of_an_appointment_is_what_was_answered(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=1)
    [person] = await hospital.patients(1)
    key = Idempotency(PORTAL.client_id, "k", "POST /appointments")

    async def book() -> Appointment:
        return await service.book_appointment(
            slot_id=schedule.slots[0], patient_id=person, actor=PORTAL, idempotency=key
        )

    given, again = await book(), await book()

    assert again == given
