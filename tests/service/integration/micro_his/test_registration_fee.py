"""The registration fee against the micro-HIS itself: told, asked for, taken back, and not known yet."""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from booking import service
from booking.facts import Appointment
from booking.payment.fulfilment import RegistrationFulfilment
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import HisReceipt
from integration.his.facts import AppointmentFacts, AppointmentStatus
from integration.his.port import Accepted, ChangeKind, Rejected
from kernel import clock
from kernel.db import Database
from payments import ports
from payments.ports import NotThere
from payments.settlement import paid_order
from tests.factories.booking import PORTAL
from tests.factories.his_billing import Stations, a_number, by_phone, receipt, refusal
from tests.factories.registration import RegistrationUnderTest
from tests.service.integration.micro_his.conftest import a_schedule, an_appointment, tell, tell_schedule

FEE_FEN = 1700


@dataclass
class BothSides:
    """A clinic of the platform's, and the HIS that is told of its numbers and of its money."""

    clinic: RegistrationUnderTest
    port: Hl7MllpHis
    billing: RestHisBilling
    stations: Stations
    began_on: date = field(default_factory=clock.today)

    async def tell_booked(self, booked: Appointment) -> AppointmentFacts:
        """Let the HIS hear of an appointment, on a schedule of its own with the same fee."""
        schedule = await tell_schedule(self.port, a_schedule())
        told = replace(an_appointment(schedule, 1), platform_id=booked.id)
        assert isinstance(await tell(self.port, ChangeKind.APPOINTMENT_BOOKED, told), Accepted)
        return told

    async def tell_cancelled(self, told: AppointmentFacts) -> None:
        cancelled = replace(told, status=AppointmentStatus.CANCELLED, version=2)
        outcome = await tell(self.port, ChangeKind.APPOINTMENT_CANCELLED, cancelled)
        assert isinstance(outcome, Accepted)

    async def receipts(self, appointment_id: UUID) -> list[HisReceipt]:
        """List what the HIS has of an appointment's fee, also when the test runs into the next day."""
        days = sorted({self.began_on, clock.today()})
        pages = [await self.billing.receipts_of_day(day) for day in days]
        return [one for page in pages for one in page.receipts if one.appointment_id == appointment_id]


@pytest.fixture
async def both(database: Database, platform_port: Hl7MllpHis, billing: RestHisBilling, stations: Stations) -> BothSides:
    clinic = await RegistrationUnderTest(database).build()
    ports.set_fulfilments({"registration": RegistrationFulfilment(billing)})
    return BothSides(clinic, platform_port, billing, stations)


async def test_a_fee_is_settled_once_the_his_knows_the_number_and_goes_back_with_it(both: BothSides) -> None:
    clinic = both.clinic
    booked, order = await clinic.paid(await clinic.schedule(fee_fen=FEE_FEN))
    assert (await clinic.payments.look(order)).status == "paid"
    assert await both.receipts(booked.id) == []

    told = await both.tell_booked(booked)
    await clinic.pass_time(timedelta(minutes=3))

    assert (await clinic.payments.look(order)).status == "settled"
    (paid,) = await both.receipts(booked.id)
    assert (paid.number, paid.total_fen, paid.channel) == (f"{order.order_no}S", FEE_FEN, "wechatpay")
    kept = await clinic.db.fetchrow("SELECT his_no, receipt FROM payment_settlement WHERE order_id = $1", order.id)
    assert kept is not None
    assert (kept["his_no"], kept["receipt"]["total_fen"]) == (paid.receipt_no, FEE_FEN)

    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await both.tell_cancelled(told)
    await clinic.payments.settle_down()

    assert (await clinic.payments.look(order)).status == "refunded"
    assert [one.total_fen for one in await both.receipts(booked.id)] == [FEE_FEN, -FEE_FEN]
    assert (await clinic.look(booked)).payment == "refunded"
    await clinic.require_sound()


async def test_what_a_time_costs_less_goes_back_and_then_the_rest(both: BothSides) -> None:
    clinic = both.clinic
    booked, order = await clinic.paid(await clinic.schedule(fee_fen=FEE_FEN), settles=False)
    await both.tell_booked(booked)
    await clinic.payments.settle_down()
    cheaper = await clinic.schedule(fee_fen=1000, starts_in=timedelta(days=3))

    await service.reschedule_appointment(appointment_id=booked.id, slot_id=cheaper.slots[0], actor=PORTAL)
    await clinic.payments.settle_down()
    assert await clinic.refunds(order) == [(700, "requested", "succeeded")]
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    await clinic.pass_time(timedelta(minutes=3))

    assert await clinic.refunds(order) == [(700, "requested", "succeeded"), (1000, "cancelled", "succeeded")]
    assert [one.total_fen for one in await both.receipts(booked.id)] == [FEE_FEN, -700, -1000]
    await clinic.require_sound()


async def test_a_fee_paid_at_the_his_window_sends_ours_back(both: BothSides) -> None:
    clinic = both.clinic
    booked, order = await clinic.paid(await clinic.schedule(fee_fen=FEE_FEN), settles=False)
    await both.tell_booked(booked)
    first = await both.billing.settle_registration(
        settlement_no=a_number("S"), appointment_id=booked.id, money=by_phone(FEE_FEN)
    )
    assert receipt(first).total_fen == FEE_FEN

    await clinic.payments.settle_down()

    assert (await clinic.payments.look(order)).status == "refunded"
    assert ((await clinic.look(booked)).status, (await clinic.look(booked)).payment) == ("booked", "refunded")
    await clinic.require_sound()


async def test_an_answer_that_is_lost_is_asked_for(both: BothSides) -> None:
    clinic = both.clinic
    booked, order = await clinic.paid(await clinic.schedule(fee_fen=FEE_FEN), settles=False)
    await both.tell_booked(booked)
    settlement = await clinic.db.fetchval("SELECT id FROM payment_settlement WHERE order_id = $1", order.id)
    asked = await paid_order(clinic.db, settlement)
    fulfilment = RegistrationFulfilment(both.billing)
    assert await fulfilment.query(asked) == NotThere()
    await both.stations.faults(answers_lost=1)

    await clinic.payments.settle_down()
    await clinic.pass_time(timedelta(minutes=3))

    assert (await clinic.payments.look(order)).status == "settled"
    assert [one.total_fen for one in await both.receipts(booked.id)] == [FEE_FEN]
    await clinic.require_sound()


async def test_no_more_goes_back_than_was_paid(both: BothSides) -> None:
    booked, order = await both.clinic.paid(await both.clinic.schedule(fee_fen=FEE_FEN), settles=False)
    await both.tell_booked(booked)
    await both.clinic.payments.settle_down()
    number = f"{order.order_no}S"

    def back(fen: int, refund_no: str) -> Awaitable[HisReceipt | Rejected]:
        return both.billing.reverse_settlement(refund_no=refund_no, settlement_no=number, money=by_phone(fen))

    assert await refusal(back(FEE_FEN + 1, a_number("F"))) == "amount_differs"
    assert receipt(await back(700, a_number("F"))).total_fen == -700
    assert await refusal(back(1001, a_number("F"))) == "amount_differs"
    assert receipt(await back(1000, a_number("F"))).total_fen == -1000
    assert await refusal(back(1, a_number("F"))) == "not_approved"
