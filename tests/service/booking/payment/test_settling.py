"""What the HIS says of a registration fee, and what becomes of the number: nothing is given back on silence."""

from datetime import timedelta

import pytest

from booking import followup, service
from booking.errors import FollowUpNotAllowed
from booking.payment.orders import order_hold
from integration.his.billing import Money
from payments import exceptions
from payments.exceptions import Action
from payments.resolving import Resolution, resolve_exception
from tests.factories.booking import PORTAL
from tests.factories.payments import CASHIER
from tests.factories.registration import FEE_FEN, RegistrationUnderTest, refusal


async def causes(clinic: RegistrationUnderTest) -> list[str]:
    return [one.cause.value for one in await exceptions.list_exceptions(clinic.db, limit=50)]


async def test_a_number_that_the_his_does_not_know_yet_is_told_again(clinic: RegistrationUnderTest) -> None:
    clinic.billing.rejects = "appointment_unknown"
    booked, order = await clinic.paid(await clinic.schedule())
    await clinic.pass_time(timedelta(minutes=1))
    assert ((await clinic.payments.look(order)).status, await clinic.refunds(order)) == ("paid", [])

    clinic.billing.rejects = None
    await clinic.pass_time(timedelta(minutes=10))

    assert (await clinic.payments.look(order)).status == "settled"
    assert clinic.billing.net_fen(booked.id) == FEE_FEN
    await clinic.require_sound()


async def test_a_number_that_the_his_ought_to_know_is_a_persons_case(clinic: RegistrationUnderTest) -> None:
    clinic.billing.rejects = "appointment_unknown"
    booked, order = await clinic.paid(await clinic.schedule())
    await clinic.db.execute("UPDATE appointment SET his_status = 'confirmed' WHERE id = $1", booked.id)
    await clinic.messages_arrive()

    await clinic.pass_time(timedelta(hours=3), step=timedelta(minutes=5))

    assert (await clinic.payments.look(order)).status == "paid"
    assert (await causes(clinic), await clinic.refunds(order)) == (["settlement_unknown"], [])


async def test_a_number_that_was_given_back_before_the_his_heard_of_it_gives_the_money_back(
    clinic: RegistrationUnderTest,
) -> None:
    clinic.billing.rejects = "appointment_unknown"
    booked, order = await clinic.paid(await clinic.schedule())
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.pass_time(timedelta(minutes=2))
    assert ((await clinic.payments.look(order)).status, await clinic.refunds(order)) == ("paid", [])

    await clinic.messages_arrive()
    await clinic.pass_time(timedelta(minutes=10))

    assert (await clinic.payments.look(order)).status == "refunded"
    assert (await clinic.look(booked)).payment == "refunded"
    await clinic.require_sound()


async def test_silence_is_no_answer(clinic: RegistrationUnderTest) -> None:
    clinic.billing.silent = True
    _, order = await clinic.paid(await clinic.schedule())
    await clinic.pass_time(timedelta(hours=2), step=timedelta(minutes=10))
    assert ((await clinic.payments.look(order)).status, await clinic.refunds(order)) == ("paid", [])
    assert await causes(clinic) == ["settlement_unknown"]

    clinic.billing.silent = False
    await clinic.pass_time(timedelta(minutes=30), step=timedelta(minutes=5))

    assert (await clinic.payments.look(order)).status == "settled"
    assert await causes(clinic) == []
    await clinic.require_sound()


async def test_an_answer_that_is_lost_is_asked_for(clinic: RegistrationUnderTest) -> None:
    clinic.billing.lost["settle"] = 1
    booked, order = await clinic.paid(await clinic.schedule())

    await clinic.pass_time(timedelta(minutes=2))

    assert (await clinic.payments.look(order)).status == "settled"
    assert (clinic.billing.calls["settle"], clinic.billing.net_fen(booked.id)) == (1, FEE_FEN)
    await clinic.require_sound()


async def test_a_fee_that_was_paid_at_the_window_goes_back_and_the_number_stands(
    clinic: RegistrationUnderTest,
) -> None:
    await clinic.rule("at-booking")
    clinic.billing.rejects = "already_charged"
    booked, order = await clinic.paid(await clinic.schedule())

    assert (await clinic.payments.look(order)).status == "refunded"
    assert ((await clinic.look(booked)).status, (await clinic.look(booked)).payment) == ("booked", "refunded")
    await clinic.require_sound()


