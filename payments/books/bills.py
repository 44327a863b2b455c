"""Reading the channels' daily bills: by the names in their header, line by line, all or nothing.

WeChat Pay's trade bill is UTF-8 with a backtick before each field; Alipay's is GBK with `#` lines around it. Both end
with totals, which have to agree with the lines. Sources: WeChat Pay API v3 "trade bill", Alipay "bill downloadurl".
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kernel.clock import SHANGHAI
from payments.books.errors import BillUnreadable
from payments.books.lines import BookLine, LineKind, parse_yuan
from payments.gateways.port import Bill, ChannelCode

LINES_MAX: Final = 5_000_000
LINE_CHARACTERS_MAX: Final = 4_000
NUMBER_CHARACTERS_MAX: Final = 64
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_BOM: Final = "﻿"

_WECHAT_TOTALS: Final = ("总交易单数", "订单总金额", "申请退款总金额", "手续费总金额")
_WECHAT_COLUMNS: Final = (
    "交易时间",
    "商户号",
    "微信订单号",
    "商户订单号",
    "交易状态",
    "微信退款单号",
    "商户退款单号",
    "手续费",
    "订单金额",
    "申请退款金额",
)
_ALIPAY_COLUMNS: Final = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "完成时间",
    "订单金额（元）",
    "商家实收（元）",
    "退款批次号/请求号",
    "服务费（元）",
)
_ALIPAY_TOTAL: Final = re.compile(
    r"#(?P<kind>交易|退款)合计：(?P<count>\d{1,9})笔，商家实收(?:退款)?共(?P<received>-?[\d.]{1,16})元"
)


@dataclass(slots=True)
class _Tally:
    """What the lines come to, to be compared with what the bill says of itself; the fee as it is written, signed."""

    payments: int = 0
    refunds: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0
    fee_fen: int = 0


@dataclass(slots=True)
class _Page:
    """Where the reading stands, so that a refusal can name the line."""

    number: int = 0
    tally: _Tally = field(default_factory=_Tally)

    def refuse(self, reason: str) -> BillUnreadable:
        return BillUnreadable(reason=reason, line=self.number)


def read_bill(channel: ChannelCode, bill: Bill, *, merchant_no: str) -> Iterator[BookLine]:
    """Give the payments and refunds of a day's trade bill, in its order.

    Read it to the end before anything is believed: the totals come last.

    Raises:
        BillUnreadable: encoding, header, a line, or totals that do not agree (`reason`, `line`).
    """
    if bill.is_empty:
        return iter(())
    return _READERS[channel](bill.content, merchant_no)


def _text_lines(content: bytes, encoding: str, page: _Page) -> Iterator[str]:
    stream = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=None)
    try:
        for line in stream:
            page.number += 1
            if page.number > LINES_MAX:
                raise page.refuse("too_many_lines")
            if len(line) > LINE_CHARACTERS_MAX:
                raise page.refuse("line_too_long")
            text = line.rstrip("\n")
            if text.strip():
                yield text
    except UnicodeDecodeError as error:
        raise page.refuse("wrong_encoding") from error


def _places(header: Sequence[str], wanted: Sequence[str], page: _Page) -> list[int]:
    places = {name.strip(): place for place, name in enumerate(header)}
    missing = [name for name in wanted if name not in places]
    if missing:
        raise page.refuse("missing_column")
    return [places[name] for name in wanted]


def _number(text: str, page: _Page) -> str:
    if not 1 <= len(text) <= NUMBER_CHARACTERS_MAX or not text.isascii() or not text.isprintable():
        raise page.refuse("bad_number")
    return text


def _instant(text: str, page: _Page) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise page.refuse("bad_time")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    except ValueError as error:
        raise page.refuse("bad_time") from error


def _fen(text: str, page: _Page) -> int:
    try:
        return parse_yuan(text)
    except ValueError as error:
        raise page.refuse("bad_amount") from error


def _fee_fen(text: str, page: _Page) -> int:
    """Read a fee: WeChat Pay writes `0.01000`, whole fen with three zeros behind them."""
    whole, _, decimals = text.partition(".")
    return _fen(f"{whole}.{decimals[:2]}" if decimals[2:] == "000" else text, page)


def _read_wechatpay(content: bytes, merchant_no: str) -> Iterator[BookLine]:
    page = _Page()
    lines = _text_lines(content, "utf-8", page)
    header = next(lines, "").removeprefix(_BOM).split(",")
    places = _places(header, _WECHAT_COLUMNS, page)
    for text in lines:
        if not text.startswith("`"):
            _check_wechatpay_totals(text.split(","), next(lines, ""), page)
            if next(lines, None) is not None:
                raise page.refuse("lines_after_totals")
            return
        fields = text[1:].rstrip("\r").split(",`")
        if len(fields) != len(header):
            raise page.refuse("wrong_field_count")
        yield _wechatpay_line([fields[place] for place in places], merchant_no, page)
    raise page.refuse("no_totals")


def _wechatpay_line(values: Sequence[str], merchant_no: str, page: _Page) -> BookLine:
    at, merchant, transaction, attempt, state, channel_refund, refund, fee, paid, refunded = values
    if merchant != merchant_no:
        raise page.refuse("foreign_merchant")
    tally, fee_fen = page.tally, _fee_fen(fee, page)
    if state == "SUCCESS":
        number, channel_no, amount_fen, kind = attempt, transaction, _fen(paid, page), LineKind.PAYMENT
        tally.payments += 1
        tally.paid_fen += amount_fen
    elif state in {"REFUND", "REVOKED"}:
        number, channel_no, amount_fen, kind = refund, channel_refund, _fen(refunded, page), LineKind.REFUND
        tally.refunds += 1
        tally.refunded_fen += amount_fen
    else:
        raise page.refuse("unknown_state")
    # What a refund gives back of the fee is written as a negative fee.
    tally.fee_fen += fee_fen
    return _line(kind, number, amount_fen, at, channel_no, fee_fen, page)


def _line(
    kind: LineKind, number: str, amount_fen: int, at: str, channel_no: str, fee_fen: int, page: _Page
) -> BookLine:
    if amount_fen < 0:
        raise page.refuse("bad_amount")
    return BookLine(
        kind,
        _number(number, page),
        amount_fen,
        _instant(at, page),
        channel_no=_number(channel_no, page),
        fee_fen=abs(fee_fen),
    )


def _check_wechatpay_totals(header: Sequence[str], text: str, page: _Page) -> None:
    if not text.startswith("`"):
        raise page.refuse("no_totals")
    fields = text[1:].split(",`")
    places = _places(header, _WECHAT_TOTALS, page)
    if len(fields) != len(header):
        raise page.refuse("wrong_field_count")
    count, paid, refunded, fee = (fields[place] for place in places)
    tally = page.tally
    told = (count, _fen(paid, page), _fen(refunded, page), _fee_fen(fee, page))
    if told != (str(tally.payments + tally.refunds), tally.paid_fen, tally.refunded_fen, tally.fee_fen):
        raise page.refuse("totals_differ")


def _read_alipay(content: bytes, merchant_no: str) -> Iterator[BookLine]:
    page = _Page()
    lines = _text_lines(content, "gbk", page)
    header: list[str] = []
    named_merchant = False
    for text in lines:
        if not text.startswith("#"):
            header = text.split(",")
            break
        named_merchant = named_merchant or merchant_no in text
    if not named_merchant:
        raise page.refuse("foreign_merchant")
    places = _places(header, _ALIPAY_COLUMNS, page)
    for text in lines:
        if text.startswith("#"):
            _check_alipay_totals([text, *lines], page)
            return
        fields = text.split(",")
        if len(fields) != len(header):
            raise page.refuse("wrong_field_count")
        yield _alipay_line([fields[place].strip() for place in places], page)
    raise page.refuse("no_totals")


def _alipay_line(values: Sequence[str], page: _Page) -> BookLine:
    transaction, attempt, business, at, amount, received, refund, fee = values
    tally, amount_fen, received_fen, fee_fen = page.tally, _fen(amount, page), _fen(received, page), _fen(fee, page)
    tally.fee_fen += fee_fen
    if business == "交易":
        tally.payments += 1
        tally.paid_fen += received_fen
        return _line(LineKind.PAYMENT, attempt, amount_fen, at, transaction, fee_fen, page)
    if business != "退款":
        raise page.refuse("unknown_state")
    tally.refunds += 1
    tally.refunded_fen += received_fen
    return _line(LineKind.REFUND, refund, -amount_fen, at, transaction, fee_fen, page)


def _check_alipay_totals(trailer: Sequence[str], page: _Page) -> None:
    tally = page.tally
    wanted = {"交易": (tally.payments, tally.paid_fen), "退款": (tally.refunds, tally.refunded_fen)}
    told = {
        found["kind"]: (int(found["count"]), _fen(found["received"], page))
        for found in map(_ALIPAY_TOTAL.match, trailer)
        if found
    }
    if told != wanted:
        raise page.refuse("totals_differ")


_READERS: Final[dict[ChannelCode, Callable[[bytes, str], Iterator[BookLine]]]] = {
    ChannelCode.WECHATPAY: _read_wechatpay,
    ChannelCode.ALIPAY: _read_alipay,
}
