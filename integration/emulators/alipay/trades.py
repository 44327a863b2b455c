"""Trades and refunds, as Alipay keeps them: what a merchant may ask, what a payer does, what time does by itself."""

import secrets
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from integration.emulators.alipay.errors import BusinessRefused
from integration.emulators.alipay.keys import App
from integration.emulators.alipay.memory import fen, read_wall_clock, wall_clock, yuan
from integration.emulators.alipay.told import Teller
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store, to_ms

WAIT_BUYER_PAY: Final = "wait_buyer_pay"
"""The payer's confirmation stands at WAIT_BUYER_PAY for `seconds` (60)."""
REFUND_DELAYED: Final = "refund_delayed"
"""A refund is taken and on its way to the bank for `seconds` (60)."""
REFUND_ABNORMAL: Final = "refund_abnormal"
"""A refund is taken, and the bank will not have it."""
TRADE_FAULTS: Final = frozenset({WAIT_BUYER_PAY, REFUND_DELAYED, REFUND_ABNORMAL})

USUAL_TERM: Final = timedelta(days=15)
CODE_TERM: Final = timedelta(hours=2)
REFUNDABLE_FOR: Final = timedelta(days=365)
"""After this a trade is TRADE_FINISHED and nothing goes back."""
SWEEP_MAX: Final = 500
NAME_CHARACTERS_MAX: Final = 64

Answer = dict[str, Any]


class Trades:
    """All trades of the emulator. Every method is one transaction; notifications are noted in it."""

    def __init__(self, store: Store, clock: EmulatorClock, faults: Faults, teller: Teller) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._teller = teller

    # --- what a merchant asks for

    def create(self, app: App, biz: Mapping[str, Any], notify_url: str) -> Answer:
        """alipay.trade.create: a trade for a known payer; the same again gives the same trade."""
        payer = biz.get("buyer_open_id") or biz.get("buyer_id")
        if not payer or not biz.get("op_app_id") or biz.get("product_code") != "JSAPI_PAY":
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "参数无效")
        row = self._prepare(app, biz, notify_url, payer=str(payer), qr_code=None)
        return {"out_trade_no": row["out_trade_no"], "trade_no": row["trade_no"]}

    def precreate(self, app: App, biz: Mapping[str, Any], notify_url: str) -> Answer:
        """alipay.trade.precreate: a code to scan; there is no trade before somebody does."""
        code = f"https://qr.alipay.com/bax{secrets.token_hex(10)}"
        row = self._prepare(app, biz, notify_url, payer="", qr_code=code)
        return {"out_trade_no": row["out_trade_no"], "qr_code": row["qr_code"]}

    def prepare_page(self, app: App, biz: Mapping[str, Any], notify_url: str) -> sqlite3.Row:
        """alipay.trade.wap.pay: what a page shows; there is no trade before somebody signs in on it.

        `qr_code` of what is given names it for `scan`.
        """
        if biz.get("product_code") != "QUICK_WAP_WAY":
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "参数无效")
        return self._prepare(app, biz, notify_url, payer="", qr_code=f"wap{secrets.token_hex(16)}")

    def query(self, app: App, biz: Mapping[str, Any]) -> Answer:
        """alipay.trade.query."""
        trade = self._find(app, biz)
        answer = {
            "buyer_logon_id": "159****5620",
            "buyer_open_id": trade["buyer_open_id"],
            "buyer_pay_amount": yuan(trade["total_fen"]) if trade["paid_ms"] else "0.00",
            "invoice_amount": yuan(trade["total_fen"]) if trade["paid_ms"] else "0.00",
            "out_trade_no": trade["out_trade_no"],
            "point_amount": "0.00",
            "receipt_amount": yuan(trade["total_fen"]) if trade["paid_ms"] else "0.00",
            "total_amount": yuan(trade["total_fen"]),
            "trade_no": trade["trade_no"],
            "trade_status": trade["status"],
        }
        if trade["paid_ms"]:
            answer["send_pay_date"] = wall_clock(trade["paid_ms"])
            answer["fund_bill_list"] = [{"amount": yuan(trade["total_fen"]), "fund_channel": "ALIPAYACCOUNT"}]
        return answer

    def close(self, app: App, biz: Mapping[str, Any]) -> Answer:
        """alipay.trade.close: only what waits for its payer can be closed."""
        trade = self._find(app, biz)
        if trade["status"] != "WAIT_BUYER_PAY":
            raise BusinessRefused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        with self._store.transaction():
            self._close(trade)
        return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}

    def refund(self, app: App, biz: Mapping[str, Any]) -> Answer:
        """alipay.trade.refund: the same out_request_no again is the same refund, and moves nothing."""
        trade, amount_fen = self._find(app, biz), fen(biz.get("refund_amount"))
        number = str(biz.get("out_request_no") or "")
        if amount_fen is None or not 0 < len(number) <= NAME_CHARACTERS_MAX:
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "参数无效")
        known = self._refund_of(trade, number)
        if known is not None:
            if known["amount_fen"] != amount_fen:
                raise BusinessRefused("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求")
            return self._refund_answer(trade, moved=False)
        if trade["status"] == "TRADE_FINISHED":
            raise BusinessRefused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
        if trade["status"] != "TRADE_SUCCESS":
            raise BusinessRefused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        if amount_fen > trade["total_fen"] - self._refunded_fen(trade, with_underway=True):
            raise BusinessRefused("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
        return self._begin_refund(trade, number, amount_fen, str(biz.get("refund_reason") or ""))

    def query_refund(self, app: App, biz: Mapping[str, Any]) -> Answer:
        """alipay.trade.fastpay.refund.query: of a refund that is not known, nothing but success is said."""
        trade = self._find(app, biz)
        row = self._refund_of(trade, str(biz.get("out_request_no") or ""))
        if row is None:
            return {}
        answer: Answer = {
            "out_request_no": row["out_request_no"],
            "out_trade_no": trade["out_trade_no"],
            "refund_amount": yuan(row["amount_fen"]),
            "refund_status": "REFUND_SUCCESS",
            "total_amount": yuan(trade["total_fen"]),
            "trade_no": trade["trade_no"],
        }
        options = biz.get("query_options") or []
        if row["returned_ms"] and "gmt_refund_pay" in options:
            answer["gmt_refund_pay"] = wall_clock(row["returned_ms"])
        if row["bank"] and "deposit_back_info" in options:
            answer["deposit_back_info"] = {
                "has_deposit_back": "true",
                "dback_status": row["bank"],
                "dback_amount": yuan(row["amount_fen"]),
            }
        return answer

    # --- what a payer does

    def scan(self, qr_code: str, buyer_open_id: str) -> Answer:
        """Scan a code: the trade begins.

        Raises:
            ControlRefused: no such code, or it is over.
        """
        with self._store.transaction():
            trade = self._store.row("SELECT * FROM trade WHERE qr_code = ?", qr_code)
            if trade is None or (trade["status"] == "UNSCANNED" and trade["expire_ms"] <= self._now_ms()):
                raise ControlRefused("the code is not valid")
            if trade["status"] == "UNSCANNED":
                self._store.execute(
                    "UPDATE trade SET status = 'WAIT_BUYER_PAY', buyer_open_id = ?, created_ms = ? WHERE trade_no = ?",
                    buyer_open_id,
                    self._now_ms(),
                    trade["trade_no"],
                )
        return self.show(trade["trade_no"])

    def pay(self, trade_no: str, *, late: bool = False, amount_fen: int | None = None) -> Answer:
        """Pay, as the payer of the trade.

        late: what nobody paid and what is closed too, as if the payer had begun before. amount_fen: another amount than
        was asked. Alipay does neither; a platform must bear both.

        Raises:
            ControlRefused: nothing waits to be paid.
        """
        with self._store.transaction():
            trade = self._by_trade_no(trade_no)
            waits = trade["status"] == "WAIT_BUYER_PAY" and trade["expire_ms"] > self._now_ms()
            if not waits and not (late and trade["paid_ms"] is None):
                raise ControlRefused("the trade does not wait for a payer")
            if amount_fen is not None:
                self._store.execute("UPDATE trade SET total_fen = ? WHERE trade_no = ?", amount_fen, trade_no)
            if (wait := self._faults.take(WAIT_BUYER_PAY)) is not None:
                pays = self._now_ms() + wait.get("seconds", 60) * 1000
                self._store.execute("UPDATE trade SET pays_ms = ? WHERE trade_no = ?", pays, trade_no)
            else:
                self._receive(trade)
        return self.show(trade_no)

    def show(self, trade_no: str) -> Answer:
        """Show a trade and its refunds, for those who drive the sandbox."""
        trade = self._by_trade_no(trade_no)
        refunds = self._store.rows("SELECT * FROM refund WHERE trade_no = ? ORDER BY created_ms", trade_no)
        return dict(trade) | {"refunds": [dict(row) for row in refunds]}

    def find(self, out_trade_no: str) -> str:
        """Give Alipay's number of a merchant's.

        Raises:
            ControlRefused: nobody has asked for it.
        """
        row = self._store.row("SELECT trade_no FROM trade WHERE out_trade_no = ?", out_trade_no)
        if row is None:
            raise ControlRefused("no trade of that number")
        return str(row["trade_no"])

    # --- what time does

    def let_time_pass(self) -> bool:
        """Do what has become due: payments that waited, trades that ran out, refunds at the bank; tell of any."""
        now_ms = self._now_ms()
        with self._store.transaction():
            paying = self._store.rows(
                "SELECT * FROM trade WHERE status = 'WAIT_BUYER_PAY' AND pays_ms <= ? LIMIT ?", now_ms, SWEEP_MAX
            )
            for trade in paying:
                self._receive(trade)
            over = self._store.rows(
                "SELECT * FROM trade WHERE status = 'WAIT_BUYER_PAY' AND pays_ms IS NULL AND expire_ms <= ? LIMIT ?",
                now_ms,
                SWEEP_MAX,
            )
            for trade in over:
                self._close(trade)
            returning = self._store.rows("SELECT * FROM refund WHERE returns_ms <= ? LIMIT ?", now_ms, SWEEP_MAX)
            for row in returning:
                self._give_back(self._by_trade_no(row["trade_no"]), row["out_request_no"], bank="S")
            finished = self._store.execute(
                "UPDATE trade SET status = 'TRADE_FINISHED' WHERE status = 'TRADE_SUCCESS' AND paid_ms <= ?",
                now_ms - REFUNDABLE_FOR // timedelta(milliseconds=1),
            )
        return bool(paying or over or returning or finished)

    # --- steps

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())

    def _prepare(
        self, app: App, biz: Mapping[str, Any], notify_url: str, *, payer: str, qr_code: str | None
    ) -> sqlite3.Row:
        number, subject = biz.get("out_trade_no"), biz.get("subject")
        amount_fen = fen(biz.get("total_amount"))
        if not isinstance(number, str) or not 0 < len(number) <= NAME_CHARACTERS_MAX or not subject:
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "参数无效")
        if amount_fen is None:
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "订单金额无效")
        now_ms = self._now_ms()
        expire_ms = self._expiry(biz.get("time_expire"), now_ms, is_code=qr_code is not None)
        with self._store.transaction():
            known = self._store.row("SELECT * FROM trade WHERE app_id = ? AND out_trade_no = ?", app.app_id, number)
            if known is not None:
                return self._again(known, amount_fen=amount_fen, subject=str(subject), is_code=qr_code is not None)
            self._store.execute(
                "INSERT INTO trade (trade_no, app_id, out_trade_no, status, qr_code, total_fen, subject, buyer_open_id,"
                " notify_url, created_ms, expire_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                f"{wall_clock(now_ms)[:10].replace('-', '')}2200{self._store.next_number('trade'):016d}",
                app.app_id,
                number,
                "UNSCANNED" if qr_code else "WAIT_BUYER_PAY",
                qr_code,
                amount_fen,
                str(subject),
                payer,
                notify_url,
                now_ms,
                expire_ms,
            )
        row = self._store.row("SELECT * FROM trade WHERE app_id = ? AND out_trade_no = ?", app.app_id, number)
        assert row is not None, "it was just written"
        return row

    def _expiry(self, told: object, now_ms: int, *, is_code: bool) -> int:
        if not told:
            return now_ms + (CODE_TERM if is_code else USUAL_TERM) // timedelta(milliseconds=1)
        expire_ms = read_wall_clock(told)
        if expire_ms is None or expire_ms <= now_ms:
            raise BusinessRefused("ACQ.INVALID_PARAMETER", "time_expire 无效")
        return expire_ms

    def _again(self, known: sqlite3.Row, *, amount_fen: int, subject: str, is_code: bool) -> sqlite3.Row:
        if known["status"] in ("TRADE_SUCCESS", "TRADE_FINISHED"):
            raise BusinessRefused("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
        if known["status"] == "TRADE_CLOSED":
            raise BusinessRefused("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        if (known["total_fen"], known["subject"], known["qr_code"] is not None) != (amount_fen, subject, is_code):
            raise BusinessRefused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
        return known

    def _find(self, app: App, biz: Mapping[str, Any]) -> sqlite3.Row:
        self.let_time_pass()
        if trade_no := biz.get("trade_no"):
            column, value = "trade_no", trade_no
        else:
            column, value = "out_trade_no", biz.get("out_trade_no")
        row = self._store.row(
            f"SELECT * FROM trade WHERE app_id = ? AND {column} = ? AND status <> 'UNSCANNED'",  # noqa: S608  one of two literals
            app.app_id,
            str(value),
        )
        if row is None:
            raise BusinessRefused("ACQ.TRADE_NOT_EXIST", "交易不存在")
        return row

    def _by_trade_no(self, trade_no: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM trade WHERE trade_no = ?", trade_no)
        if row is None:
            raise ControlRefused("no trade of that number")
        return row

    def _receive(self, trade: sqlite3.Row) -> None:
        self._store.execute(
            "UPDATE trade SET status = 'TRADE_SUCCESS', paid_ms = ?, pays_ms = NULL, closed_ms = NULL"
            " WHERE trade_no = ?",
            self._now_ms(),
            trade["trade_no"],
        )
        self._teller.tell_trade(self._by_trade_no(trade["trade_no"]))

    def _close(self, trade: sqlite3.Row) -> None:
        self._store.execute(
            "UPDATE trade SET status = 'TRADE_CLOSED', closed_ms = ?, pays_ms = NULL WHERE trade_no = ?",
            self._now_ms(),
            trade["trade_no"],
        )
        self._teller.tell_trade(self._by_trade_no(trade["trade_no"]))

    def _begin_refund(self, trade: sqlite3.Row, number: str, amount_fen: int, reason: str) -> Answer:
        now_ms = self._now_ms()
        refused = self._faults.take(REFUND_ABNORMAL)
        delayed = None if refused is not None else self._faults.take(REFUND_DELAYED)
        bank, returns_ms = "", None
        if refused is not None:
            bank = "F"
        elif delayed is not None:
            bank, returns_ms = "P", now_ms + delayed.get("seconds", 60) * 1000
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO refund (trade_no, out_request_no, amount_fen, reason, bank, created_ms, returns_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                trade["trade_no"],
                number,
                amount_fen,
                reason,
                bank,
                now_ms,
                returns_ms,
            )
            if not bank:
                self._give_back(trade, number, bank="")
        return self._refund_answer(self._by_trade_no(trade["trade_no"]), moved=not bank)

    def _give_back(self, trade: sqlite3.Row, number: str, *, bank: str) -> None:
        now_ms = self._now_ms()
        self._store.execute(
            "UPDATE refund SET returned_ms = ?, returns_ms = NULL, bank = ? WHERE trade_no = ? AND out_request_no = ?",
            now_ms,
            bank,
            trade["trade_no"],
            number,
        )
        refunded_fen = self._refunded_fen(trade, with_underway=False)
        if refunded_fen == trade["total_fen"]:
            self._store.execute(
                "UPDATE trade SET status = 'TRADE_CLOSED', closed_ms = ? WHERE trade_no = ?", now_ms, trade["trade_no"]
            )
        self._teller.tell_refund(
            self._by_trade_no(trade["trade_no"]), out_request_no=number, refunded_fen=refunded_fen, at_ms=now_ms
        )

    def _refund_of(self, trade: sqlite3.Row, number: str) -> sqlite3.Row | None:
        return self._store.row(
            "SELECT * FROM refund WHERE trade_no = ? AND out_request_no = ?", trade["trade_no"], number
        )

    def _refunded_fen(self, trade: sqlite3.Row, *, with_underway: bool) -> int:
        row = self._store.row(
            "SELECT coalesce(sum(amount_fen), 0) AS fen FROM refund"
            " WHERE trade_no = ? AND (returned_ms IS NOT NULL OR ?)",
            trade["trade_no"],
            with_underway,
        )
        assert row is not None, "an aggregate gives a row"
        return int(row["fen"])

    def _refund_answer(self, trade: sqlite3.Row, *, moved: bool) -> Answer:
        """Answer a refund; refund_fee is what has gone back of the trade in all."""
        answer = {
            "buyer_logon_id": "159****5620",
            "buyer_open_id": trade["buyer_open_id"],
            "fund_change": "Y" if moved else "N",
            "out_trade_no": trade["out_trade_no"],
            "refund_fee": yuan(self._refunded_fen(trade, with_underway=False)),
            "trade_no": trade["trade_no"],
        }
        if moved:
            answer["gmt_refund_pay"] = wall_clock(self._now_ms())
        return answer