@pytest.mark.parametrize(("policy", "stands"), [("at-booking", False), ("later", True)])
async def test_a_number_that_is_had_by_paying_ends_when_the_his_refuses_the_money(
    clinic: RegistrationUnderTest, policy: str, *, stands: bool
) -> None:
    await clinic.rule(policy)
    clinic.billing.rejects = "amount_differs"
    schedule = await clinic.schedule(seats=1)
    booked, order = await clinic.paid(schedule)

    now = await clinic.look(booked)
    assert (now.status, now.cancel_reason) == (("booked", None) if stands else ("cancelled", "payment_rejected"))
    assert ((await clinic.payments.look(order)).status, now.payment) == ("refunded", "refunded")
    free = await clinic.db.fetchval("SELECT count(*) FROM seat WHERE schedule_id = $1 AND status = 'free'", schedule.id)
    assert free == (0 if stands else 1)
    await clinic.require_sound()


async def test_a_visit_that_has_begun_is_not_refunded_by_itself(clinic: RegistrationUnderTest) -> None:
    booked, order = await clinic.paid(await clinic.schedule())
    clinic.billing.refuses_reversal = "service_done"

    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.payments.settle_down()

    assert await clinic.refunds(order) == [(FEE_FEN, "cancelled", "abnormal")]
    assert (await causes(clinic), (await clinic.look(booked)).payment) == (["reversal_refused"], "refunding")
    assert clinic.payments.wechat.held_fen == FEE_FEN


@pytest.mark.parametrize("had_it", [True, False])
async def test_a_fee_that_a_person_gives_up_is_not_settled_once_the_money_is_back(
    clinic: RegistrationUnderTest, *, had_it: bool
) -> None:
    """The settlement is still on its way when the money goes back: the HIS refuses what arrives then."""
    booked, order = await clinic.paid(await clinic.schedule(), settles=False)
    settlement_no, money = f"{order.order_no}S", Money(FEE_FEN, "wechatpay")
    if had_it:
        await clinic.billing.settle_registration(settlement_no=settlement_no, appointment_id=booked.id, money=money)
    clinic.billing.silent = True
    await clinic.pass_time(timedelta(hours=2), step=timedelta(minutes=10))
    [case] = await exceptions.list_exceptions(clinic.db, limit=5)
    assert (case.cause, case.facts["settlement_no"]) == ("settlement_unknown", settlement_no)
    await resolve_exception(case.id, Resolution(action=Action.REFUND, reason="患者要求退款"), actor=CASHIER)
    await clinic.payments.settle_down()
    assert await clinic.refunds(order) == [(FEE_FEN, "his_rejected", "reversing")]

    clinic.billing.silent = False
    clinic.billing.lost["void"] = 1
    await clinic.pass_time(timedelta(minutes=30), step=timedelta(minutes=5))

    assert (await clinic.payments.look(order)).status == "refunded"
    assert (clinic.billing.net_fen(booked.id), clinic.payments.wechat.held_fen) == (0, 0)
    arrived = await clinic.billing.settle_registration(
        settlement_no=settlement_no, appointment_id=booked.id, money=money
    )
    assert getattr(arrived, "code", None) == (None if had_it else "number_void")
    assert clinic.billing.net_fen(booked.id) == 0
    await clinic.require_sound()


async def test_a_process_without_the_his_leaves_the_fee_unknown(clinic: RegistrationUnderTest) -> None:
    await clinic.disconnect_his()
    _, order = await clinic.paid(await clinic.schedule())
    assert ((await clinic.payments.look(order)).status, clinic.billing.calls) == ("paid", {})


async def test_by_the_hospitals_terms_a_follow_up_wants_a_settled_payment(clinic: RegistrationUnderTest) -> None:
    await clinic.db.execute("UPDATE registration_payment_terms SET follow_up_wants_payment = true")
    first = await clinic.schedule()
    unpaid = await clinic.booked(first)
    clinic.billing.silent = True
    order = await clinic.pay(await order_hold((await clinic.held(first)).id, actor=PORTAL))
    paid = await clinic.of(order)
    await clinic.db.execute("UPDATE appointment SET status = 'fulfilled'")
    later = (await clinic.schedule(starts_in=timedelta(days=3))).slots[0]

    for visit in (unpaid, paid):
        refused = await refusal(
            followup.book_follow_up(slot_id=later, patient_id=visit.patient_id, first_id=visit.id, actor=PORTAL)
        )
        assert isinstance(refused, FollowUpNotAllowed)
        assert refused.details == {"rule": "paid"}
    clinic.billing.silent = False
    await clinic.pass_time(timedelta(minutes=5))

    booked = await followup.book_follow_up(slot_id=later, patient_id=paid.patient_id, first_id=paid.id, actor=PORTAL)
    assert (booked.status, booked.follow_up_of) == ("booked", paid.id)
