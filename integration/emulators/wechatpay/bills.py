"""Daily bills by the book: header names, fields behind a backtick, yuan with two places, summary lines at the end.

https://pay.weixin.qq.com/doc/v3/merchant/4012791907 (trades), .../4012791908 (funds). A day's bill is made once, after
ten in the morning of the next day, and stays as it was made.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechatpay import funds
from integration.emulators.wechatpay.errors import WireError, invalid_request, parameter_error
from kernel.clock import SHANGHAI, clinic_date, clinic_instant

BILL_PERTURBED: Final = "bill_perturbed"
"""A bill is made wrong: `how` is missing (a line), surplus (a line) or amount (another one); `kind` trades or funds."""
BILL_AT_ONCE: Final = "bill_at_once"
"""Bills are given for the present day too, made afresh each time: for demonstrations."""
READY_AT: Final = time(10)
DAYS_MAX: Final = 90
URL_LIVES: Final = timedelta(minutes=5)
ROWS_MAX: Final = 2_000_000
SECRET_FILE: Final = "download_secret"  # noqa: S105  a file's name
MERCHANT_ZH: Final = "系统"

TRADE_HEADER: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
TRADE_SUMMARY: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_HEADER: Final = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
FUND_SUMMARY: Final = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

Line = dict[str, str]


class Bills:
    """The channel's daily bills and the addresses at which they are fetched."""

    def __init__(self, store: Store, clock: EmulatorClock, switches: Faults, *, folder: Path) -> None:
        self._store = store
        self._clock = clock
        self._faults = switches
        self._secret = _secret(folder / SECRET_FILE)

    def apply(self, merchant_no: str, *, kind: str, day_text: str) -> tuple[str, str]:
        """Have a day's bill made; give its SHA-1 (of the bill as it is, not as it is packed) and a download token.

        Raises:
            WireError: the day is over too long ago, not over, or held nothing.
        """
        day = _day(day_text)
        today = clinic_date(self._clock.now())
        is_early = self._faults.take(BILL_AT_ONCE) is not None
        if day > today or (day == today and not is_early):
            raise parameter_error("bill_date不能晚于昨天")
        if (today - day).days > DAYS_MAX:
            raise invalid_request("仅支持三个月内的账单下载申请")
        if not is_early and self._clock.now() < clinic_instant(day + timedelta(days=1), READY_AT):
            raise WireError(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
        content = self._content(merchant_no, kind, day, afresh=day == today)
        return hashlib.sha1(content, usedforsecurity=False).hexdigest(), self._token(merchant_no, kind, day)

    def download(self, merchant_no: str, token: str) -> bytes:
        """Give the bill that a download address names. Raises: WireError."""
        claims = self._read_token(token)
        if claims["merchant_no"] != merchant_no:
            raise WireError(403, "NO_AUTH", "无权下载该账单")
        if datetime.fromtimestamp(claims["until"], UTC) < self._clock.now():
            raise invalid_request("下载地址已失效，请重新申请")
        row = self._store.row(
            "SELECT content FROM bill WHERE merchant_no = ? AND kind = ? AND day = ?",
            merchant_no,
            claims["kind"],
            claims["day"],
        )
        if row is None:
            raise invalid_request("账单不存在")
        content: bytes = row["content"]
        return content

    def forget(self) -> int:
        """Forget the bills that were made, so that they are made anew; give how many."""
        return self._store.execute("DELETE FROM bill")

    def _content(self, merchant_no: str, kind: str, day: date, *, afresh: bool) -> bytes:
        made = self._store.row(
            "SELECT content FROM bill WHERE merchant_no = ? AND kind = ? AND day = ?",
            merchant_no,
            kind,
            day.isoformat(),
        )
        if made is not None and not afresh:
            content: bytes = made["content"]
            return content
        lines = self._trade_lines(merchant_no, day) if kind == "trades" else self._fund_lines(merchant_no, day)
        if not lines:
            raise WireError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        fault = self._faults.take(BILL_PERTURBED) if self._is_to_perturb(kind) else None
        if fault is not None:
            lines = perturb(lines, how=str(fault.get("how", "missing")), kind=kind)
        content = (trade_bill(lines) if kind == "trades" else fund_bill(lines)).encode("utf-8-sig")
        self._store.execute(
            "INSERT INTO bill (merchant_no, kind, day, content) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (merchant_no, kind, day) DO UPDATE SET content = excluded.content",
            merchant_no,
            kind,
            day.isoformat(),
            content,
        )
        return content

    def _is_to_perturb(self, kind: str) -> bool:
        fault = self._faults.list_all().get(BILL_PERTURBED)
        return fault is not None and fault["parameters"].get("kind", "trades") == kind

    def _trade_lines(self, merchant_no: str, day: date) -> list[Line]:
        paid = self._rows(
            "SELECT * FROM trade WHERE merchant_no = ? AND success_ms >= ? AND success_ms < ?", merchant_no, day
        )
        back = self._rows(
            "SELECT trade.*, refund.refund_id, refund.out_refund_no, refund.refund_fen, refund.status,"
            " refund.created_ms AS asked_ms FROM refund JOIN trade USING (merchant_no, out_trade_no)"
            " WHERE refund.merchant_no = ? AND refund.created_ms >= ? AND refund.created_ms < ?",
            merchant_no,
            day,
        )
        lines = [_payment_line(row) for row in paid] + [_refund_line(row) for row in back]
        return sorted(lines, key=lambda line: line["交易时间"])

    def _fund_lines(self, merchant_no: str, day: date) -> list[Line]:
        rows = self._rows("SELECT * FROM fund WHERE merchant_no = ? AND at_ms >= ? AND at_ms < ?", merchant_no, day)
        return [_fund_line(row) for row in sorted(rows, key=lambda row: row["seq"])]

    def _rows(self, statement: str, merchant_no: str, day: date) -> list[sqlite3.Row]:
        begin = clinic_instant(day, time(0))
        rows = self._store.rows(
            f"{statement} LIMIT {ROWS_MAX}", merchant_no, to_ms(begin), to_ms(begin + timedelta(days=1))
        )
        assert len(rows) < ROWS_MAX, "more than an emulator makes bills of"
        return list(rows)

    def _token(self, merchant_no: str, kind: str, day: date) -> str:
        until = int((self._clock.now() + URL_LIVES).timestamp())
        claims = {"merchant_no": merchant_no, "kind": kind, "day": day.isoformat(), "until": until}
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"{body}.{self._mac(body)}"

    def _read_token(self, token: str) -> dict[str, Any]:
        body, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(body).encode()):
            raise invalid_request("token不正确")
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims

    def _mac(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), "sha256").hexdigest()


