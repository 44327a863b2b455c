"""Refunds, from being asked for to their end a moment later."""

import json
import sqlite3
from datetime import timedelta
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechatpay import funds
from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.errors import WireError, invalid_request
from integration.emulators.wechatpay.fields import RefundAsked
from integration.emulators.wechatpay.trades import Notify, Trades, china_time
from kernel.clock import SHANGHAI

REFUND_ABNORMAL: Final = "refund_abnormal"
"""The payer's card is closed: a refund ends as ABNORMAL and wants a person."""
REFUND_CLOSED: Final = "refund_closed"
"""A refund ends as CLOSED: nothing went back."""
NOT_ENOUGH: Final = "not_enough"
"""The merchant's account does not hold enough."""
TAKES: Final = timedelta(seconds=1)
REFUNDS_MAX: Final = 50
APART: Final = timedelta(minutes=1)
PAYMENT_AGE_MAX: Final = timedelta(days=365)
ACCOUNT_ZH: Final = "支付用户零钱"
EVENTS: Final = {
    "SUCCESS": ("REFUND.SUCCESS", "退款成功"),
    "ABNORMAL": ("REFUND.ABNORMAL", "退款异常"),
    "CLOSED": ("REFUND.CLOSED", "退款关闭"),
}


class Refunds:
    """The channel's refunds."""

    def __init__(self, store: Store, clock: EmulatorClock, switches: Faults, trades: Trades, notify: Notify) -> None:
        self._store = store
        self._clock = clock
        self._faults = switches
        self._trades = trades
        self._notify = notify

    def ask(self, account: Account, asked: RefundAsked, *, signer: str) -> sqlite3.Row:
        """Take a refund up, or show the one of that number as it stands.

        Raises:
            WireError: not paid, too much, too many, too soon, too late, another refund's number, no money.
        """
        try:
            trade = self._trades.require(
                account.merchant_no, out_trade_no=asked.out_trade_no, transaction_id=asked.transaction_id
            )
        except WireError as error:
            raise WireError(404, "RESOURCE_NOT_EXISTS", "订单不存在") from error
        known = self.find(account.merchant_no, asked.out_refund_no)
        if known is not None:
            same = (trade["out_trade_no"], asked.refund_fen, asked.total_fen)
            if (known["out_trade_no"], known["refund_fen"], known["total_fen"]) != same:
                raise invalid_request("订单金额或退款金额与之前请求不一致，请核实后再试")
            return known
        self._require_refundable(trade, asked)
        now = self._clock.now()
        self._store.execute(
            "INSERT INTO refund (merchant_no, out_refund_no, refund_id, out_trade_no, refund_fen, total_fen, reason,"
            " notify_url, status, created_ms, due_ms, signer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?, ?)",
            account.merchant_no,
            asked.out_refund_no,
            f"503{now.astimezone(SHANGHAI):%Y%m%d}{self._store.next_number('refund'):018d}",
            trade["out_trade_no"],
            asked.refund_fen,
            asked.total_fen,
            asked.reason,
            asked.notify_url,
            to_ms(now),
            to_ms(now + TAKES),
            signer,
        )
        self._store.execute(
            "UPDATE trade SET state = 'REFUND' WHERE merchant_no = ? AND out_trade_no = ?",
            account.merchant_no,
            trade["out_trade_no"],
        )
        return self.require(account.merchant_no, asked.out_refund_no)

    def find(self, merchant_no: str, out_refund_no: str) -> sqlite3.Row | None:
        """Give a refund by the merchant's number, with its payment's."""
        return self._store.row(
            "SELECT refund.*, trade.transaction_id FROM refund JOIN trade USING (merchant_no, out_trade_no)"
            " WHERE refund.merchant_no = ? AND out_refund_no = ?",
            merchant_no,
            out_refund_no,
        )

    def require(self, merchant_no: str, out_refund_no: str) -> sqlite3.Row:
        """Give a refund that must be there. Raises: WireError."""
        row = self.find(merchant_no, out_refund_no)
        if row is None:
            raise WireError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return row

    def settle_due(self) -> bool:
        """Bring to their end the refunds whose moment has come; tell whether there was any."""
        now = self._clock.now()
        due = self._store.rows(
            "SELECT * FROM refund WHERE status = 'PROCESSING' AND due_ms <= ? ORDER BY due_ms LIMIT 100", to_ms(now)
        )
        for row in due:
            with self._store.transaction():
                self._settle(row)
        return bool(due)

    def apply_abnormal(self, account: Account, refund_id: str, out_refund_no: str) -> sqlite3.Row:
        """Send an abnormal refund once more, to a bank card that a person has named. Raises: WireError."""
        row = self.require(account.merchant_no, out_refund_no)
        if row["refund_id"] != refund_id or row["status"] != "ABNORMAL":
            raise invalid_request("退款单状态不支持异常退款")
        self._store.execute(
            "UPDATE refund SET status = 'PROCESSING', due_ms = ? WHERE refund_id = ?",
            to_ms(self._clock.now() + TAKES),
            refund_id,
        )
        return self.require(account.merchant_no, out_refund_no)

    def _settle(self, row: sqlite3.Row) -> None:
        now, status = self._clock.now(), "SUCCESS"
        if self._faults.take(REFUND_ABNORMAL) is not None:
            status = "ABNORMAL"
        elif self._faults.take(REFUND_CLOSED) is not None:
            status = "CLOSED"
        else:
            funds.book_refund(self._store, row, at=now)
        self._store.execute(
            "UPDATE refund SET status = ?, success_ms = ? WHERE refund_id = ?",
            status,
            to_ms(now) if status == "SUCCESS" else None,
            row["refund_id"],
        )
        if row["notify_url"] is None:
            return
        kind, summary = EVENTS[status]
        self._notify(
            merchant_no=row["merchant_no"],
            url=row["notify_url"],
            signer=row["signer"],
            kind=kind,
            original_type="refund",
            summary=summary,
            resource=json.dumps(
                _render_for_notification(self.require(row["merchant_no"], row["out_refund_no"])), ensure_ascii=False
            ),
        )

    def _require_refundable(self, trade: sqlite3.Row, asked: RefundAsked) -> None:
        if trade["state"] not in ("SUCCESS", "REFUND"):
            raise invalid_request("订单未支付成功")
        if asked.total_fen != trade["paid_fen"]:
            raise invalid_request("订单金额与原订单不一致")
        now = self._clock.now()
        if now - from_ms(trade["success_ms"]) > PAYMENT_AGE_MAX:
            raise invalid_request("交易时间超过一年的订单无法提交退款")
        earlier = self._store.row(
            "SELECT count(*) AS count, coalesce(sum(refund_fen), 0) AS fen, max(created_ms) AS latest FROM refund"
            " WHERE merchant_no = ? AND out_trade_no = ? AND status <> 'CLOSED'",
            trade["merchant_no"],
            trade["out_trade_no"],
        )
        assert earlier is not None, "an aggregate has one row"
        if earlier["fen"] + asked.refund_fen > trade["paid_fen"]:
            raise invalid_request("退款金额大于可退金额")
        if earlier["count"] >= REFUNDS_MAX:
            raise invalid_request("一笔订单最多支持50次部分退款")
        if earlier["latest"] is not None and now - from_ms(earlier["latest"]) < APART:
            raise WireError(429, "FREQUENCY_LIMITED", "同一笔订单多次退款的请求需相隔1分钟")
        has_enough = funds.balance_fen(self._store, trade["merchant_no"]) >= asked.refund_fen
        if self._faults.take(NOT_ENOUGH) is not None or not has_enough:
            raise WireError(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")


def render(row: sqlite3.Row) -> dict[str, Any]:
    """Show a refund as an answer does."""
    shown: dict[str, Any] = {
        "refund_id": row["refund_id"],
        "out_refund_no": row["out_refund_no"],
        "transaction_id": row["transaction_id"],
        "out_trade_no": row["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": ACCOUNT_ZH,
        "create_time": china_time(from_ms(row["created_ms"])),
        "status": row["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": row["total_fen"],
            "refund": row["refund_fen"],
            "payer_total": row["total_fen"],
            "payer_refund": row["refund_fen"],
            "settlement_total": row["total_fen"],
            "settlement_refund": row["refund_fen"],
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if row["success_ms"] is not None:
        shown["success_time"] = china_time(from_ms(row["success_ms"]))
    return shown


def _render_for_notification(row: sqlite3.Row) -> dict[str, Any]:
    full = render(row)
    kept = ("out_trade_no", "transaction_id", "out_refund_no", "refund_id", "user_received_account", "success_time")
    amount = {name: full["amount"][name] for name in ("total", "refund", "payer_total", "payer_refund")}
    return (
        {"mchid": row["merchant_no"], "refund_status": row["status"]}
        | {name: full[name] for name in kept if name in full}
        | {"amount": amount}
    )
