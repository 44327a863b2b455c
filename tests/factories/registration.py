"""A hospital whose registration fees are paid: one clinic, its payments, and the money side of its HIS as a double."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, cast
from uuid import UUID

from booking import queries, service
from booking.facts import Appointment, Hold
from booking.payment import following
from booking.payment.fulfilment import RegistrationFulfilment
from booking.payment.orders import order_appointment, order_hold
from integration.his.billing import HisBilling, HisReceipt, Money, ReceiptKind
from integration.his.errors import HisUnavailable
from integration.his.port import Rejected
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.ids import new_id
from payments import ports
from payments.orders import Order
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, ScheduleUnderTest, require_books_agree
from tests.factories.payments import PaymentsUnderTest

FEE_FEN = 1000
NOON = clock.clinic_instant(clock.today() + timedelta(days=1), time(12, 0))
"""Tomorrow at noon in Shanghai, so that no test runs into the next day, and no letter is due later than that."""


@dataclass
class BillingDouble:
    """Settles registration fees once per number, and takes them back within what was settled.

    rejects: the word of its no. lost: coming answers that are lost after it has done it. silent: it is away.
    voided: numbers that were given up, under which nothing is done any more.
    """

    receipts: dict[str, HisReceipt] = field(default_factory=dict)
    rejects: str | None = None
    refuses_reversal: str | None = None
    lost: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    silent: bool = False
    voided: set[str] = field(default_factory=set)

    async def settle_registration(
        self, *, settlement_no: str, appointment_id: UUID, money: Money
    ) -> HisReceipt | Rejected:
        self._enter("settle")
        if self.rejects is not None:
            return Rejected(self.rejects, "no")
        if settlement_no in self.voided:
            return Rejected("number_void", "no")
        if settlement_no not in self.receipts:
            if self.net_fen(appointment_id) > 0:
                return Rejected("already_charged", "no")
            self.receipts[settlement_no] = self._receipt(settlement_no, appointment_id, money, money.cash_fen)
        self._leave("settle")
        return self.receipts[settlement_no]

    async def find_receipt(self, number: str) -> HisReceipt | None:
        self._enter("find")
        return self.receipts.get(number)

    async def void_number(self, number: str) -> HisReceipt | None:
        self._enter("void")
        if number not in self.receipts:
            self.voided.add(number)
        self._leave("void")
        return self.receipts.get(number)

    async def reverse_settlement(self, *, refund_no: str, settlement_no: str, money: Money) -> HisReceipt | Rejected:
        self._enter("reverse")
        if self.refuses_reversal is not None:
            return Rejected(self.refuses_reversal, "no")
        settled = self.receipts.get(settlement_no)
        if settled is None or settled.appointment_id is None:
            return Rejected("entry_unknown", "no")
        if refund_no not in self.receipts:
            if money.cash_fen > self.net_fen(settled.appointment_id):
                return Rejected("amount_differs", "no")
            self.receipts[refund_no] = self._receipt(refund_no, settled.appointment_id, money, -money.cash_fen)
        self._leave("reverse")
        return self.receipts[refund_no]

    def net_fen(self, appointment_id: UUID) -> int:
        """Tell what the HIS has of an appointment's fee."""
        return sum(one.total_fen for one in self.receipts.values() if one.appointment_id == appointment_id)

    def _enter(self, call: str) -> None:
        self.calls[call] += 1
        if self.silent:
            raise HisUnavailable

    def _leave(self, call: str) -> None:
        if self.lost[call]:
            self.lost[call] -= 1
            raise HisUnavailable

    def _receipt(self, number: str, appointment_id: UUID, money: Money, fen: int) -> HisReceipt:
        return HisReceipt(
            receipt_no=f"R{len(self.receipts) + 1:08d}",
            kind=ReceiptKind.REGISTRATION if fen > 0 else ReceiptKind.REVERSAL,
            at_window=False,
            number=number,
            reverses_receipt_no=None,
            reverses_number=None,
            his_number="M1",
            appointment_id=appointment_id,
            admission_no=None,
            channel=money.channel,
            transaction_no=money.transaction_no,
            cash_fen=fen,
            insurance_fen=0,
            total_fen=fen,
            business_day=clock.today(),
            made_at=clock.now(),
        )