def trade_bill(lines: list[Line]) -> str:
    """Write a trade bill."""
    names = TRADE_HEADER.split(",")
    sums = [
        (_fee if name == "手续费" else _yuan)(sum(_fen(line[name]) for line in lines))
        for name in ("应结订单金额", "退款金额", "充值券退款金额", "手续费", "订单金额", "申请退款金额")
    ]
    return _write(names, lines, TRADE_SUMMARY, [str(len(lines)), *sums])


def fund_bill(lines: list[Line]) -> str:
    """Write a fund flow bill."""
    sides = {
        side: [_fen(line["收支金额(元)"]) for line in lines if line["收支类型"] == side] for side in ("收入", "支出")
    }
    summary = [str(len(lines))]
    for side in ("收入", "支出"):
        summary += [str(len(sides[side])), _yuan(sum(sides[side]))]
    return _write(FUND_HEADER.split(","), lines, FUND_SUMMARY, summary)


def perturb(lines: list[Line], *, how: str, kind: str) -> list[Line]:
    """Make a bill wrong in its first line; its own sums agree with what it then says."""
    first, rest = lines[0], lines[1:]
    amounts = ("应结订单金额", "订单金额") if kind == "trades" else ("收支金额(元)",)
    match how:
        case "surplus":
            numbers = ("微信订单号", "商户订单号") if kind == "trades" else ("微信支付业务单号", "资金流水单号")
            return [*lines, first | {name: f"9{first[name][1:]}" for name in numbers}]
        case "amount":
            return [first | {name: _yuan(_fen(first[name]) + 1) for name in amounts}, *rest]
        case _:
            return rest


