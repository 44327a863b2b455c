"""A registration fee is paid for a hold, which is then booked, or for an appointment; or the money goes back."""

from datetime import timedelta

import pytest

from booking import errors, expiry, followup, queries, service
from booking.payment.errors import NothingToPay, PayAtWindow, PaymentRequired
from booking.payment.orders import list_orders, order_appointment, order_hold
from booking.waitlist import service as waitlist
from booking.waitlist.facts import Wanted
from kernel import clock
from kernel.events import Actor
from kernel.idempotency import Idempotency
from payments import expiry as payment_expiry
from payments import orders
from payments.errors import OrderEnding, SubjectAlreadyOrdered
from payments.facts import Applied
from payments.gateways.port import PaymentState
from tests.factories.booking import KIOSK, PORTAL, ScheduleUnderTest, books
from tests.factories.registration import FEE_FEN, NOON, RegistrationUnderTest, refusal

OTHER = Actor(client_id="other", channel="portal", kind="partner")
HOLD = timedelta(minutes=15)


# --- a hold that is paid


async def test_paying_books_the_held_seat_at_once_and_the_his_hears_of_the_money(
    clinic: RegistrationUnderTest,
) -> None:
    schedule = await clinic.schedule()
    hold = await clinic.held(schedule)

    order = await order_hold(hold.id, actor=PORTAL)
    assert (order.kind, order.amount_fen, order.status, order.title) == ("registration", FEE_FEN, "open", "挂号费")
    order = await clinic.pay(order, settles=False)

    booked = await clinic.of(order)
    assert (booked.status, booked.queue_number, booked.payment) == ("booked", hold.queue_number, "paid")
    assert (booked.patient_id, booked.slot_id, booked.fee_fen) == (hold.patient_id, hold.slot_id, FEE_FEN)
    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "confirmed"
    assert (order.status, clinic.billing.receipts) == ("paid", {})

    await clinic.payments.settle_down()

    assert (await clinic.payments.look(order)).status == "settled"
    (receipt,) = clinic.billing.receipts.values()
    assert (receipt.number, receipt.appointment_id, receipt.cash_fen, receipt.channel) == (
        f"{order.order_no}S", booked.id, FEE_FEN, "wechatpay",
    )  # fmt: skip
    assert await list_orders(booked.id, actor=PORTAL) == [await clinic.payments.look(order)]
    await clinic.require_sound()


async def test_a_hold_lasts_for_the_time_to_pay_once_and_the_channel_ends_first(
    clinic: RegistrationUnderTest,
) -> None:
    hold = await clinic.held(await clinic.schedule())

    with clock.frozen(NOON + timedelta(minutes=10)):
        order = await order_hold(hold.id, actor=PORTAL)
        attempt = await clinic.payments.attempt(order)
        longer = await queries.get_hold(hold.id, actor=PORTAL)
        await give_up(clinic, order)
        again = await order_hold(hold.id, actor=PORTAL)
        after = await queries.get_hold(hold.id, actor=PORTAL)

    await clinic.payments.settle_down()
    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "active"
    assert longer.until == NOON + timedelta(minutes=25)
    assert attempt.expires_at < order.expires_at < longer.until
    assert (after.until, again.expires_at) == (longer.until, order.expires_at)


async def give_up(clinic: RegistrationUnderTest, order: orders.Order) -> None:
    """Close an order so that its hold goes on."""
    async with clinic.db.transaction() as tx:
        await orders.begin_closing(tx, order.id, reason="superseded", actor=PORTAL)
    attempt = await clinic.db.fetchval("SELECT id FROM payment_attempt WHERE order_id = $1", order.id)
    await payment_expiry.close_attempt(attempt)


async def test_a_hold_never_outlasts_the_beginning_of_the_visit(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule(starts_in=timedelta(minutes=18)))

    with clock.frozen(NOON + timedelta(minutes=10)):
        order = await order_hold(hold.id, actor=PORTAL)

    assert (await queries.get_hold(hold.id, actor=PORTAL)).until == NOON + timedelta(minutes=18)
    assert order.expires_at == NOON + timedelta(minutes=17, seconds=30)


async def test_a_hold_about_to_end_with_its_visit_is_not_ordered(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule(starts_in=timedelta(minutes=11)))
    before = await books(clinic.db)

    with clock.frozen(NOON + timedelta(minutes=10)):
        assert isinstance(await refusal(order_hold(hold.id, actor=PORTAL)), OrderEnding)

    assert await books(clinic.db) == before


async def test_a_hold_has_one_order_at_a_time(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())
    key = Idempotency("portal", "k1", "POST /orders", {"hold_id": str(hold.id)})
    first = await order_hold(hold.id, actor=PORTAL, idempotency=key)

    second = await refusal(order_hold(hold.id, actor=PORTAL))

    assert isinstance(second, SubjectAlreadyOrdered)
    assert second.details == {"order_id": first.id}
    assert await order_hold(hold.id, actor=PORTAL, idempotency=key) == first
    assert isinstance(await refusal(order_hold(hold.id, actor=OTHER)), errors.HoldNotFound)


async def test_a_hold_that_is_over_is_not_ordered(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    ended, released, confirmed = [await clinic.held(schedule) for _ in range(3)]
    await service.release_hold(hold_id=released.id, actor=PORTAL)
    await service.confirm_hold(hold_id=confirmed.id, actor=PORTAL)

    with clock.frozen(NOON + HOLD):
        found = [await refusal(order_hold(one.id, actor=PORTAL)) for one in (ended, released, confirmed)]

    assert [type(one) for one in found] == [errors.HoldEnded] * 3
    assert [one.details["current_status"] for one in found] == ["expired", "released", "confirmed"]


async def test_releasing_a_hold_closes_its_order(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())
    order = await order_hold(hold.id, actor=PORTAL)

    await service.release_hold(hold_id=hold.id, actor=PORTAL)

    assert (await clinic.payments.look(order)).status == "closed"
    await clinic.payments.settle_down()
    await clinic.require_sound()


async def test_an_unpaid_confirm_leaves_the_order_to_the_appointment(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())
    order = await order_hold(hold.id, actor=PORTAL)

    booked = await service.confirm_hold(hold_id=hold.id, actor=PORTAL)
    assert booked.payment == "open"
    await clinic.pay(order)

    assert (await clinic.look(booked)).payment == "paid"
    assert clinic.billing.net_fen(booked.id) == FEE_FEN
    await clinic.require_sound()


# --- who pays when


async def test_where_the_fee_is_paid_first_nothing_is_booked_without_it(clinic: RegistrationUnderTest) -> None:
    await clinic.rule("at-booking")
    schedule = await clinic.schedule()
    hold = await clinic.held(schedule)
    (patient,) = await clinic.hospital.patients(1)
    before = await books(clinic.db)

    directly = await refusal(service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL))
    unpaid = await refusal(service.confirm_hold(hold_id=hold.id, actor=PORTAL))

    assert (type(directly), type(unpaid)) == (PaymentRequired, PaymentRequired)
    assert "order for the hold" in directly.sentence("en")
    assert await books(clinic.db) == before
    order = await clinic.pay(await order_hold(hold.id, actor=PORTAL))
    assert (await clinic.of(order)).status == "booked"
    at_window = await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=KIOSK)
    assert (at_window.status, at_window.payment) == ("booked", "none")
    await clinic.require_sound()


async def test_what_costs_nothing_is_never_paid_first(clinic: RegistrationUnderTest) -> None:
    await clinic.rule("at-booking")
    free = await clinic.schedule(fee_fen=0)
    hold = await clinic.held(free)

    assert isinstance(await refusal(order_hold(hold.id, actor=PORTAL)), NothingToPay)
    assert (await service.confirm_hold(hold_id=hold.id, actor=PORTAL)).status == "booked"
    assert (await clinic.booked(free)).status == "booked"


async def test_a_follow_up_skips_the_payment(clinic: RegistrationUnderTest) -> None:
    await clinic.rule("at-booking")
    visit, _ = await clinic.paid(await clinic.schedule())
    await clinic.db.execute("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", visit.id)
    later = await clinic.schedule(starts_in=timedelta(days=3))

    hold = await followup.hold_follow_up(
        slot_id=later.slots[0], patient_id=visit.patient_id, first_id=visit.id, actor=PORTAL
    )
    assert isinstance(await refusal(order_hold(hold.id, actor=PORTAL)), NothingToPay)
    booked = await service.confirm_hold(hold_id=hold.id, actor=PORTAL)

    assert (booked.fee_fen, booked.payment, booked.follow_up_of) == (0, "none", visit.id)


