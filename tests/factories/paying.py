"""Paying over the open API: the emulated WeChat Pay beside a web server, and orders of whoever calls it."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from integration.his.billing import Bill, BillItem, BillStatus, ItemStatus
from kernel.events import Actor
from kernel.ids import new_id
from kernel.secrets import Secrets
from payments import attempts, merchants, orders
from payments.bills.snapshots import write_snapshot
from payments.gateways.port import ChannelCode, Scene
from payments.gateways.wechatpay.gateway import NotifyUrls, WechatPayGateway
from payments.gateways.window import WindowGateway
from payments.orders import NewOrder, Order
from runtime.sandbox_channels import describe_wechatpay_merchant, open_wechatpay_account
from tests.factories.payments import CASHIER, PAYER, PaymentsUnderTest
from tests.factories.wechatpay import Emulator
from tests.server import WebServer

if TYPE_CHECKING:
    from tests.factories.open_api import Caller, OpenApi


@dataclass
class ChannelBeside(Emulator):
    """The emulated WeChat Pay at the address that a web server was started with."""

    servers_keys: Path = field(default_factory=Path)
    notify_url: str = ""

    @classmethod
    def of(cls, server: WebServer, folder: Path) -> "ChannelBeside":
        """Prepare it; nothing runs yet."""
        port = urlsplit(server.environment["WECHATPAY_BASE_URL"]).port
        assert port is not None, "the web server was started with it"
        account = describe_wechatpay_merchant()
        url = f"{server.base_url}{merchants.NOTIFICATIONS_PATH}/{account.channel.value}/{account.code}"
        return cls(folder, port, servers_keys=server.keys_dir, notify_url=url)

    @property
    def keys_dir(self) -> Path:
        """Where the web server looks for the account's keys."""
        return self.servers_keys

    def come(self, *, afresh: bool = False) -> None:
        """Start it, unless it runs; every fault is switched off. afresh: it has forgotten whatever it was to tell."""
        if self.process is None:
            open_wechatpay_account(keys_dir=self.keys_dir, emulator_dir=self.own_dir)
        elif afresh:
            self.go()
        if self.process is None or afresh:
            for file in self.own_dir.glob("*.sqlite3*"):
                file.unlink()
            self.start()
        self.control("DELETE", "/faults")

    def go(self) -> None:
        """End it, if it was ever started."""
        if self.process is not None:
            self.end(signal.SIGTERM)

    @asynccontextmanager
    async def own_gateway(self) -> AsyncIterator[WechatPayGateway]:
        """Give this process's own way to it, as the worker's."""
        gateway = self.gateway(urls=NotifyUrls(payments=self.notify_url, refunds=self.notify_url))
        try:
            yield gateway
        finally:
            await gateway.close_connections()


@dataclass
class Till:
    """A hospital that takes money: doubles of channels and HIS in this process, the web server beside it."""

    api: "OpenApi"
    payments: PaymentsUnderTest

    @classmethod
    async def open(cls, api: "OpenApi") -> "Till":
        """Register the accounts, and connect the doubles."""
        return cls(api, await PaymentsUnderTest(api.db).build())

    async def at_the_channel(self, gateway: WechatPayGateway | None = None) -> None:
        """Let WeChat Pay's money be taken by the emulator's account. gateway: this process's own way to it."""
        self.api.channel.come()
        async with self.api.db.transaction() as tx:
            await tx.execute(
                "UPDATE payment_merchant SET status = 'stopped', stopped_at = now() WHERE channel = 'wechatpay'"
            )
            await merchants.save_merchant(tx, describe_wechatpay_merchant(), campus_id=None, actor=CASHIER)
        if gateway is not None:
            builders: dict[ChannelCode, merchants.Builder] = {
                ChannelCode.WECHATPAY: lambda _merchant, _secrets: gateway,
                ChannelCode.CASH: lambda merchant, _secrets: WindowGateway(merchant),
            }
            merchants.set_gateways(merchants.Gateways(Secrets(Path("/nonexistent")), builders))

    async def order(self, amount_fen: int = 2500, *, caller: "Caller | None" = None, **changes: Any) -> Order:
        """Make an order of an application, the portal's unless another is given."""
        caller = caller or self.api.portal
        asked: dict[str, Any] = {
            "kind": "outpatient_bill",
            "subject_kind": "bills",
            "subject_id": str(new_id()),
            "patient_id": changes.pop("patient_id", None) or await self.api.patient(caller),
            "amount_fen": amount_fen,
            "title": "门诊缴费",
        }
        new = NewOrder(**(asked | changes))
        async with self.api.db.transaction() as tx:
            order = await orders.open_order(tx, new, actor=actor_of(caller))
            if new.kind == "outpatient_bill":
                await write_snapshot(tx, order, "MR1", [bill_of(order)], content_hash=b"h" * 32)
        return order

    async def attempt(self, order: Order, *, caller: "Caller | None" = None, payer: str = PAYER) -> attempts.Attempt:
        """Begin to pay an order at this process's double of WeChat Pay."""
        return await attempts.start_attempt(
            order.id,
            channel=ChannelCode.WECHATPAY,
            scene=Scene.MINI_PROGRAM,
            payer=payer,
            actor=actor_of(caller or self.api.portal),
        )

    async def paid(self, amount_fen: int = 2500, *, caller: "Caller | None" = None, **changes: Any) -> Order:
        """Make an order, have it paid, and let all that follows happen."""
        order = await self.order(amount_fen, caller=caller, **changes)
        attempt = await self.attempt(order, caller=caller)
        await self.payments.tell(self.payments.wechat.pay(attempt.attempt_no))
        await self.payments.settle_down()
        settled = await self.payments.look(order)
        assert settled.status == "settled", settled
        return settled


def bill_of(order: Order) -> Bill:
    """A bill of two items, the second of one yuan."""
    amounts = (order.amount_fen - 100, 100)
    items = tuple(
        BillItem(f"I{number}", "25010101", "血常规", "", "次", 1, fen, fen, 0, "laboratory", ItemStatus.UNPAID)
        for number, fen in enumerate(amounts, 1)
    )
    at = order.created_at
    return Bill(f"B{order.id.hex}", "MR1", "laboratory", "YX0301", "D0001", at, BillStatus.UNPAID, 1, "f" * 64,
                order.amount_fen, 0, items)  # fmt: skip


def actor_of(caller: "Caller") -> Actor:
    """Say who an application is, as the guard does."""
    return Actor(caller.client_id, caller.channel, caller.kind, caller.staff_code)
