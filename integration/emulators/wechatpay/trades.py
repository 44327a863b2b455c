"""Orders and what payers do with them."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechatpay import funds
from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.errors import WireError, invalid_request, order_not_exist
from integration.emulators.wechatpay.fields import Prepay
from kernel.clock import SHANGHAI

USER_PAYING: Final = "user_paying"
"""A payer begins and does not finish; paying once more finishes."""
PREPAY_LIVES: Final = timedelta(hours=2)
BANK: Final = "OTHERS"
LATEST_MAX: Final = 50
STATES_ZH: Final = {
    "NOTPAY": "订单未支付",
    "USERPAYING": "用户支付中，需要输入密码",
    "SUCCESS": "支付成功",
    "CLOSED": "订单已关闭",
    "REFUND": "订单发生过退款，退款详情请查询退款单",
}

Notify = Callable[..., None]


class Trades:
    """The channel's orders; `notify` notes a notification within the present transaction."""

    def __init__(self, store: Store, clock: EmulatorClock, switches: Faults, notify: Notify) -> None:
        self._store = store
        self._clock = clock
        self._faults = switches
        self._notify = notify

    def prepay(self, account: Account, asked: Prepay, *, trade_type: str, signer: str) -> str:
        """Make an order, or take the same one again, and give its prepay_id.

        Raises:
            WireError: the number is used for another order, paid or closed; or the order would end before it begins.
        """
        now = self._clock.now()
        if asked.expires_at is not None and asked.expires_at <= now:
            raise invalid_request("time_expire必须晚于当前时间")
        known = self.find(account.merchant_no, asked.out_trade_no)
        if known is not None:
            _require_same(known, asked, trade_type)
        prepay_id = f"wx{now.astimezone(SHANGHAI):%d%H%M%S}{secrets.token_hex(13)}"
        self._store.execute(
            "INSERT INTO trade (merchant_no, out_trade_no, app_id, trade_type, description, total_fen, notify_url,"
            " asked_openid, attach, expires_ms, prepay_id, prepaid_ms, state, created_ms, signer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'NOTPAY', ?, ?)"
            " ON CONFLICT (merchant_no, out_trade_no) DO UPDATE"
            " SET prepay_id = excluded.prepay_id, prepaid_ms = excluded.prepaid_ms, signer = excluded.signer",
            account.merchant_no,
            asked.out_trade_no,
            asked.app_id,
            trade_type,
            asked.description,
            asked.total_fen,
            asked.notify_url,
            asked.openid,
            asked.attach,
            to_ms(asked.expires_at) if asked.expires_at else None,
            prepay_id,
            to_ms(now),
            to_ms(now),
            signer,
        )
        return prepay_id

    def find(self, merchant_no: str, out_trade_no: str) -> sqlite3.Row | None:
        """Give an order by the merchant's number."""
        return self._store.row(
            "SELECT * FROM trade WHERE merchant_no = ? AND out_trade_no = ?", merchant_no, out_trade_no
        )

    def require(self, merchant_no: str, *, out_trade_no: str | None, transaction_id: str | None) -> sqlite3.Row:
        """Give an order by the channel's number, or by the merchant's. Raises: WireError."""
        if transaction_id is not None:
            row = self._store.row(
                "SELECT * FROM trade WHERE merchant_no = ? AND transaction_id = ?", merchant_no, transaction_id
            )
        else:
            row = self.find(merchant_no, out_trade_no or "")
        if row is None:
            raise order_not_exist()
        return row

    def close(self, merchant_no: str, out_trade_no: str) -> None:
        """Close an order that is not paid. Raises: WireError."""
        row = self.require(merchant_no, out_trade_no=out_trade_no, transaction_id=None)
        match row["state"]:
            case "CLOSED":
                raise WireError(400, "ORDER_CLOSED", "订单已关闭")
            case "USERPAYING":
                raise WireError(202, "USER_PAYING", "用户支付中，需要输入密码")
            case "SUCCESS" | "REFUND":
                raise WireError(400, "ORDERPAID", "该订单已支付")
        self._store.execute(
            "UPDATE trade SET state = 'CLOSED' WHERE merchant_no = ? AND out_trade_no = ?", merchant_no, out_trade_no
        )

    # --- what a payer does

    def pay(
        self, row: sqlite3.Row, *, openid: str | None, amount_fen: int | None, app_id: str | None, late: bool
    ) -> None:
        """Pay an order as a payer would, or as none could: other amount, other person, after its end (`late`).

        Raises:
            ControlRefused: it is not there to be paid.
        """
        payable = ("NOTPAY", "USERPAYING", "CLOSED") if late else ("NOTPAY", "USERPAYING")
        now = self._clock.now()
        if row["state"] not in payable or (not late and now >= _ends_at(row)):
            raise ControlRefused(f"the order is {row['state']} or over")
        if row["state"] == "NOTPAY" and self._faults.take(USER_PAYING) is not None:
            self._set_paying(row)
            return
        paid_fen = row["total_fen"] if amount_fen is None else amount_fen
        transaction_id = f"42{now.astimezone(SHANGHAI):%Y%m%d}{self._store.next_number('transaction'):018d}"
        self._store.execute(
            "UPDATE trade SET state = 'SUCCESS', transaction_id = ?, openid = ?, paid_fen = ?, paid_app_id = ?,"
            " success_ms = ? WHERE merchant_no = ? AND out_trade_no = ?",
            transaction_id,
            openid or row["asked_openid"] or f"o{secrets.token_hex(13)}x",
            paid_fen,
            app_id or row["app_id"],
            to_ms(now),
            row["merchant_no"],
            row["out_trade_no"],
        )
        funds.book_payment(self._store, row, transaction_id=transaction_id, paid_fen=paid_fen, at=now)
        paid = self.find(row["merchant_no"], row["out_trade_no"])
        assert paid is not None, "it was just updated"
        self._notify(
            merchant_no=row["merchant_no"],
            url=row["notify_url"],
            signer=row["signer"],
            kind="TRANSACTION.SUCCESS",
            original_type="transaction",
            summary="支付成功",
            resource=json.dumps(render(paid), ensure_ascii=False),
        )

    def begin_paying(self, row: sqlite3.Row) -> None:
        """Let a payer begin and not finish. Raises: ControlRefused."""
        if row["state"] != "NOTPAY" or self._clock.now() >= _ends_at(row):
            raise ControlRefused(f"the order is {row['state']} or over")
        self._set_paying(row)

    def _set_paying(self, row: sqlite3.Row) -> None:
        self._store.execute(
            "UPDATE trade SET state = 'USERPAYING' WHERE merchant_no = ? AND out_trade_no = ?",
            row["merchant_no"],
            row["out_trade_no"],
        )

    def abandon(self, row: sqlite3.Row) -> None:
        """Let a payer who has begun give up. Raises: ControlRefused."""
        touched = self._store.execute(
            "UPDATE trade SET state = 'NOTPAY' WHERE merchant_no = ? AND out_trade_no = ? AND state = 'USERPAYING'",
            row["merchant_no"],
            row["out_trade_no"],
        )
        if touched != 1:
            raise ControlRefused(f"the order is {row['state']}")

    def pick(self, *, out_trade_no: str | None, prepay_id: str | None, merchant_no: str | None) -> sqlite3.Row:
        """Find the order that a payer has on the screen. Raises: ControlRefused."""
        rows = self._store.rows(
            "SELECT * FROM trade WHERE (out_trade_no = ?1 OR prepay_id = ?2) AND (?3 IS NULL OR merchant_no = ?3)"
            " LIMIT 2",
            out_trade_no,
            prepay_id,
            merchant_no,
        )
        if len(rows) != 1:
            raise ControlRefused("no such order, or one at more than one merchant")
        return rows[0]

    def latest(self, out_trade_no: str | None) -> Sequence[sqlite3.Row]:
        """Give the latest orders, or those of one number."""
        return self._store.rows(
            "SELECT * FROM trade WHERE ?1 IS NULL OR out_trade_no = ?1 ORDER BY created_ms DESC LIMIT ?2",
            out_trade_no,
            LATEST_MAX,
        )