@pytest.mark.parametrize(("policy", "refused"), [("at-window", PayAtWindow), ("none", NothingToPay)])
async def test_where_patients_pay_elsewhere_no_order_is_made_for_them(
    clinic: RegistrationUnderTest, policy: str, refused: type[Exception]
) -> None:
    await clinic.rule(policy)
    schedule = await clinic.schedule()
    hold, booked = await clinic.held(schedule), await clinic.booked(schedule)

    assert isinstance(await refusal(order_hold(hold.id, actor=PORTAL)), refused)
    assert isinstance(await refusal(order_appointment(booked.id, actor=PORTAL)), refused)
    assert (await service.confirm_hold(hold_id=hold.id, actor=PORTAL)).status == "booked"
    if policy == "at-window":
        assert (await order_appointment(booked.id, actor=KIOSK)).status == "open"


async def test_the_most_specific_rule_counts(clinic: RegistrationUnderTest) -> None:
    await clinic.rule("at-booking", channel="portal")
    await clinic.rule("later", service_type="general")
    schedule = await clinic.schedule()
    (hold,) = [await clinic.held(schedule)]
    assert (await service.confirm_hold(hold_id=hold.id, actor=PORTAL)).status == "booked"

    await clinic.rule("at-booking", service_type="general", channel="portal")

    other = await clinic.held(schedule)
    assert isinstance(await refusal(service.confirm_hold(hold_id=other.id, actor=PORTAL)), PaymentRequired)


async def test_an_offer_of_the_waitlist_is_paid_like_a_hold(clinic: RegistrationUnderTest) -> None:
    await clinic.rule("at-booking")
    schedule = await clinic.schedule(seats=1)
    taken, _ = await clinic.paid(schedule)
    (waiting,) = await clinic.hospital.patients(1)
    entry = await waitlist.join_waitlist(Wanted("schedule", schedule.id, waiting), actor=PORTAL)
    await service.cancel_appointment(appointment_id=taken.id, reason=None, actor=PORTAL)
    offer = await clinic.db.fetchval("SELECT offer_id FROM waitlist_entry WHERE id = $1", entry.id)

    assert isinstance(await refusal(waitlist.accept_offer(offer_id=offer, actor=PORTAL)), PaymentRequired)
    order = await clinic.pay(await order_hold(offer, actor=PORTAL))

    booked = await clinic.of(order)
    assert (booked.patient_id, booked.status, booked.payment) == (waiting, "booked", "paid")
    assert await clinic.db.fetchval("SELECT status FROM waitlist_entry WHERE id = $1", entry.id) == "taken"
    await clinic.require_sound()


# --- the end of an order, and money after it


async def end(clinic: RegistrationUnderTest) -> None:
    await payment_expiry.expire_orders()
    await clinic.payments.settle_down()


async def test_the_seat_is_free_on_time_though_the_channel_is_silent(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=1)
    order = await order_hold((await clinic.held(schedule)).id, actor=PORTAL)
    await clinic.payments.attempt(order)
    clinic.payments.wechat.silent = True

    with clock.frozen(order.expires_at + timedelta(seconds=1)):
        await end(clinic)
        assert (await clinic.payments.look(order)).status == "closing"
        assert (await clinic.booked(schedule)).queue_number == 1
        clinic.payments.wechat.silent = False
        await clinic.pass_time(timedelta(minutes=5))
        assert (await clinic.payments.look(order)).status == "closed"
        await clinic.require_sound()


async def late(clinic: RegistrationUnderTest, order: orders.Order) -> orders.Order:
    """Let the payment of an order that is over turn up, and see what follows."""
    (number,) = clinic.payments.wechat.tried
    assert await clinic.payments.tell(clinic.payments.wechat.pay(number)) is Applied.PAID
    await clinic.payments.settle_down()
    return await clinic.payments.look(order)


async def begun(clinic: RegistrationUnderTest, seats: int) -> tuple[orders.Order, ScheduleUnderTest]:
    """Order a hold, begin to pay, and let the order's time pass while the channel is silent."""
    schedule = await clinic.schedule(seats=seats)
    order = await order_hold((await clinic.held(schedule)).id, actor=PORTAL)
    await clinic.payments.attempt(order)
    clinic.payments.wechat.silent = True
    with clock.frozen(order.expires_at + timedelta(seconds=1)):
        await end(clinic)
    clinic.payments.wechat.silent = False
    return order, schedule


