"""What becomes of an appointment that the core HIS refuses."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import service
from booking.facts import Appointment
from booking.his.outbound import OUTBOUND, PASSED_ON_THE_WAY, REJECTED_BY_HIS
from integration.his.port import Rejected
from integration.his.subscriptions import Intent, Verdict
from kernel import clock
from kernel.outbox import OUTBOX
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest, books, require_books_agree

SEAT_TAKEN = Rejected("seat_taken", "the window has sold it")
ON_REJECTED = {one.event_type: one.rejected for one in OUTBOUND}


async def book(schedule: ScheduleUnderTest, person: UUID) -> Appointment:
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)


async def refuse(hospital: HospitalUnderTest, appointment: Appointment, rejection: Rejected) -> Verdict:
    """Let the HIS refuse the appointment's letter that is due, and finish it as delivery does if it is settled."""
    lease = await OUTBOX.claim(
        hospital.db, "his", limit=1, lease_seconds=30, aggregates=[f"appointment:{appointment.id}"]
    )
    assert lease is not None
    [row] = await OUTBOX.renew(hospital.db, lease, lease_seconds=30)
    intent = Intent(
        row["id"], row["event_type"], row["aggregate"], row["message_id"], row["payload"], row["created_at"]
    )
    settle = ON_REJECTED[intent.event_type]
    assert settle is not None
    async with hospital.db.transaction() as tx:
        verdict = await settle(tx, intent, rejection)
        if verdict is Verdict.SETTLED:
            await OUTBOX.finish(tx, lease, lease.letter_ids)
    if verdict is not Verdict.SETTLED:
        await OUTBOX.release(hospital.db, lease, lease.letter_ids)
    return verdict


async def accept(hospital: HospitalUnderTest, appointment: Appointment, his_id: str) -> None:
    """Let the HIS accept every letter of an appointment so far."""
    await hospital.db.execute(
        "UPDATE outbox SET status = 'done', finished_at = $2 WHERE aggregate = $1",
        f"appointment:{appointment.id}",
        clock.now(),
    )
    await hospital.db.execute(
        "UPDATE appointment SET his_id = $2, his_status = 'confirmed' WHERE id = $1", appointment.id, his_id
    )


async def letters(hospital: HospitalUnderTest, appointment: Appointment) -> list[tuple[str, str]]:
    rows = await hospital.db.fetch(
        "SELECT event_type, status FROM outbox WHERE aggregate = $1 ORDER BY id", f"appointment:{appointment.id}"
    )
    return [(row["event_type"], row["status"]) for row in rows]


async def state(hospital: HospitalUnderTest, appointment: Appointment) -> tuple[Any, ...]:
    row = await hospital.db.fetchrow(
        "SELECT status, his_status, cancel_reason, seq FROM appointment WHERE id = $1", appointment.id
    )
    assert row is not None
    return tuple(row.values())


async def test_a_seat_that_the_window_sold_is_exchanged_for_another(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    appointment = await book(schedule, (await hospital.patients(1))[0])

    assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.SETTLED

    assert await state(hospital, appointment) == ("booked", "pending", None, 2)
    assert (await letters(hospital, appointment))[-1] == ("appointment.booked", "pending")
    assert await hospital.db.fetchval("SELECT moves FROM appointment") == 0
    await require_books_agree(hospital.db)


async def test_without_another_seat_it_is_given_up_and_the_his_that_never_had_it_hears_nothing(
    hospital: HospitalUnderTest,
) -> None:
    schedule = await hospital.schedule(seats=1)
    appointment = await book(schedule, (await hospital.patients(1))[0])

    assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.SETTLED

    assert await state(hospital, appointment) == ("cancelled", "rejected", REJECTED_BY_HIS, 1)
    assert await letters(hospital, appointment) == [("appointment.booked", "done")]
    await require_books_agree(hospital.db)


async def test_a_refused_move_ends_an_appointment_that_the_his_still_has_so_it_is_told(
    hospital: HospitalUnderTest,
) -> None:
    old, new = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    appointment = await book(old, (await hospital.patients(1))[0])
    await accept(hospital, appointment, "H1")
    await service.reschedule_appointment(appointment_id=appointment.id, slot_id=new.slots[0], actor=PORTAL)

    assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.SETTLED

    assert await state(hospital, appointment) == ("cancelled", "pending", REJECTED_BY_HIS, 1)
    assert (await letters(hospital, appointment))[-1] == ("appointment.cancelled", "pending")
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("heard", [False, True])
async def test_a_seat_that_somebody_has_just_left_is_asked_for_again(hospital: HospitalUnderTest, heard: bool) -> None:  # noqa: FBT001  parametrized
    """The letter of who left may be on its way, or have arrived after the HIS refused this one."""
    schedule = await hospital.schedule(seats=1)
    first, second = await hospital.patients(2)
    left = await book(schedule, first)
    await accept(hospital, left, "H1")
    await service.cancel_appointment(appointment_id=left.id, reason=None, actor=PORTAL)
    appointment = await book(schedule, second)
    if heard:
        await accept(hospital, left, "H1")
    before = (await books(hospital.db))["appointment"]

    assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.RETRY
    assert (await books(hospital.db))["appointment"] == before

    # Later the refusal can only mean the window's own sale.
    await accept(hospital, left, "H1")
    with clock.frozen(clock.now() + PASSED_ON_THE_WAY + timedelta(seconds=1)):
        assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.SETTLED
    assert (await state(hospital, appointment))[0] == "cancelled"


@pytest.mark.parametrize("code", ["schedule_unknown", "patient_unknown", "version_conflict"])
async def test_what_passes_with_time_is_tried_again(hospital: HospitalUnderTest, code: str) -> None:
    schedule = await hospital.schedule(seats=2)
    appointment = await book(schedule, (await hospital.patients(1))[0])

    assert await refuse(hospital, appointment, Rejected(code, "not yet")) is Verdict.RETRY
    assert await state(hospital, appointment) == ("booked", "pending", None, 1)


async def test_the_refusal_of_what_is_over_here_too_settles_it(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=2)
    appointment = await book(schedule, (await hospital.patients(1))[0])
    await service.cancel_appointment(appointment_id=appointment.id, reason=None, actor=PORTAL)

    assert await refuse(hospital, appointment, SEAT_TAKEN) is Verdict.SETTLED
    assert (await state(hospital, appointment))[0] == "cancelled"