class RegistrationUnderTest:
    """A clinic whose numbers cost ten yuan, with everything that takes and gives back money."""

    def __init__(self, db: Database, hospital: HospitalUnderTest | None = None) -> None:
        self.db = db
        self.hospital = hospital or HospitalUnderTest(db)
        self.payments = PaymentsUnderTest(db, following.SUBSCRIBERS)
        self.billing = BillingDouble()

    async def build(self) -> "RegistrationUnderTest":
        """Write the master data and connect the doubles."""
        await self.hospital.build()
        return await self.connect()

    async def connect(self) -> "RegistrationUnderTest":
        """Connect the doubles to a hospital that stands."""
        await self.payments.build()
        ports.set_fulfilments({"registration": RegistrationFulfilment(cast("HisBilling", self.billing))})
        return self

    async def disconnect_his(self) -> None:
        """Work on as a process that cannot reach the money side of the HIS."""
        ports.set_fulfilments({"registration": RegistrationFulfilment(None)})

    async def rule(self, policy: str, *, service_type: str | None = None, channel: str | None = None) -> None:
        """Say when the fee is paid; without a scope the hospital's own rule."""
        if service_type is None and channel is None:
            await self.db.execute(
                "UPDATE registration_payment_rule SET policy = $1 WHERE service_type IS NULL AND channel IS NULL",
                policy,
            )
            return
        await self.db.execute(
            "INSERT INTO registration_payment_rule (id, service_type, channel, policy) VALUES ($1, $2, $3, $4)",
            new_id(),
            service_type,
            channel,
            policy,
        )

    async def schedule(self, *, seats: int = 3, fee_fen: int = FEE_FEN, **more: Any) -> ScheduleUnderTest:
        """Publish a schedule of the clinic."""
        made = await self.hospital.schedule(seats=seats, **more)
        await self.db.execute("UPDATE schedule SET fee_fen = $2 WHERE id = $1", made.id, fee_fen)
        return made

    async def held(self, schedule: ScheduleUnderTest, patient_id: UUID | None = None) -> Hold:
        """Hold a number for somebody."""
        who = patient_id or (await self.hospital.patients(1))[0]
        return await service.hold_seat(slot_id=schedule.slots[0], patient_id=who, actor=PORTAL)

    async def booked(self, schedule: ScheduleUnderTest) -> Appointment:
        """Book a number that is paid later."""
        (patient_id,) = await self.hospital.patients(1)
        return await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient_id, actor=PORTAL)

    async def pay(self, order: Order, *, settles: bool = True) -> Order:
        """Pay an order by phone; with what follows, or only with what the payment's own transaction does."""
        attempt = await self.payments.attempt(order)
        await self.payments.tell(self.payments.wechat.pay(attempt.attempt_no))
        if settles:
            await self.payments.settle_down()
        return await self.payments.look(order)

    async def paid(self, schedule: ScheduleUnderTest, *, settles: bool = True) -> tuple[Appointment, Order]:
        """Hold, order, pay: an appointment."""
        order = await order_hold((await self.held(schedule)).id, actor=PORTAL)
        order = await self.pay(order, settles=settles)
        return await self.of(order), order

    async def paid_later(self, schedule: ScheduleUnderTest) -> tuple[Appointment, Order]:
        """Book, then order and pay."""
        booked = await self.booked(schedule)
        order = await self.pay(await order_appointment(booked.id, actor=PORTAL))
        return await self.of(order), order

    async def pay_for(self, appointment_id: UUID, *, settles: bool = True) -> Order:
        """Let the fee of an appointment be ordered at a kiosk and paid."""
        order = await order_appointment(appointment_id, actor=KIOSK)
        attempt = await self.payments.attempt(order, actor=KIOSK)
        await self.payments.tell(self.payments.wechat.pay(attempt.attempt_no))
        if settles:
            await self.payments.settle_down()
        return await self.payments.look(order)

    async def of(self, order: Order) -> Appointment:
        """Read the appointment that an order pays for."""
        found = await self.db.fetchval("SELECT appointment_id FROM registration_order WHERE order_id = $1", order.id)
        assert found is not None, "there is none"
        return await queries.get_appointment(found, actor=PORTAL)

    async def look(self, appointment: Appointment) -> Appointment:
        """Read an appointment as it stands now."""
        return await queries.get_appointment(appointment.id, actor=PORTAL)

    async def refunds(self, order: Order) -> list[tuple[int, str, str]]:
        """List the refunds of an order: amount, cause, status."""
        rows = await self.db.fetch(
            "SELECT amount_fen, cause, status FROM payment_refund WHERE order_id = $1 ORDER BY refund_no", order.id
        )
        return [(row["amount_fen"], row["cause"], row["status"]) for row in rows]

    async def messages_arrive(self) -> None:
        """Let the HIS have taken every message about appointments."""
        await self.db.execute("UPDATE outbox SET status = 'done', finished_at = now() WHERE handler = 'his'")

    async def pass_time(self, until: timedelta, *, step: timedelta = timedelta(seconds=30)) -> None:
        """Let the timetable run over a span of time."""
        await self.payments.pass_time(until=until, step=step)

    async def require_sound(self) -> None:
        """See that neither seats nor money disagree."""
        await self.payments.require_sound()
        await require_books_agree(self.db)


async def refusal(action: Awaitable[object]) -> HospitalError:
    """Give what is refused."""
    try:
        answer = await action
    except HospitalError as error:
        return error
    raise AssertionError(f"not refused: {answer}")
