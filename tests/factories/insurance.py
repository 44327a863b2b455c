"""The emulated insurance centre, our side of its line, and bills to put to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel import clock
from kernel.ids import new_id
from payments.gateways.insurance.centre import MobilePaymentCentre
from payments.gateways.insurance.port import (
    CentreOrder,
    CentreRefund,
    FeeItem,
    FeeUpload,
    Insured,
    Parts,
    RefundKind,
)
from payments.gateways.references import KeyStore
from runtime.sandbox_channels import describe_insurance_account, open_insurance_account
from tests.factories.emulators import EmulatorProcess, emulator

PERSON = Insured(name="陈测试", document_number="44010019900101001X")
VISIT = {
    "psnNo": "44010000000001", "insutype": "310", "insuCode": "440100", "mdtrtId": "V1",
    "begntime": "2026-11-25 08:30:00", "iptOtpNo": "MZ0001", "deptName": "内科", "deptCode": "D01", "caty": "A03",
    "medType": "11", "feeType": "01", "psnSetlway": "01", "pubHospRfomFlag": "1",
}  # fmt: skip


def fees(*amounts_fen: int, bill_no: str | None = None) -> FeeUpload:
    number = bill_no or new_id().hex
    items = [FeeItem(fen, {"medListCodg": "001101000020000", "cnt": "1"}) for fen in amounts_fen or (8000, 4500)]
    return FeeUpload(number, f"C{number[:20]}", f"AUTH{number[:20]}", PERSON, VISIT, items)


def refund_of(
    order: CentreOrder,
    bill: FeeUpload,
    parts: Parts,
    kind: RefundKind = RefundKind.INSURANCE,
    number: str | None = None,
) -> CentreRefund:
    return CentreRefund(number or new_id().hex, order.pay_order_id, bill.pay_auth_no, kind, parts, clock.now())


@dataclass
class Centre:
    """The centre as a process, and the platform's way to it."""

    process: EmulatorProcess
    client: MobilePaymentCentre
    keys_dir: Path

    async def act(self, order: CentreOrder, act: str = "pay") -> None:
        await self.process.ask("/payments", {"pay_ord_id": order.pay_order_id, "act": act})

    async def bill_of(self, bill_no: str) -> dict[str, Any] | None:
        bills = (await self.process.show("/bills"))["bills"]
        return next((one for one in bills if one["med_org_ord"] == bill_no), None)

    async def paid(self, bill: FeeUpload) -> CentreOrder:
        order = await self.client.upload(bill)
        await self.client.pay(order, bill)
        await self.act(order)
        return order


@asynccontextmanager
async def insurance_centre(folder: Path) -> AsyncIterator[Centre]:
    """Bring the centre up with one hospital's account."""
    keys_dir, own = folder / "keys", folder / "insurance"
    open_insurance_account(keys_dir=keys_dir, emulator_dir=own)
    async with emulator("integration.emulators.insurance.main", "INSURANCE_EMULATOR", own) as process:
        client = MobilePaymentCentre(describe_insurance_account(), KeyStore(keys_dir), base_url=process.url)
        try:
            yield Centre(process, client, keys_dir)
        finally:
            await client.close_connections()