def code_url(prepay_id: str) -> str:
    """Give what a kiosk shows as a code for a prepared order."""
    return f"weixin://wxpay/bizpayurl?pr={prepay_id}"


def render(row: sqlite3.Row) -> dict[str, Any]:
    """Show an order as an answer and a notification do."""
    shown: dict[str, Any] = {
        "appid": row["paid_app_id"] or row["app_id"],
        "mchid": row["merchant_no"],
        "out_trade_no": row["out_trade_no"],
        "trade_state": row["state"],
        "trade_state_desc": STATES_ZH[row["state"]],
        "attach": row["attach"] or "",
    }
    if row["transaction_id"] is None:
        return shown | {"amount": {"total": row["total_fen"], "currency": "CNY"}, "payer": {}}
    fen = row["paid_fen"]
    return shown | {
        "transaction_id": row["transaction_id"],
        "trade_type": row["trade_type"],
        "bank_type": BANK,
        "success_time": china_time(from_ms(row["success_ms"])),
        "payer": {"openid": row["openid"]},
        "amount": {"total": fen, "payer_total": fen, "currency": "CNY", "payer_currency": "CNY"},
    }


def china_time(at: datetime) -> str:
    """Write an instant as API v3 does: RFC 3339 with +08:00, to the second."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _ends_at(row: sqlite3.Row) -> datetime:
    ends = from_ms(row["prepaid_ms"]) + PREPAY_LIVES
    return ends if row["expires_ms"] is None else min(ends, from_ms(row["expires_ms"]))


def _require_same(row: sqlite3.Row, asked: Prepay, trade_type: str) -> None:
    if row["state"] == "CLOSED":
        raise WireError(400, "ORDER_CLOSED", "订单已关闭")
    if row["state"] in ("SUCCESS", "REFUND"):
        raise WireError(400, "ORDERPAID", "该订单已支付")
    known = (row["app_id"], row["trade_type"], row["description"], row["total_fen"], row["asked_openid"], row["attach"])
    given = (asked.app_id, trade_type, asked.description, asked.total_fen, asked.openid, asked.attach)
    if known != given:
        raise WireError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