@pytest.mark.parametrize("swept", [True, False])
async def test_late_money_has_the_same_seat_again(clinic: RegistrationUnderTest, *, swept: bool) -> None:
    order, _ = await begun(clinic, seats=2)

    with clock.frozen(order.expires_at + timedelta(minutes=5)):
        if swept:
            await expiry.expire_holds()
        order = await late(clinic, order)
        booked = await clinic.of(order)
        assert (order.status, booked.status, booked.queue_number, booked.payment) == ("settled", "booked", 1, "paid")
        await clinic.require_sound()


async def test_late_money_has_another_seat_of_its_slot_when_its_own_is_taken(clinic: RegistrationUnderTest) -> None:
    order, schedule = await begun(clinic, seats=2)

    with clock.frozen(order.expires_at + timedelta(minutes=5)):
        other = await clinic.booked(schedule)
        order = await late(clinic, order)
        assert (other.queue_number, (await clinic.of(order)).queue_number) == (1, 2)
        assert order.status == "settled"
        await clinic.require_sound()


async def test_late_money_goes_back_when_nothing_is_left(clinic: RegistrationUnderTest) -> None:
    order, schedule = await begun(clinic, seats=1)

    with clock.frozen(order.expires_at + timedelta(minutes=5)):
        await clinic.booked(schedule)
        order = await late(clinic, order)
        assert order.status == "refunded"
        assert await clinic.refunds(order) == [(FEE_FEN, "his_rejected", "succeeded")]
        assert (clinic.billing.calls, clinic.payments.wechat.held_fen) == ({}, 0)
        reason = await clinic.db.fetchval("SELECT reason FROM payment_settlement WHERE order_id = $1", order.id)
        assert reason == "booking.sold_out"
        await clinic.require_sound()


async def test_late_money_does_not_overtake_those_who_wait(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=1)
    order = await order_hold((await clinic.held(schedule)).id, actor=PORTAL)
    await clinic.payments.attempt(order)
    (waiting,) = await clinic.hospital.patients(1)
    entry = await waitlist.join_waitlist(Wanted("schedule", schedule.id, waiting), actor=PORTAL)

    with clock.frozen(order.expires_at + timedelta(minutes=5)):
        order = await late(clinic, order)
        assert order.status == "refunded"
        assert await waitlist.offer_free_seats() == 1
        assert await clinic.db.fetchval("SELECT offer_id FROM waitlist_entry WHERE id = $1", entry.id) is not None
        await clinic.require_sound()


async def test_late_money_finds_that_the_person_has_booked_otherwise(clinic: RegistrationUnderTest) -> None:
    order, schedule = await begun(clinic, seats=3)

    with clock.frozen(order.expires_at + timedelta(minutes=5)):
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=order.patient_id, actor=PORTAL)
        order = await late(clinic, order)
        assert order.status == "refunded"
        await clinic.require_sound()


async def test_money_for_a_fee_that_has_changed_goes_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    order = await order_hold((await clinic.held(schedule)).id, actor=PORTAL)
    await clinic.db.execute("UPDATE schedule SET fee_fen = 2000 WHERE id = $1", schedule.id)

    order = await clinic.pay(order)

    assert (order.status, clinic.billing.calls) == ("refunded", {})
    await clinic.require_sound()


# --- an appointment that is paid later


