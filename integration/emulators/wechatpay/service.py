"""The emulated channel put together: books, keys, notifications."""

import asyncio
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.faults import Faults
from integration.emulators.common.notifier import Notifier, Outgoing, Waiting
from integration.emulators.common.store import Store
from integration.emulators.wechatpay import bills, medical, refunds, trades
from integration.emulators.wechatpay.accounts import load_accounts, load_platform_keys
from integration.emulators.wechatpay.schema import SCHEMA
from integration.emulators.wechatpay.signing import RequestGate, encrypt, signed_headers
from kernel import clock as world
from kernel.log import get_logger

NOTIFICATION_PROBE: Final = "notification_probe"
"""A notification carries a probing signature, which a merchant must refuse."""
ANSWER_PROBE: Final = "answer_probe"
"""An answer carries a probing signature."""
SYSTEM_ERROR: Final = "system_error"
"""A request is answered with 500 SYSTEM_ERROR and nothing is done."""
FREQUENCY_LIMITED: Final = "frequency_limited"
"""A request is answered with 429 FREQUENCY_LIMITED and nothing is done."""
FAULTS: Final = frozenset(
    {
        NOTIFICATION_PROBE,
        ANSWER_PROBE,
        SYSTEM_ERROR,
        FREQUENCY_LIMITED,
        trades.USER_PAYING,
        refunds.REFUND_ABNORMAL,
        refunds.REFUND_CLOSED,
        refunds.NOT_ENOUGH,
        bills.BILL_PERTURBED,
        bills.BILL_AT_ONCE,
    }
)
RETRIES: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
)
"""15s 15s 30s 3m 10m 20m 30m 30m 30m 60m 3h 3h 3h 6h 6h (https://pay.weixin.qq.com/doc/v3/merchant/4012791861)."""
LOOK_EVERY_SECONDS: Final = 0.25

log = get_logger("emulators")


class WechatPay:
    """One emulated channel over its folder."""

    def __init__(self, folder: Path) -> None:
        self.keys = load_platform_keys(folder)
        self.accounts = load_accounts(folder)
        self.gate = RequestGate(self.accounts)
        self.store = Store(folder / "wechatpay.sqlite3", schema=SCHEMA + medical.SCHEMA)
        self.clock = EmulatorClock(self.store)
        self.faults = Faults(self.store, own=FAULTS)
        self.notifier = Notifier(
            self.store,
            self.clock,
            self.faults,
            schedule=RETRIES,
            schedules_by_kind=medical.RETRIES,
            compose=self.compose,
            is_accepted=lambda status, _body: status in (200, 204),
        )
        self.trades = trades.Trades(self.store, self.clock, self.faults, self.notify)
        self.refunds = refunds.Refunds(self.store, self.clock, self.faults, self.trades, self.notify)
        self.mixed = medical.Mixed(self.store, self.clock, self.trades, self.notify)
        self.bills = bills.Bills(self.store, self.clock, self.faults, folder=folder)
        self._settling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to settle refunds and to send notifications."""
        self.notifier.start()
        self._settling = asyncio.create_task(self._settle_refunds())

    async def stop(self) -> None:
        """Stop, and close the books."""
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)
        await self.notifier.stop()
        self.store.close()

    def notify(
        self,
        *,
        merchant_no: str,
        url: str,
        signer: str,
        kind: str,
        original_type: str,
        summary: str,
        resource: str,
    ) -> None:
        """Note a notification in the present transaction; signer names the key that the merchant can verify."""
        content = {
            "merchant_no": merchant_no,
            "signer": signer,
            "original_type": original_type,
            "summary": summary,
            "resource": resource,
        }
        self.notifier.add(str(uuid.uuid4()), url=url, kind=kind, content=json.dumps(content, ensure_ascii=False))

    def compose(self, waiting: Waiting) -> Outgoing:
        """Encrypt and sign a notification for one sending."""
        content = json.loads(waiting.content)
        account = self.accounts[content["merchant_no"]]
        signer = self.keys.signer(content["signer"]) or self.keys.by_certificate
        sealed = encrypt(account, content["resource"], associated_data=content["original_type"])
        body = json.dumps(
            {
                "id": waiting.id,
                "create_time": trades.china_time(waiting.created_at),
                "resource_type": "encrypt-resource",
                "event_type": waiting.kind,
                "summary": content["summary"],
                "resource": {"original_type": content["original_type"]} | sealed,
            },
            ensure_ascii=False,
        ).encode()
        is_probe = self.faults.take(NOTIFICATION_PROBE) is not None
        headers = signed_headers(signer, body, now=world.machine_now(), is_probe=is_probe)
        return Outgoing(headers | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}, body)

    async def _settle_refunds(self) -> None:
        while True:
            if self.refunds.settle_due():
                self.notifier.wake()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
