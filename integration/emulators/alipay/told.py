"""What Alipay tells merchants: trades and refunds, by one kind of notification to one address.

Content is noted in the transaction of what it tells of; each sending is dated and signed afresh, under one notify_id.
Source: Alipay open platform, "Asynchronous notification" (opendocs.alipay.com/open/203/105286).
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import rsa

from integration.emulators.alipay.keys import KEY_BITS, App, content_of, sign
from integration.emulators.alipay.memory import wall_clock, yuan
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.faults import Faults
from integration.emulators.common.notifier import Notifier, Outgoing, Waiting
from integration.emulators.common.store import Store, to_ms
from kernel import clock as kernel_clock

SCHEDULE: Final = tuple(timedelta(minutes=minutes) for minutes in (4, 10, 10, 60, 2 * 60, 6 * 60, 15 * 60))
ACCEPTED: Final = b"success"
NOTIFICATION_FORGED: Final = "notification_forged"
"""A sending is signed by somebody else."""


class Teller:
    """Notes notifications and signs them."""

    def __init__(
        self, store: Store, clock: EmulatorClock, faults: Faults, *, apps: Mapping[str, App], key: rsa.RSAPrivateKey
    ) -> None:
        self._apps = apps
        self._key = key
        self._faults = faults
        self._clock = clock
        # Nobody's: what it signs is to be refused.
        self._foreign_key = rsa.generate_private_key(65537, KEY_BITS)
        self.notifier = Notifier(
            store, clock, faults, schedule=SCHEDULE, compose=self._compose, is_accepted=_is_accepted
        )

    def tell_trade(self, trade: sqlite3.Row) -> None:
        """Note that a trade has been paid, or closed without."""
        self._note(trade, self._describe(trade))

    def tell_refund(self, trade: sqlite3.Row, *, out_request_no: str, refunded_fen: int, at_ms: int) -> None:
        """Note that money has gone back; the status is the trade's, the amount what has gone back in all."""
        about = {
            "out_biz_no": out_request_no,
            "refund_fee": yuan(refunded_fen),
            "gmt_refund": f"{wall_clock(at_ms)}.000",
        }
        self._note(trade, self._describe(trade) | about)

    def _describe(self, trade: sqlite3.Row) -> dict[str, str]:
        app, total = self._apps[trade["app_id"]], yuan(trade["total_fen"])
        told = {
            "notify_type": "trade_status_sync",
            "charset": "utf-8",
            "version": "1.0",
            "app_id": app.app_id,
            "auth_app_id": app.app_id,
            "trade_no": trade["trade_no"],
            "out_trade_no": trade["out_trade_no"],
            "buyer_open_id": trade["buyer_open_id"],
            "buyer_logon_id": "159****5620",
            "seller_id": app.seller_id,
            "seller_email": app.seller_email,
            "trade_status": trade["status"],
            "total_amount": total,
            "subject": trade["subject"],
            "gmt_create": wall_clock(trade["created_ms"]),
        }
        if trade["paid_ms"]:
            told |= {
                "receipt_amount": total,
                "invoice_amount": total,
                "buyer_pay_amount": total,
                "point_amount": "0.00",
                "gmt_payment": wall_clock(trade["paid_ms"]),
                "fund_bill_list": json.dumps([{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]),
            }
        if trade["closed_ms"]:
            told["gmt_close"] = wall_clock(trade["closed_ms"])
        return told

    def _note(self, trade: sqlite3.Row, told: Mapping[str, str]) -> None:
        if not trade["notify_url"]:
            return
        number = f"{wall_clock(to_ms(self._clock.now()))[:10].replace('-', '')}00222{secrets.token_hex(12)}"
        content = json.dumps({"notify_id": number} | dict(told), ensure_ascii=False)
        self.notifier.add(number, url=trade["notify_url"], kind=told["trade_status"], content=content)

    def _compose(self, waiting: Waiting) -> Outgoing:
        form: dict[str, str] = json.loads(waiting.content)
        # As every signature's time, by the machine's clock: both companies keep the world's.
        form["notify_time"] = wall_clock(to_ms(kernel_clock.machine_now()))
        key = self._key if self._faults.take(NOTIFICATION_FORGED) is None else self._foreign_key
        form |= {"sign": sign(key, content_of(form)), "sign_type": "RSA2"}
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "user-agent": "Alipay"}
        return Outgoing(headers, urlencode({name: value for name, value in form.items() if value}).encode())


def _is_accepted(status: int, body: bytes) -> bool:
    return status == 200 and body == ACCEPTED