async def test_an_appointment_is_paid_until_the_visit(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule()
    booked = await clinic.booked(schedule)

    order = await order_appointment(booked.id, actor=PORTAL)
    assert (order.expires_at, (await clinic.look(booked)).payment) == (schedule.starts_at, "open")
    assert isinstance(await refusal(order_appointment(booked.id, actor=PORTAL)), SubjectAlreadyOrdered)
    order = await clinic.pay(order)

    now = await clinic.look(booked)
    assert (order.status, now.payment, now.version) == ("settled", "paid", booked.version)
    assert isinstance(await refusal(order_appointment(booked.id, actor=PORTAL)), SubjectAlreadyOrdered)
    assert clinic.billing.net_fen(booked.id) == FEE_FEN
    await clinic.require_sound()


async def test_an_order_that_nobody_paid_is_noted_and_may_be_made_anew(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    order = await order_appointment(booked.id, actor=PORTAL)

    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    await clinic.payments.settle_down()

    assert (await clinic.look(booked)).payment == "none"
    assert (await order_appointment(booked.id, actor=PORTAL)).status == "open"


async def test_an_appointment_is_paid_once_whatever_orders_it_had(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())
    first = await order_hold(hold.id, actor=PORTAL)
    attempt = await clinic.payments.attempt(first)
    booked = await service.confirm_hold(hold_id=hold.id, actor=PORTAL)
    await give_up(clinic, first)
    second = await clinic.pay(await order_appointment(booked.id, actor=PORTAL))

    # The channel had closed the first attempt, and yet says that it was paid.
    clinic.payments.wechat.tried[attempt.attempt_no].state = PaymentState.UNPAID
    assert await clinic.payments.tell(clinic.payments.wechat.pay(attempt.attempt_no)) is Applied.PAID
    await clinic.payments.settle_down()

    assert [(await clinic.payments.look(one)).status for one in (first, second)] == ["refunded", "settled"]
    assert (await clinic.look(booked)).payment == "paid"
    assert clinic.billing.net_fen(booked.id) == FEE_FEN
    await clinic.require_sound()


async def test_paying_one_order_of_an_appointment_closes_the_other(clinic: RegistrationUnderTest) -> None:
    hold = await clinic.held(await clinic.schedule())
    first = await order_hold(hold.id, actor=PORTAL)
    attempt = await clinic.payments.attempt(first)
    booked = await service.confirm_hold(hold_id=hold.id, actor=PORTAL)
    await give_up(clinic, first)
    second = await order_appointment(booked.id, actor=PORTAL)

    clinic.payments.wechat.tried[attempt.attempt_no].state = PaymentState.UNPAID
    await clinic.payments.tell(clinic.payments.wechat.pay(attempt.attempt_no))
    await clinic.payments.settle_down()

    assert [(await clinic.payments.look(one)).status for one in (first, second)] == ["settled", "closed"]
    assert (await clinic.look(booked)).payment == "paid"
    await clinic.require_sound()


@pytest.mark.parametrize("status", ["cancelled", "noshow"])
async def test_money_for_a_visit_that_will_not_be_goes_back(clinic: RegistrationUnderTest, status: str) -> None:
    booked = await clinic.booked(await clinic.schedule())
    order = await order_appointment(booked.id, actor=PORTAL)
    if status == "cancelled":
        await clinic.payments.attempt(order)
        clinic.payments.wechat.silent = True
        await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
        clinic.payments.wechat.silent = False
        order = await late(clinic, order)
    else:
        await clinic.db.execute("UPDATE appointment SET status = 'noshow' WHERE id = $1", booked.id)
        order = await clinic.pay(order)

    assert order.status == "refunded"
    assert (clinic.billing.calls, (await clinic.look(booked)).payment) == ({}, "refunded")
    await clinic.payments.require_sound()


async def test_a_stranger_orders_nothing(clinic: RegistrationUnderTest) -> None:
    booked = await clinic.booked(await clinic.schedule())
    for action in (order_appointment(booked.id, actor=OTHER), list_orders(booked.id, actor=OTHER)):
        assert isinstance(await refusal(action), errors.AppointmentNotFound)
    assert await clinic.db.fetchval("SELECT count(*) FROM payment_order") == 0


async def test_closing_the_order_gives_the_seat_back(clinic: RegistrationUnderTest) -> None:
    schedule = await clinic.schedule(seats=1)
    hold = await clinic.held(schedule)
    order = await order_hold(hold.id, actor=PORTAL)

    await orders.close_order(order.id, reason="cancelled", actor=PORTAL)
    await clinic.payments.settle_down()

    assert (await queries.get_hold(hold.id, actor=PORTAL)).status == "released"
    assert (await clinic.booked(schedule)).queue_number == 1
    await clinic.require_sound()


async def test_an_order_counts_as_a_booking_among_those_of_its_telephone(clinic: RegistrationUnderTest) -> None:
    await clinic.db.execute(
        "UPDATE claim_limit SET active = (subject, claim, period) = ('phone', 'appointment', 'day'), count_max = 1"
    )
    schedule, other = await clinic.schedule(), await clinic.schedule(starts_in=timedelta(days=3))
    people = await clinic.hospital.patients(2)
    await clinic.db.execute("UPDATE patient SET phone_hash = 'one'::bytea WHERE id = ANY ($1)", people)
    first, second = [await clinic.held(one, who) for one, who in zip((schedule, other), people, strict=True)]

    order = await order_hold(first.id, actor=PORTAL)

    assert isinstance(await refusal(order_hold(second.id, actor=PORTAL)), errors.LimitReached)
    assert (await clinic.of(await clinic.pay(order))).status == "booked"
    await clinic.require_sound()
