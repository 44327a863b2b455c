"""A channel's bill is read to the last fen, or refused with a reason; never half."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.books.bills import read_bill
from payments.books.errors import BillUnreadable
from payments.books.lines import BookLine, LineKind, parse_yuan
from payments.gateways.port import Bill, BillKind, ChannelCode
from tests.factories.bills import MERCHANT, PARTNER, alipay_bill, wechat_bill, yuan

DAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 4, 0, 0, tzinfo=UTC)
PAID = BookLine(LineKind.PAYMENT, "A2026112400000001", 1250, NOON, channel_no="4200001", fee_fen=8)
PAID_MORE = BookLine(
    LineKind.PAYMENT, "A2026112400000002", 30_000_01, NOON + timedelta(hours=3), channel_no="4200002", fee_fen=18_000
)
GIVEN_BACK = BookLine(
    LineKind.REFUND, "R2026112400000001", 1250, NOON + timedelta(hours=4), channel_no="5000001", fee_fen=8
)
LINES = (PAID, PAID_MORE, GIVEN_BACK)

BILLS: dict[ChannelCode, tuple[Callable[..., Bill], str]] = {
    ChannelCode.WECHATPAY: (wechat_bill, MERCHANT),
    ChannelCode.ALIPAY: (alipay_bill, PARTNER),
}


def read(channel: ChannelCode, bill: Bill) -> list[BookLine]:
    return list(read_bill(channel, bill, merchant_no=BILLS[channel][1]))


@pytest.fixture(params=list(BILLS))
def channel(request: pytest.FixtureRequest) -> ChannelCode:
    chosen: ChannelCode = request.param
    return chosen


def refusal(channel: ChannelCode, bill: Bill) -> object:
    with pytest.raises(BillUnreadable) as refused:
        read(channel, bill)
    return refused.value.details["reason"]


def changed(channel: ChannelCode, before: str, after: str) -> Bill:
    bill = BILLS[channel][0](LINES, day=DAY)
    encoding = "gbk" if channel is ChannelCode.ALIPAY else "utf-8"
    text = bill.content.decode(encoding)
    assert before in text
    return replace(bill, content=text.replace(before, after).encode(encoding))


def test_every_line_is_read_as_it_was_written(channel: ChannelCode) -> None:
    assert read(channel, BILLS[channel][0](LINES, day=DAY)) == list(LINES)


def test_a_day_without_trade_has_no_lines(channel: ChannelCode) -> None:
    assert read(channel, Bill(BillKind.TRADES, DAY, b"", is_empty=True)) == []
    assert read(channel, BILLS[channel][0]((), day=DAY)) == []


@pytest.mark.parametrize(
    ("channel", "before", "after", "reason"),
    [
        (ChannelCode.WECHATPAY, "商户订单号,", "", "missing_column"),
        (ChannelCode.WECHATPAY, "`1900000109", "`1900000110", "foreign_merchant"),
        (ChannelCode.WECHATPAY, "`SUCCESS", "`ACCEPTED", "unknown_state"),
        (ChannelCode.WECHATPAY, "`12.50", "`12.5x", "bad_amount"),
        (ChannelCode.WECHATPAY, "`12.50", "`12,50", "bad_amount"),
        (ChannelCode.WECHATPAY, "`0.08000", "`0.08001", "bad_amount"),
        (ChannelCode.WECHATPAY, "`2026-11-24 12:00:00", "`2026-13-24 12:00:00", "bad_time"),
        (ChannelCode.WECHATPAY, "`2026-11-24 12:00:00", "`24.11.2026", "bad_time"),
        (ChannelCode.WECHATPAY, "`A2026112400000001", "`", "bad_number"),
        (ChannelCode.WECHATPAY, "`30000.01", "`30000.02", "totals_differ"),
        (ChannelCode.WECHATPAY, "`JSAPI", "`JSAPI,`JSAPI", "wrong_field_count"),
        (ChannelCode.ALIPAY, "完成时间", "结束时间", "missing_column"),
        (ChannelCode.ALIPAY, PARTNER, "2088999999999999", "foreign_merchant"),
        (ChannelCode.ALIPAY, ",交易,", ",转账,", "unknown_state"),
        (ChannelCode.ALIPAY, ",12.50,12.50", ",12.50,12.51", "totals_differ"),
        (ChannelCode.ALIPAY, "#交易合计：2笔", "#交易合计：3笔", "totals_differ"),
        (ChannelCode.ALIPAY, "#退款合计", "#另计", "totals_differ"),
        (ChannelCode.ALIPAY, ",12.50,12.50", ",12.501,12.50", "bad_amount"),
    ],
)
def test_a_bill_that_is_not_right_is_refused_with_a_reason(
    channel: ChannelCode, before: str, after: str, reason: str
) -> None:
    assert refusal(channel, changed(channel, before, after)) == reason


def test_a_bill_without_its_end_is_refused(channel: ChannelCode) -> None:
    whole = BILLS[channel][0](LINES, day=DAY)
    encoding = "gbk" if channel is ChannelCode.ALIPAY else "utf-8"
    text = whole.content.decode(encoding)
    cut = text[: text.index("R2026112400000001")].rsplit("\n", 1)[0]
    assert refusal(channel, replace(whole, content=cut.encode(encoding))) == "no_totals"


def test_the_other_channels_encoding_is_refused() -> None:
    text = wechat_bill(LINES, day=DAY).content.decode().removeprefix("\ufeff")
    assert refusal(ChannelCode.WECHATPAY, Bill(BillKind.TRADES, DAY, text.encode("gbk"))) == "wrong_encoding"


def test_one_endless_line_is_refused(channel: ChannelCode) -> None:
    assert refusal(channel, Bill(BillKind.TRADES, DAY, b"#" + b"x" * 10_000)) == "line_too_long"


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    for channel in BILLS:
        with pytest.raises(BillUnreadable):
            read(channel, Bill(BillKind.TRADES, DAY, content))


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_yuan_and_fen_are_the_same_money(amount_fen: int) -> None:
    assert parse_yuan(yuan(amount_fen)) == amount_fen


@pytest.mark.parametrize("text", ["", "1.", ".5", "1.234", "１.00", "1e3", "+1.00", "1_0", " 1.00", "--1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="yuan"):
        parse_yuan(text)


@pytest.mark.parametrize(("text", "fen"), [("1", 100), ("1.5", 150), ("0.01", 1), ("-0.07", -7)])
def test_short_amounts_are_exact(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen
