"""Mixed orders: one part paid by the medical insurance, one by WeChat, and a success only when both are."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.errors import WireError, invalid_request
from integration.emulators.wechatpay.medical_fields import InsuranceRefund, MixedAsked
from integration.emulators.wechatpay.trades import Notify, Trades, china_time
from kernel.clock import SHANGHAI

SUCCESS_EVENT: Final = "MEDICAL_INSURANCE.SUCCESS"
RETRIES: Final[Mapping[str, Sequence[timedelta]]] = {
    SUCCESS_EVENT: (timedelta(seconds=15), timedelta(seconds=15)),
}
"""A mixed order's notification is told for half a minute only; then the hospital has to ask."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mixed (
    merchant_no TEXT NOT NULL, out_trade_no TEXT NOT NULL, mix_trade_no TEXT NOT NULL UNIQUE,
    cash_fen INTEGER NOT NULL, insurance_fen INTEGER NOT NULL, callback_url TEXT NOT NULL, shown TEXT NOT NULL,
    cash_state TEXT NOT NULL CHECK (cash_state IN ('NONE', 'CREATED', 'SUCCESS', 'REFUND', 'FAIL')),
    insurance_state TEXT NOT NULL CHECK (insurance_state IN ('NONE', 'CREATED', 'SUCCESS', 'REFUND', 'FAIL')),
    refunded_fen INTEGER NOT NULL DEFAULT 0, paid_ms INTEGER, created_ms INTEGER NOT NULL, signer TEXT NOT NULL,
    PRIMARY KEY (merchant_no, out_trade_no));
CREATE TABLE IF NOT EXISTS insurance_refund (
    mix_trade_no TEXT NOT NULL, out_refund_no TEXT NOT NULL, total_fen INTEGER NOT NULL,
    PRIMARY KEY (mix_trade_no, out_refund_no));
"""


class Mixed:
    """The channel's mixed orders."""

    def __init__(self, store: Store, clock: EmulatorClock, trades: Trades, notify: Notify) -> None:
        self._store = store
        self._clock = clock
        self._trades = trades
        self._notify = notify

    def order(self, account: Account, asked: MixedAsked, *, signer: str) -> sqlite3.Row:
        """Take a mixed order, or show the same one again. Raises: WireError."""
        known = self._find(account.merchant_no, "out_trade_no", asked.out_trade_no)
        if known is not None:
            if json.loads(known["shown"]) != asked.shown:
                raise WireError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
            return known
        if asked.prepay_id is not None:
            self._require_prepaid(account, asked)
        now = self._clock.now()
        self._store.execute(
            "INSERT INTO mixed (merchant_no, out_trade_no, mix_trade_no, cash_fen, insurance_fen, callback_url, shown,"
            " cash_state, insurance_state, created_ms, signer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            account.merchant_no,
            asked.out_trade_no,
            f"MIX{now.astimezone(SHANGHAI):%Y%m%d}{self._store.next_number('mixed'):018d}",
            asked.cash_fen,
            asked.insurance_fen,
            asked.callback_url,
            json.dumps(asked.shown, ensure_ascii=False),
            "CREATED" if asked.cash_fen else "NONE",
            "CREATED" if asked.insurance_fen else "NONE",
            to_ms(now),
            signer,
        )
        return self.require(account, "out_trade_no", asked.out_trade_no)

    def require(self, account: Account, column: str, number: str) -> sqlite3.Row:
        """Give a mixed order by `out_trade_no` or `mix_trade_no`. Raises: WireError."""
        # The part in cash goes back by the ordinary refunds, which know nothing of the whole.
        self._store.execute(
            "UPDATE mixed SET cash_state = 'REFUND' WHERE merchant_no = ? AND cash_state = 'SUCCESS' AND cash_fen ="
            " (SELECT sum(refund_fen) FROM refund WHERE refund.merchant_no = mixed.merchant_no"
            " AND refund.out_trade_no = mixed.out_trade_no AND status = 'SUCCESS')",
            account.merchant_no,
        )
        row = self._find(account.merchant_no, column, number)
        if row is None:
            raise WireError(404, "ORDER_NOT_EXIST", "订单不存在")
        return row

    def report_refund(self, account: Account, mix_trade_no: str, refund: InsuranceRefund) -> None:
        """Note what the insurance took back; the same report again changes nothing. Raises: WireError."""
        row = self.require(account, "mix_trade_no", mix_trade_no)
        if row["insurance_state"] not in ("SUCCESS", "REFUND"):
            raise invalid_request("医保部分未支付成功")
        known = self._store.row(
            "SELECT total_fen FROM insurance_refund WHERE mix_trade_no = ? AND out_refund_no = ?",
            mix_trade_no,
            refund.out_refund_no,
        )
        if known is not None:
            if known["total_fen"] != refund.total_fen:
                raise invalid_request("退款金额与之前请求不一致")
            return
        if row["refunded_fen"] + refund.total_fen > row["insurance_fen"]:
            raise invalid_request("医保退款金额大于可退金额")
        self._store.execute(
            "INSERT INTO insurance_refund (mix_trade_no, out_refund_no, total_fen) VALUES (?, ?, ?)",
            mix_trade_no,
            refund.out_refund_no,
            refund.total_fen,
        )
        self._store.execute(
            "UPDATE mixed SET refunded_fen = refunded_fen + ?1,"
            " insurance_state = CASE WHEN refunded_fen + ?1 = insurance_fen THEN 'REFUND' ELSE insurance_state END"
            " WHERE mix_trade_no = ?2",
            refund.total_fen,
            mix_trade_no,
        )

    # --- what a payer does

    def act(self, out_trade_no: str, act: str) -> sqlite3.Row:
        """Pay both parts (pay), the cash alone (cash), or have the insurance refuse (fail). Raises: ControlRefused."""
        row = self._store.row("SELECT * FROM mixed WHERE out_trade_no = ?", out_trade_no)
        if row is None or "FAIL" in (row["cash_state"], row["insurance_state"]) or row["paid_ms"] is not None:
            raise ControlRefused("no such mixed order that is to be paid")
        if act not in ("pay", "cash", "fail"):
            raise ControlRefused("act is pay, cash or fail")
        if act == "fail":
            self._set(row, insurance_state="FAIL")
        else:
            if row["cash_state"] == "CREATED":
                self._pay_cash(row)
            if act == "pay" and row["insurance_state"] == "CREATED":
                self._set(row, insurance_state="SUCCESS")
        changed = self._again(row)
        if mix_status(changed) == "MIX_PAY_SUCCESS":
            self._store.execute(
                "UPDATE mixed SET paid_ms = ? WHERE mix_trade_no = ?", to_ms(self._clock.now()), row["mix_trade_no"]
            )
            changed = self._again(row)
            self._tell(changed)
        return changed

    def _pay_cash(self, row: sqlite3.Row) -> None:
        trade = self._trades.find(row["merchant_no"], row["out_trade_no"])
        assert trade is not None, "a part in cash was prepared before"
        self._trades.pay(trade, openid=None, amount_fen=None, app_id=None, late=False)
        self._set(row, cash_state="SUCCESS")

    def _tell(self, row: sqlite3.Row) -> None:
        self._notify(
            merchant_no=row["merchant_no"],
            url=row["callback_url"],
            signer=row["signer"],
            kind=SUCCESS_EVENT,
            original_type="med_ins_pay",
            summary="医保混合支付成功",
            resource=json.dumps(render(row), ensure_ascii=False),
        )

    def _set(self, row: sqlite3.Row, *, cash_state: str | None = None, insurance_state: str | None = None) -> None:
        self._store.execute(
            "UPDATE mixed SET cash_state = coalesce(?, cash_state), insurance_state = coalesce(?, insurance_state)"
            " WHERE mix_trade_no = ?",
            cash_state,
            insurance_state,
            row["mix_trade_no"],
        )

    def _again(self, row: sqlite3.Row) -> sqlite3.Row:
        changed = self._find(row["merchant_no"], "mix_trade_no", row["mix_trade_no"])
        assert changed is not None, "rows are not deleted"
        return changed

    def _find(self, merchant_no: str, column: str, number: str) -> sqlite3.Row | None:
        assert column in ("out_trade_no", "mix_trade_no"), "one of the two numbers"
        return self._store.row(f"SELECT * FROM mixed WHERE merchant_no = ? AND {column} = ?", merchant_no, number)  # noqa: S608  one of two names of ours

    def _require_prepaid(self, account: Account, asked: MixedAsked) -> None:
        trade = self._trades.find(account.merchant_no, asked.out_trade_no)
        if trade is None or trade["prepay_id"] != asked.prepay_id:
            raise invalid_request("prepay_id与out_trade_no不匹配")
        if trade["total_fen"] != asked.cash_fen:
            raise invalid_request("自费金额与预下单金额不一致")


def mix_status(row: sqlite3.Row) -> str:
    """Give the state of the whole: a success only when each part that there is has succeeded."""
    states = {row["cash_state"], row["insurance_state"]} - {"NONE"}
    if "FAIL" in states:
        return "MIX_PAY_FAIL"
    if "CREATED" in states:
        return "MIX_PAY_CREATED"
    return "MIX_PAY_REFUND" if states == {"REFUND"} else "MIX_PAY_SUCCESS"


def render(row: sqlite3.Row) -> dict[str, Any]:
    """Show a mixed order as an answer and a notification do."""
    cash, insurance = row["cash_state"], row["insurance_state"]
    shown: dict[str, Any] = {
        "mix_trade_no": row["mix_trade_no"],
        "mix_pay_status": mix_status(row),
        "self_pay_status": "NO_SELF_PAY" if cash == "NONE" else f"SELF_PAY_{cash}",
        "med_ins_pay_status": "NO_MED_INS_PAY" if insurance == "NONE" else f"MED_INS_PAY_{insurance}",
    }
    if row["paid_ms"] is not None:
        shown["paid_time"] = china_time(from_ms(row["paid_ms"]))
    shown |= json.loads(row["shown"])
    return shown
