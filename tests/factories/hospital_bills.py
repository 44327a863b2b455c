"""Payments before a real micro-HIS: bills, deposits and discharges of a person whom both sides know."""

from datetime import date
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import Bill, BillStatus, HisReceipt, Stay
from integration.his.port import InboundChange
from kernel.crypto import load_cipher
from kernel.db import Database
from patients.his import HIS_SYSTEM
from patients.service import Registration, attach_identifier, register_patient
from payments import attempts, ports
from payments.billing import set_billing
from payments.bills import service as bills
from payments.bills.fulfilment import BillFulfilment
from payments.bills.service import SeenBill
from payments.gateways.port import Scene
from payments.inpatient import deposits, discharge
from payments.inpatient.fulfilments import DepositFulfilment, DischargeFulfilment
from payments.orders import Order
from payments.receipts import following
from payments.work import PaymentWork
from runtime.subscriptions import build_subscriptions
from tests.factories.his_billing import Stations
from tests.factories.patients import registration
from tests.factories.payments import PAYER, PORTAL, PaymentsUnderTest
from tests.service.integration.micro_his.conftest import MicroHisProcess


class HospitalBills(PaymentsUnderTest):
    """The channels are doubles, the HIS is a process of its own, and one person has bills there."""

    def __init__(self, db: Database, micro_his: MicroHisProcess, billing: RestHisBilling) -> None:
        super().__init__(db)
        self.micro_his = micro_his
        self.billing = billing
        self.stations = Stations(micro_his.http)
        self.patient_id: UUID
        self.his_number: str
        self.news_read = len(micro_his.platform.applied)
        self.work = PaymentWork(db, [*discharge.SUBSCRIBERS, ("*", self._hear), *following.SUBSCRIBERS])

    async def admit_patient(self, keys_dir: Path, *, wanted: Registration | None = None) -> Self:
        """Have the person known on both sides, and everything connected."""
        (keys_dir / "field_key").write_text("11" * 32)
        (keys_dir / "lookup_key").write_text("22" * 32)
        load_cipher(keys_dir)
        await self.build()
        set_billing(self.billing)
        ports.set_fulfilments(
            {"outpatient_bill": BillFulfilment(), "deposit": DepositFulfilment(), "discharge": DischargeFulfilment()}
        )
        wanted = wanted or registration(
            name="李时珍", document_type="PPN", number=self.stations.document_number, sex=1, birth_date=date(1980, 1, 1)
        )
        person, _ = await register_patient(wanted, actor=PORTAL)
        self.patient_id = person.id
        told = await self.stations.order({**_SMALL})
        await self.stations.done(f"station/orders/{told['bill_no']}/withdraw")
        self.his_number = told["mr"]
        async with self.db.transaction() as tx:
            await attach_identifier(tx, patient_id=self.patient_id, system=HIS_SYSTEM, value=self.his_number)
        return self

    # --- bills

    async def prescribe(self, *items: dict[str, Any], kind: str = "laboratory") -> Bill:
        """Let a doctor order something; gives the bill as its payer sees it."""
        told = await self.stations.order(*items, kind=kind)
        return await self.bill(told["bill_no"])

    async def bill(self, bill_no: str) -> Bill:
        """A bill as it stands at the HIS."""
        (found,) = await self.billing.fetch_bills([bill_no])
        return found

    async def statuses(self, *seen: Bill) -> list[BillStatus]:
        """How bills stand at the HIS now."""
        return [(await self.bill(one.bill_no)).status for one in seen]

    async def order_bills(self, *seen: Bill, **more: Any) -> Order:
        """Make one order for bills, as they were seen."""
        return await bills.order_bills(
            self.patient_id, [SeenBill(one.bill_no, one.hash) for one in seen], actor=PORTAL, **more
        )

    async def pay(self, order: Order, *, payer: str = PAYER) -> Order:
        """Pay an order by WeChat, and let all that follows happen."""
        await self.tell(self.wechat.pay((await self.try_to_pay(order, payer=payer)).attempt_no))
        await self.settle_down()
        return await self.look(order)

    async def try_to_pay(self, order: Order, *, payer: str = PAYER) -> attempts.Attempt:
        """Begin to pay an order on a phone."""
        return await attempts.start_attempt(
            order.id, channel=self.wechat.merchant.channel, scene=Scene.MINI_PROGRAM, payer=payer, actor=PORTAL
        )

    async def paid_bills(self, *seen: Bill) -> Order:
        """Order bills and pay for them."""
        return await self.pay(await self.order_bills(*seen))

    # --- stays

    async def admit(self, **more: Any) -> Stay:
        """Let the person be admitted as an inpatient."""
        admitted = await self.stations.admit(**({"insurance_percent": 0} | more))
        return await self.stay(admitted["admission_no"])

    async def stay(self, admission_no: str) -> Stay:
        """A stay as it stands at the HIS."""
        found = await self.billing.fetch_stay(admission_no)
        assert found is not None
        return found

    async def deposited(self, stay: Stay, amount_fen: int) -> Order:
        """Pay a deposit."""
        order = await deposits.order_deposit(self.patient_id, stay.admission_no, amount_fen, actor=PORTAL)
        return await self.pay(order)

    async def leave(self, stay: Stay) -> Stay:
        """Let a stay end; the HIS's bill is final."""
        await self.stations.done(f"station/admissions/{stay.admission_no}/discharge")
        return await self.stay(stay.admission_no)

    # --- what the HIS tells by itself, and what it has

    async def hear_news(self) -> list[str]:
        """Apply what the HIS has told over its wire since the last time, as the inbox does; give the kinds."""
        await self.micro_his.everything()
        told = self.micro_his.platform.applied[self.news_read :]
        self.news_read += len(told)
        changes = [change for message in told for change in Hl7Profile("MICROHIS").read(message)]
        mine = [change for change in changes if _is_of(change, self.his_number)]
        for change in mine:
            async with self.db.transaction() as tx:
                await build_subscriptions().inbound[change.kind].apply(tx, change)
        await self.settle_down()
        return [change.kind.value for change in mine]

    async def receipts(self) -> list[HisReceipt]:
        """Every movement of this person's money that the HIS has, the window's too, in order."""
        rows = await self.micro_his.db.fetch("SELECT business_day FROM receipt WHERE mr = $1", self.his_number)
        found: list[HisReceipt] = []
        for day in sorted({row["business_day"] for row in rows}):
            cursor: str | None = None
            while True:
                page = await self.billing.receipts_of_day(day, cursor)
                found += [one for one in page.receipts if one.his_number == self.his_number]
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found

    async def require_agreement(self) -> None:
        """See that no invariant is broken, and that the HIS has of our money what the channels hold.

        Raises:
            AssertionError: naming the first that disagree.
        """
        await self.require_sound()
        ours = sum(one.cash_fen for one in await self.receipts() if not one.at_window)
        assert ours == self.wechat.held_fen + self.alipay.held_fen


_SMALL = {
    "code": "12010000", "name": "采血", "unit": "次", "quantity": 1, "unit_price_fen": 100, "insurance_percent": 0,
    "executing_department": "laboratory",
}  # fmt: skip


def _is_of(change: InboundChange, his_number: str) -> bool:
    return getattr(getattr(change.facts, "patient", None), "his_number", None) == his_number and change.kind.value in (
        "his.charge_posted",
        "his.bill_settled_elsewhere",
        "his.refund_approved",
        "his.refund_refused",
        "his.discharged",
    )
