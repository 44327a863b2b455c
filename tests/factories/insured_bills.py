"""Outpatient bills that the medical insurance shares: a real micro-HIS and the insurance's centre, each a process."""

from pathlib import Path
from typing import Any, Self

from kernel.secrets import Secrets
from patients.service import Registration
from payments import merchants, orders, ports
from payments.bills.fulfilment import BillFulfilment
from payments.gateways.port import ChannelCode
from payments.gateways.window import WindowGateway
from payments.insurance.alone import InsuranceGateway
from payments.insurance.centres import set_centres
from payments.insurance.fulfilment import WithInsurance
from payments.orders import Order
from runtime.insurance import tend_insurance
from runtime.sandbox_channels import describe_insurance_account
from tests.factories.hospital_bills import HospitalBills
from tests.factories.insurance import Centre
from tests.factories.patients import registration
from tests.factories.payments import CASHIER, PORTAL

AUTH_NO = "AUTH440100000000000000001"


class InsuredBills(HospitalBills):
    """A person who is insured, and whose card the window has read."""

    centre: Centre

    async def build(self) -> Self:
        """Register the accounts and connect the doubles, and the insurance's centre for real."""
        await super().build()
        account = describe_insurance_account()
        set_centres(lambda _account: self.centre.client)
        builders: dict[ChannelCode, merchants.Builder] = {
            ChannelCode.WECHATPAY: lambda _merchant, _secrets: self.wechat,
            ChannelCode.ALIPAY: lambda _merchant, _secrets: self.alipay,
            ChannelCode.CASH: lambda merchant, _secrets: WindowGateway(merchant),
            ChannelCode.INSURANCE: lambda merchant, _secrets: InsuranceGateway(
                merchant, lambda _account: self.centre.client
            ),
        }
        merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))
        async with self.db.transaction() as tx:
            await merchants.save_merchant(tx, account, campus_id=None, actor=CASHIER)
        return self

    async def admit_patient(self, keys_dir: Path, *, wanted: Registration | None = None) -> Self:
        """Have the person known on both sides, by a resident identity card, and insured."""
        await super().admit_patient(keys_dir, wanted=wanted or registration(name="李时珍"))
        ports.set_fulfilments({"outpatient_bill": WithInsurance(BillFulfilment(), lambda _account: self.centre.client)})
        await self.stations.insure(self.his_number)
        return self

    async def share(self, *seen: Any, pooled: int = 60, account: int = 20, **more: Any) -> Order:
        """Order bills with insurance, which pays so many percent of them."""
        await self.centre.process.fault("insurance_share", times=1, pooled=pooled, account=account)
        return await self.order_bills(*seen, pay_auth_no=AUTH_NO, **more)

    async def agree(self, order: Order, act: str = "pay") -> None:
        """Let the person agree at the insurance, or another act."""
        number = await self.db.fetchval("SELECT pay_order_id FROM insurance_share WHERE order_id = $1", order.id)
        await self.centre.process.ask("/payments", {"pay_ord_id": number, "act": act})

    async def pay_shared(self, order: Order) -> Order:
        """Pay both parts, and let all that follows happen."""
        await self.agree(order)
        return await self.pay(order)

    async def give_up(self, order: Order) -> Order:
        """Close an order before its time."""
        return await orders.close_order(order.id, reason="cancelled", actor=PORTAL)

    async def at_centre(self, order: Order) -> dict[str, Any]:
        """How the centre has it."""
        bill_no = await self.db.fetchval("SELECT bill_no FROM insurance_share WHERE order_id = $1", order.id)
        told = await self.centre.bill_of(bill_no)
        assert told is not None
        return told

    async def tend(self) -> int:
        """Let the timetable's look after the insurance run."""
        return await tend_insurance(self.db, lambda _account: self.centre.client)

    async def require_agreement(self) -> None:
        """See that no invariant is broken, and that channels, HIS, centre and ledger have one view of the money.

        Raises:
            AssertionError: naming the first that disagree.
        """
        await self.require_sound()
        receipts = [one for one in await self.receipts() if not one.at_window]
        assert sum(one.cash_fen for one in receipts) == self.wechat.held_fen + self.alipay.held_fen
        told = {one["med_org_ord"]: one for one in (await self.centre.process.show("/bills"))["bills"]}
        shares = await self.db.fetch("SELECT bill_no, pay_order_id, merchant_code FROM insurance_share")
        owed = sum(
            one["pooled_fen"] + one["account_fen"] - one["insurance_back_fen"]
            for one in (told[share["bill_no"]] for share in shares)
            if one["status"] in ("4", "6", "9", "10")
        )
        account = describe_insurance_account().code
        posted = await self.db.fetchval(
            "SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_posting"
            " WHERE account IN ('insurance_fund:' || $1, 'insurance_account:' || $1)",
            account,
        )
        assert posted == owed
        assert sum(one.insurance_fen for one in receipts) == owed
