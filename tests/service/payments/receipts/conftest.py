from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from kernel.outbox import OUTBOX
from payments.receipts import service
from payments.receipts.bosi import BosiFiscal, FiscalAccount
from payments.receipts.port import Payer, ReceiptItem, ReceiptKind
from payments.receipts.service import HANDLER, RefundedOrder, SettledOrder
from payments.receipts.work import ReceiptWork
from runtime.sandbox_channels import FISCAL_APP_ID as APP_ID
from runtime.sandbox_channels import open_fiscal_account
from tests.factories.emulators import EmulatorProcess, emulator


def item(fen: int, code: str = "13") -> ReceiptItem:
    return ReceiptItem(code=code, name="挂号费", unit="次", quantity="1", amount_fen=fen)


class KnownPayers:
    """Knows one patient; a double at the port."""

    async def payer_of(self, patient_id: UUID) -> Payer:
        return Payer(name="陈测试", patient_no=f"P{patient_id.hex[-8:]}")


@dataclass
class Cashier:
    """Receipts of the platform, with the fiscal platform's emulator behind them."""

    db: Database
    process: EmulatorProcess
    fiscal: BosiFiscal

    @property
    def key(self) -> str:
        return self.fiscal._account.key

    async def issue(self, fen: int = 1250, order_id: UUID | None = None) -> SettledOrder:
        order = SettledOrder(
            order_id=order_id or new_id(), kind=ReceiptKind.REGISTRATION, patient_id=new_id(), channel="alipay",
            amount_fen=fen, items=[item(fen)], settled_at=clock.now(),
        )  # fmt: skip
        async with self.db.transaction() as tx:
            await service.issue_for(tx, order)
        return order

    async def refund(self, order_id: UUID, fen: int, *, left: int, refund_id: UUID | None = None) -> RefundedOrder:
        refund = RefundedOrder(refund_id or new_id(), order_id, fen, [item(left)] if left else [])
        async with self.db.transaction() as tx:
            await service.write_off_for(tx, refund)
        return refund

    async def work(self) -> int:
        """Let the worker go on until nothing may go now."""
        done = 0
        work = ReceiptWork(self.db, self.fiscal, KnownPayers())
        while (lease := await OUTBOX.claim(self.db, HANDLER, limit=100, lease_seconds=20)) is not None:
            done += await work.work(lease)
        return done

    async def make_due(self) -> None:
        """Let the pauses between tries be over."""
        await self.db.execute("UPDATE outbox SET due_at = '-infinity' WHERE status = 'pending'")

    async def rows(self, order_id: UUID) -> list[dict[str, Any]]:
        rows = await self.db.fetch("SELECT * FROM fiscal_receipt WHERE order_id = $1 ORDER BY sequence", order_id)
        return [dict(row) for row in rows]

    async def statuses(self, order_id: UUID) -> list[tuple[str, int]]:
        return [(row["status"], row["amount_fen"]) for row in await self.rows(order_id)]

    async def books(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.process.show("/receipts"))["receipts"]
        return found

    async def book_of(self, order_id: UUID) -> list[tuple[int, bool]]:
        """What the fiscal platform has of an order: amounts, and whether they are written off."""
        names = {row["business_no"] for row in await self.rows(order_id)}
        return [(one["total_fen"], bool(one["red_number"])) for one in await self.books() if one["bus_no"] in names]


@pytest.fixture(scope="module")
async def _fiscal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmulatorProcess]:
    folder = tmp_path_factory.mktemp("fiscal")
    open_fiscal_account(keys_dir=folder / "keys", emulator_dir=folder / "own")
    async with emulator("integration.emulators.fiscal.main", "FISCAL_EMULATOR", folder / "own") as process:
        yield process


@pytest.fixture
async def cashier(_fiscal: EmulatorProcess, database: Database) -> AsyncIterator[Cashier]:
    key = (_fiscal.log.parent.parent / "keys" / "sandbox" / "fiscal" / "key").read_text().strip()
    fiscal = BosiFiscal(base_url=_fiscal.url, account=FiscalAccount(APP_ID, key, "GZ01", "互联网医院"))
    yield Cashier(database, _fiscal, fiscal)
    await fiscal.aclose()
    await _fiscal.clear_faults()
