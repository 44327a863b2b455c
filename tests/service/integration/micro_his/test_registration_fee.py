"""The registration fee against the micro-HIS itself: told, asked for, taken back, and not known yet."""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from booking import service
from booking.facts import Appointment
from booking.payment.fulfilment import RegistrationFulfilment
from booking.payment.standing import read_agreed_fees
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import HisReceipt
from integration.his.facts import AppointmentFacts, AppointmentStatus, ScheduleFacts
from integration.his.port import Accepted, ChangeKind, Rejected
from kernel import clock
from kernel.db import Database
from payments import ports
from payments.ports import NotThere
from payments.settlement import paid_order
from tests.factories.booking import PORTAL
from tests.factories.his_billing import Stations, a_number, by_phone, receipt, refusal
from tests.factories.registration import RegistrationUnderTest
from tests.factories.stops import add_substitute, stop_and_finish
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

    async def tell_as_it_stands(self, booked: Appointment, there: ScheduleFacts) -> None:
        """Let the HIS hear of an appointment as the platform would tell it, but for the place, which is the HIS's."""
        now, fees = await self.clinic.look(booked), await read_agreed_fees(self.clinic.db, [booked.id])
        placed = an_appointment(there, 1)
        told = replace(placed, platform_id=booked.id, version=now.version, fee_fen=fees[booked.id])
        kind = ChangeKind.APPOINTMENT_BOOKED if now.version == 1 else ChangeKind.APPOINTMENT_MODIFIED
        assert isinstance(await tell(self.port, kind, told), Accepted)

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


@pytest.mark.parametrize("settles", [True, False])
async def test_a_dearer_substitute_is_paid_as_was_agreed(both: BothSides, *, settles: bool) -> None:
    """The schedule costs more by now, and who had booked pays what they had agreed to, before or after that."""
    clinic = both.clinic
    schedule = await clinic.schedule(fee_fen=FEE_FEN)
    booked, order = await clinic.paid(schedule, settles=settles)
    substitute = await add_substitute(clinic.hospital, amount_fen=FEE_FEN * 2)
    there = await tell_schedule(both.port, a_schedule())
    await both.tell_as_it_stands(booked, there)
    await stop_and_finish(schedule, substitute_id=substitute, steps=("substitute", "cancel"))
    await tell_schedule(both.port, replace(there, fee_fen=FEE_FEN * 2, version=2))
    await both.tell_as_it_stands(booked, there)

    await clinic.pass_time(timedelta(minutes=3))

    assert (await clinic.payments.look(order)).status == "settled"
    (paid,) = await both.receipts(booked.id)
    assert paid.total_fen == FEE_FEN
    assert (await clinic.look(booked)).fee_fen == FEE_FEN
    await clinic.require_sound()


async def test_what_was_paid_before_a_cheaper_substitute_came_is_settled_and_its_part_goes_back(
    both: BothSides,
) -> None:
    clinic = both.clinic
    schedule = await clinic.schedule(fee_fen=FEE_FEN)
    booked, order = await clinic.paid(schedule, settles=False)
    substitute = await add_substitute(clinic.hospital, amount_fen=900)
    there = await tell_schedule(both.port, a_schedule())
    await stop_and_finish(schedule, substitute_id=substitute, steps=("substitute", "cancel"))
    await tell_schedule(both.port, replace(there, fee_fen=900, version=2))
    await both.tell_as_it_stands(booked, there)

    await clinic.pass_time(timedelta(minutes=3))

    assert sorted(one.total_fen for one in await both.receipts(booked.id)) == [900 - FEE_FEN, FEE_FEN]
    assert [(fen, status) for fen, _, status in await clinic.refunds(order)] == [(FEE_FEN - 900, "succeeded")]
    await clinic.require_sound()


async def test_the_his_window_charges_what_was_agreed(both: BothSides) -> None:
    told = await both.tell_booked(await both.clinic.booked(await both.clinic.schedule(fee_fen=FEE_FEN)))
    agreed = replace(told, fee_fen=1200, version=2)
    assert isinstance(await tell(both.port, ChangeKind.APPOINTMENT_MODIFIED, agreed), Accepted)
    older = replace(told, fee_fen=FEE_FEN, version=1)
    assert isinstance(await tell(both.port, ChangeKind.APPOINTMENT_MODIFIED, older), Accepted)
    number = told.platform_id
    assert number is not None

    def settle(fen: int) -> Awaitable[HisReceipt | Rejected]:
        return both.billing.settle_registration(settlement_no=a_number("S"), appointment_id=number, money=by_phone(fen))

    assert await refusal(settle(FEE_FEN)) == "amount_differs"
    assert receipt(await settle(1200)).total_fen == 1200


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
