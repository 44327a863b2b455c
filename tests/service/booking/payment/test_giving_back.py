"""Whatever ends an appointment, or makes it cheaper, sends the fee back by rule; what was missed is not sent back."""

import asyncio
from datetime import timedelta

import pytest

from booking import errors, queries, service
from booking.facts import Appointment
from booking.fairness import noshows
from booking.his.inbound import follow_status
from booking.mass_cancellation import cancel_many
from booking.payment.errors import FeeDiffers, PaymentRequired, PaymentUnderWay
from booking.payment.orders import order_appointment, order_hold
from booking.stops import saga
from booking.stops import service as stops
from integration.his.facts import AppointmentStatus
from kernel import clock
from payments import orders, refunds
from payments.errors import OrderNotOpen
from payments.orders import Order
from payments.refunds import Ask
from tests.factories.booking import KIOSK, PORTAL, books
from tests.factories.registration import FEE_FEN, RegistrationUnderTest, refusal
from tests.factories.stops import OFFICE, add_substitute, stop_and_finish

WHOLE = [(FEE_FEN, "cancelled", "succeeded")]


async def require_given_back(clinic: RegistrationUnderTest, booked: Appointment, order: Order) -> None:
    """See that the whole fee is back with the patient, and that the HIS has none of it."""
    assert (await clinic.payments.look(order)).status == "refunded"
    assert await clinic.refunds(order) == WHOLE
    now = await clinic.look(booked)
    assert (now.status, now.payment) == ("cancelled", "refunded")
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (0, 0)
    await clinic.require_sound()


async def test_cancelling_frees_the_seat_at_once_and_the_money_follows_the_his(
    clinic: RegistrationUnderTest,
) -> None:
    schedule = await clinic.schedule(seats=1)
    booked, order = await clinic.paid(schedule)

    cancelled = await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)

    assert (cancelled.status, cancelled.payment) == ("cancelled", "refunding")
    assert await clinic.refunds(order) == [(FEE_FEN, "cancelled", "reversing")]
    assert (await clinic.booked(schedule)).queue_number == 1
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (FEE_FEN, FEE_FEN)
    clinic.billing.silent = True
    await clinic.payments.settle_down()
    assert clinic.payments.wechat.refunds == {}
    clinic.billing.silent = False
    await clinic.pass_time(timedelta(minutes=2))
    await require_given_back(clinic, booked, order)


async def test_what_is_cancelled_before_the_his_has_it_goes_back_once_it_has(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule(), settles=False)

    cancelled = await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    assert (cancelled.status, await clinic.refunds(order)) == ("cancelled", [])
    await clinic.payments.settle_down()

    await require_given_back(clinic, booked, order)


async def test_what_the_his_refuses_because_it_was_cancelled_goes_back_too(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule(), settles=False)
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    clinic.billing.rejects = "appointment_not_active"

    await clinic.payments.settle_down()

    assert (await clinic.payments.look(order)).status == "refunded"
    assert await clinic.refunds(order) == [(FEE_FEN, "his_rejected", "succeeded")]
    await clinic.require_sound()


async def test_past_the_deadline_neither_the_number_nor_the_fee_goes_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule)
    before = await books(clinic.db)

    with clock.frozen(schedule.starts_at - timedelta(minutes=1)):
        refused = await refusal(service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL))

    assert isinstance(refused, errors.CancelDeadlinePassed)
    assert (await books(clinic.db), await clinic.refunds(order)) == (before, [])


async def test_who_cancels_what_is_about_to_be_paid_closes_the_order(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    order = await order_appointment(booked.id, actor=PORTAL)

    cancelled = await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)

    assert ((await clinic.payments.look(order)).status, cancelled.payment) == ("closed", "none")
    await clinic.payments.settle_down()
    await clinic.require_sound()