def _payment_line(row: sqlite3.Row) -> Line:
    fen = row["paid_fen"]
    return _trade_line(row, at_ms=row["success_ms"], state="SUCCESS") | {
        "应结订单金额": _yuan(fen),
        "订单金额": _yuan(fen),
        "手续费": _fee(funds.fee_fen(fen)),
    }


def _refund_line(row: sqlite3.Row) -> Line:
    fen = row["refund_fen"]
    return _trade_line(row, at_ms=row["asked_ms"], state="REFUND") | {
        "微信退款单号": row["refund_id"],
        "商户退款单号": row["out_refund_no"],
        "退款金额": _yuan(fen),
        "退款类型": "ORIGINAL",
        "退款状态": {"ABNORMAL": "CHANGE", "CLOSED": "FAIL"}.get(row["status"], row["status"]),
        "手续费": _fee(-funds.fee_fen(fen)),
        "申请退款金额": _yuan(fen),
    }


def _trade_line(row: sqlite3.Row, *, at_ms: int, state: str) -> Line:
    return {
        "交易时间": _time(at_ms),
        "公众账号ID": row["paid_app_id"],
        "商户号": row["merchant_no"],
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": row["transaction_id"],
        "商户订单号": row["out_trade_no"],
        "用户标识": row["openid"],
        "交易类型": row["trade_type"],
        "交易状态": state,
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": "0.00",
        "代金券金额": "0.00",
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "充值券退款金额": "0.00",
        "退款类型": "",
        "退款状态": "",
        "商品名称": row["description"],
        "商户数据包": row["attach"] or "",
        "手续费": "0.00000",
        "费率": funds.FEE_RATE,
        "订单金额": "0.00",
        "申请退款金额": "0.00",
        "费率备注": "",
    }


def _fund_line(row: sqlite3.Row) -> Line:
    return {
        "记账时间": _time(row["at_ms"]),
        "微信支付业务单号": row["business_no"],
        "资金流水单号": row["flow_no"],
        "业务名称": row["name"],
        "业务类型": row["kind"],
        "收支类型": "收入" if row["change_fen"] > 0 else "支出",
        "收支金额(元)": _yuan(abs(row["change_fen"])),
        "账户结余(元)": _yuan(row["balance_fen"]),
        "资金变更提交申请人": MERCHANT_ZH,
        "备注": row["note"],
        "业务凭证号": row["voucher"],
    }


def _write(names: list[str], lines: list[Line], summary_header: str, summary: list[str]) -> str:
    body = [",".join(names)]
    body += [",".join(f"`{_plain(line[name])}" for name in names) for line in lines]
    body += [summary_header, ",".join(f"`{value}" for value in summary)]
    return "".join(f"{line}\r\n" for line in body)


def _plain(value: str) -> str:
    # The bill has no way to quote: what would break a line or a field is written otherwise.
    return value.replace(",", "，").replace("\r", " ").replace("\n", " ")


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _fee(fen: int) -> str:
    """Write a fee as the channel does, with five places."""
    return f"{_yuan(fen)}000"


def _fen(yuan: str) -> int:
    whole, _, part = yuan.lstrip("-").partition(".")
    fen = int(whole) * 100 + int(part[:2])
    return -fen if yuan.startswith("-") else fen


def _time(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise parameter_error("bill_date格式为yyyy-MM-dd") from error


def _secret(path: Path) -> bytes:
    if not path.exists():
        path.touch(0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