async def test_an_order_of_the_kiosks_goes_back_when_the_portal_cancels(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    order = await order_appointment(booked.id, actor=KIOSK)
    attempt = await clinic.payments.attempt(order, actor=KIOSK)
    await clinic.payments.tell(clinic.payments.wechat.pay(attempt.attempt_no))
    await clinic.payments.settle_down()

    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.payments.settle_down()

    await require_given_back(clinic, booked, order)


async def test_what_a_person_has_refunded_before_is_not_sent_again(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())
    await refunds.request_refund(order.id, amount_fen=400, ask=Ask(reason="患者申请"), actor=KIOSK)

    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.pass_time(timedelta(minutes=3))

    assert await clinic.refunds(order) == [(400, "requested", "succeeded"), (600, "cancelled", "succeeded")]
    assert (await clinic.look(booked)).payment == "refunded"
    await clinic.require_sound()


async def test_a_number_given_back_at_the_his_gives_the_fee_back(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())

    async with clinic.db.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", booked.id)
        assert row is not None
        await follow_status(tx, row, status=AppointmentStatus.CANCELLED, version=9, actor=OFFICE)
    await clinic.payments.settle_down()

    await require_given_back(clinic, booked, order)


async def test_a_stopped_clinic_gives_every_fee_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    paid = [await clinic.paid(schedule), await clinic.paid_later(schedule)]

    await stop_and_finish(schedule)
    await clinic.payments.settle_down()

    for booked, order in paid:
        assert (await clinic.payments.look(order)).status == "refunded"
        now = await clinic.look(booked)
        assert (now.status, now.cancel_reason, now.payment) == ("cancelled", "stopped", "refunded")
    await clinic.require_sound()


async def test_many_cancellations_at_once_give_every_fee_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule)
    other = await clinic.booked(schedule)

    async with clinic.db.transaction() as tx:
        await cancel_many(tx, [booked.id, other.id], actor=OFFICE, reason="r", handlers=())
    await clinic.payments.settle_down()

    await require_given_back(clinic, booked, order)


async def test_who_stays_away_has_nothing_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule)
    await clinic.db.execute("UPDATE appointment SET his_status = 'confirmed' WHERE id = $1", booked.id)
    await clinic.messages_arrive()

    with clock.frozen(schedule.starts_at + timedelta(days=2)):
        assert await noshows.mark_noshows() == 1
        await clinic.payments.settle_down()

    now = await clinic.look(booked)
    assert (now.status, now.payment) == ("noshow", "paid")
    assert (await clinic.refunds(order), (await clinic.payments.look(order)).status) == ([], "settled")


# --- another time, another doctor, another fee


async def move(clinic: RegistrationUnderTest, booked: Appointment, *, fee_fen: int) -> Appointment:
    there = await clinic.schedule(fee_fen=fee_fen, starts_in=timedelta(days=3))
    return await service.reschedule_appointment(appointment_id=booked.id, slot_id=there.slots[0], actor=PORTAL)


async def test_the_fee_moves_with_the_appointment(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())

    moved = await move(clinic, booked, fee_fen=FEE_FEN)
    await clinic.payments.settle_down()

    assert (moved.fee_fen, moved.payment, await clinic.refunds(order)) == (FEE_FEN, "paid", [])
    await clinic.require_sound()


async def test_a_cheaper_time_gives_the_difference_back(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())

    moved = await move(clinic, booked, fee_fen=700)
    await clinic.payments.settle_down()

    assert (moved.fee_fen, moved.payment) == (700, "paid")
    assert await clinic.refunds(order) == [(300, "requested", "succeeded")]
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (700, 700)
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.pass_time(timedelta(minutes=3))
    assert await clinic.refunds(order) == [(300, "requested", "succeeded"), (700, "cancelled", "succeeded")]
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (0, 0)
    await clinic.require_sound()


async def test_a_dearer_time_is_refused(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())
    there = await clinic.schedule(fee_fen=1500, starts_in=timedelta(days=3))
    before = await books(clinic.db)

    refused = await refusal(
        service.reschedule_appointment(appointment_id=booked.id, slot_id=there.slots[0], actor=PORTAL)
    )

    assert isinstance(refused, FeeDiffers)
    assert refused.details == {"paid_fen": FEE_FEN, "fee_fen": 1500}
    assert (await books(clinic.db), await clinic.refunds(order)) == (before, [])


async def test_by_the_hospitals_terms_only_the_same_fee_moves(clinic: RegistrationUnderTest) -> None:
    await clinic.db.execute("UPDATE registration_payment_terms SET reschedule = 'same-fee'")
    booked, _ = await clinic.paid(await clinic.schedule())

    assert isinstance(await refusal(move(clinic, booked, fee_fen=700)), FeeDiffers)
    assert (await move(clinic, booked, fee_fen=FEE_FEN)).payment == "paid"


async def test_a_fee_that_is_just_being_settled_waits_before_it_changes(clinic: RegistrationUnderTest) -> None:
    booked, _ = await clinic.paid(await clinic.schedule(), settles=False)

    assert isinstance(await refusal(move(clinic, booked, fee_fen=700)), PaymentUnderWay)
    await clinic.payments.settle_down()

    assert (await move(clinic, booked, fee_fen=700)).fee_fen == 700


async def test_an_order_of_the_old_fee_is_closed_and_made_anew(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    order = await order_appointment(booked.id, actor=PORTAL)

    moved = await move(clinic, booked, fee_fen=1500)

    assert ((await clinic.payments.look(order)).status, moved.payment) == ("closed", "none")
    again = await clinic.pay(await order_appointment(booked.id, actor=PORTAL))
    assert (again.amount_fen, again.status) == (1500, "settled")
    await clinic.require_sound()


async def test_nobody_moves_unpaid_to_where_the_fee_is_paid_first(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    await clinic.rule("at-booking")

    assert isinstance(await refusal(move(clinic, booked, fee_fen=FEE_FEN)), PaymentRequired)
    await clinic.pay(await order_appointment(booked.id, actor=PORTAL))

    assert (await move(clinic, booked, fee_fen=FEE_FEN)).payment == "paid"


@pytest.mark.parametrize("settles", [True, False])
async def test_a_cheaper_substitute_gives_the_difference_back(clinic: RegistrationUnderTest, *, settles: bool) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule, settles=settles)
    substitute = await add_substitute(clinic.hospital, amount_fen=800)

    await stop_and_finish(schedule, substitute_id=substitute, steps=("substitute", "cancel"))
    await clinic.payments.settle_down()

    now = await clinic.look(booked)
    assert (now.status, now.fee_fen, now.payment) == ("booked", 800, "paid")
    assert await clinic.refunds(order) == [(200, "requested", "succeeded")]
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (800, 800)
    await clinic.require_sound()


async def test_a_stop_closes_the_order_of_the_hold_that_it_ends(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    hold = await clinic.held(schedule)
    order = await order_hold(hold.id, actor=PORTAL)
    attempt = await clinic.payments.attempt(order)

    await stop_and_finish(schedule)

    ended = await clinic.payments.look(order)
    assert (ended.status, ended.close_reason) == ("closing", "clinic_stopped")
    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "released"
    # Nobody can begin to pay any more; whoever has paid at that very moment has the money back.
    assert isinstance(await refusal(clinic.payments.attempt(order)), OrderNotOpen)
    await clinic.payments.tell(clinic.payments.wechat.pay(attempt.attempt_no))
    await clinic.payments.settle_down()
    assert (await clinic.payments.look(order)).status == "refunded"
    assert clinic.payments.wechat.held_fen == 0
    await clinic.require_sound()


async def test_a_stop_waits_for_a_hold_that_is_being_paid_for_just_now(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    hold = await clinic.held(schedule)
    order = await order_hold(hold.id, actor=PORTAL)

    locked, done = asyncio.Event(), asyncio.Event()

    async def look_at_it() -> None:
        async with clinic.db.transaction() as tx:
            await orders.lock_order(tx, order.id, PORTAL)
            locked.set()
            await done.wait()

    looking = asyncio.create_task(look_at_it())
    await locked.wait()
    stop_id = await stop_and_finish(schedule)
    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "active"
    done.set()
    await looking
    await saga.drive_order(stop_id)

    assert (await clinic.payments.look(order)).status == "closed"
    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "released"


async def test_a_stop_moves_what_is_paid_to_no_dearer_time(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule)
    await clinic.schedule(fee_fen=1500, starts_in=timedelta(days=2, hours=1))
    cheaper = await clinic.schedule(fee_fen=900, starts_in=timedelta(days=3))

    await stop_and_finish(schedule, steps=("move", "cancel"), within_days=7)
    await clinic.payments.settle_down()

    now = await clinic.look(booked)
    assert (now.schedule_id, now.fee_fen, now.payment) == (cheaper.id, 900, "paid")
    assert await clinic.refunds(order) == [(100, "requested", "succeeded")]
    await clinic.require_sound()


async def test_a_patient_of_a_stopped_clinic_declines_and_has_the_fee_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked, order = await clinic.paid(schedule)
    dearer = await clinic.schedule(fee_fen=1500, starts_in=timedelta(days=2, hours=1))
    await stop_and_finish(schedule, steps=("offer", "cancel"), within_days=7)

    refused = await refusal(stops.choose_slot(appointment_id=booked.id, slot_id=dearer.slots[0], actor=PORTAL))
    assert isinstance(refused, FeeDiffers)
    await stops.decline_offer(appointment_id=booked.id, actor=PORTAL)
    await clinic.payments.settle_down()

    assert (await clinic.payments.look(order)).status == "refunded"
    await clinic.require_sound()
