import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from kernel import clock
from payments.books.bills import read_bill
from payments.gateways.errors import BillNotReady, ChannelUnavailable
from payments.gateways.port import Bill, BillKind, ChannelCode
from payments.gateways.wechatpay.bills import require_hash, unpack
from payments.gateways.wechatpay.gateway import WechatPayGateway
from tests.factories.wechatpay import PAYER, Emulator, Listener, payment_request, refund_request, until_refunded

NewNumber = Callable[[], str]
TRADE_NAMES = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_NAMES = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,"
    "业务凭证号"
)
FUND_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

Parsed = tuple[list[dict[str, str]], dict[str, str]]


def parse(bill: Bill, names: str, sums: str) -> Parsed:
    lines = bill.content.decode("utf-8-sig").removesuffix("\r\n").split("\r\n")
    assert (lines[0], lines[-2]) == (names, sums)
    rows = [read(line, names) for line in lines[1:-2]]
    return rows, read(lines[-1], sums)


def read(line: str, names: str) -> dict[str, str]:
    fields = line.split(",")
    assert all(field.startswith("`") for field in fields)
    return dict(zip(names.split(","), (field[1:] for field in fields), strict=True))


class Traded:
    """A day with two payments and one refund of a part, over."""

    def __init__(self, emulator: Emulator, day: date, first: str, second: str) -> None:
        self.emulator = emulator
        self.day = day
        self.first = first
        self.second = second


@pytest.fixture
async def traded(
    tmp_path: Path, listener: Listener, new_number: NewNumber
) -> AsyncIterator[tuple[Traded, WechatPayGateway]]:
    with Emulator.up(tmp_path) as emulator:
        gateway = emulator.gateway(urls=listener.urls)
        # Half past twelve in Guangzhou of the next day, so that the whole story lies within one day.
        now = emulator.now()
        midday = clock.clinic_instant(clock.clinic_date(now) + timedelta(days=1), time(12, 30))
        day = clock.clinic_date(emulator.advance(midday - now))
        first, second = new_number(), new_number()
        for number, fen in ((first, 5000), (second, 12_345)):
            await gateway.prepare(payment_request(number, amount_fen=fen))
            emulator.pay(number)
        await gateway.refund(refund_request(second, refund_fen=2345, paid_fen=12_345))
        emulator.advance(timedelta(seconds=5))
        await until_refunded(gateway, second)
        yield Traded(emulator, day, first, second), gateway
        await gateway.close_connections()


async def test_a_days_bills(traded: tuple[Traded, WechatPayGateway]) -> None:
    story, gateway = traded
    with pytest.raises(ChannelUnavailable, match="PARAM_ERROR"):
        await gateway.fetch_bill(story.day, BillKind.TRADES)
    story.emulator.advance(timedelta(hours=21))
    with pytest.raises(BillNotReady):
        await gateway.fetch_bill(story.day, BillKind.TRADES)
    story.emulator.advance(timedelta(hours=1, minutes=5))

    rows, sums = parse(await gateway.fetch_bill(story.day, BillKind.TRADES), TRADE_NAMES, TRADE_SUMS)
    paid = {row["商户订单号"]: row for row in rows if row["交易状态"] == "SUCCESS"}
    assert set(paid) == {story.first, story.second}
    transaction = (await gateway.query(story.second)).transaction_no
    assert paid[story.second] == {
        **dict.fromkeys(("设备号", "退款类型", "退款状态", "商户数据包", "费率备注"), ""),
        **dict.fromkeys(("代金券金额", "退款金额", "充值券退款金额", "申请退款金额"), "0.00"),
        **dict.fromkeys(("特约商户号", "微信退款单号", "商户退款单号"), "0"),
        "交易时间": paid[story.second]["交易时间"],
        "公众账号ID": gateway.merchant.app_id,
        "商户号": gateway.merchant.merchant_no,
        "微信订单号": transaction,
        "商户订单号": story.second,
        "用户标识": PAYER,
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": "123.45",
        "订单金额": "123.45",
        "商品名称": "门诊挂号费",
        "手续费": "0.74000",
        "费率": "0.60%",
    }
    assert paid[story.second]["交易时间"].startswith(f"{story.day.isoformat()} 12:")
    back = [row for row in rows if row["交易状态"] == "REFUND"]
    assert [(row["商户退款单号"], row["退款金额"], row["退款状态"], row["手续费"]) for row in back] == [
        (f"{story.second}R", "23.45", "SUCCESS", "-0.14000")
    ]
    assert sums == dict(
        zip(TRADE_SUMS.split(","), ("3", "173.45", "23.45", "0.00", "0.90000", "173.45", "23.45"), strict=True)
    )

    flows, flow_sums = parse(await gateway.fetch_bill(story.day, BillKind.FUNDS), FUND_NAMES, FUND_SUMS)
    assert [(row["业务类型"], row["收支类型"], row["收支金额(元)"], row["账户结余(元)"]) for row in flows] == [
        ("交易", "收入", "50.00", "1000050.00"),
        ("扣除交易手续费", "支出", "0.30", "1000049.70"),
        ("交易", "收入", "123.45", "1000173.15"),
        ("扣除交易手续费", "支出", "0.74", "1000172.41"),
        ("退款", "支出", "23.31", "1000149.10"),
    ]
    assert flow_sums == dict(zip(FUND_SUMS.split(","), ("5", "2", "173.45", "3", "24.35"), strict=True))


async def test_the_books_read_what_the_channel_writes(traded: tuple[Traded, WechatPayGateway]) -> None:
    story, gateway = traded
    story.emulator.advance(timedelta(hours=23))
    bill = await gateway.fetch_bill(story.day, BillKind.TRADES)
    lines = list(read_bill(ChannelCode.WECHATPAY, bill, merchant_no=gateway.merchant.merchant_no))
    assert sorted((line.kind.value, line.number, line.amount_fen, line.fee_fen) for line in lines) == [
        ("payment", story.first, 5000, 30),
        ("payment", story.second, 12_345, 74),
        ("refund", f"{story.second}R", 2345, 14),
    ]


async def test_a_bill_stays_as_it_was_made(traded: tuple[Traded, WechatPayGateway]) -> None:
    story, gateway = traded
    story.emulator.advance(timedelta(hours=23))
    first = await gateway.fetch_bill(story.day, BillKind.TRADES)
    story.emulator.fault("bill_perturbed")
    assert await gateway.fetch_bill(story.day, BillKind.TRADES) == first
    quiet = await gateway.fetch_bill(story.day - timedelta(days=1), BillKind.TRADES)
    assert (quiet.is_empty, quiet.content) == (True, b"")


@pytest.mark.parametrize(
    ("how", "count", "total"), [("missing", 2, None), ("surplus", 4, None), ("amount", 3, "173.46")]
)
async def test_a_bill_may_be_made_wrong(
    traded: tuple[Traded, WechatPayGateway], how: str, count: int, total: str | None
) -> None:
    story, gateway = traded
    story.emulator.advance(timedelta(hours=23))
    story.emulator.fault("bill_perturbed", how=how)
    rows, sums = parse(await gateway.fetch_bill(story.day, BillKind.TRADES), TRADE_NAMES, TRADE_SUMS)
    assert (len(rows), sums["总交易单数"]) == (count, str(count))
    assert total in (None, sums["订单总金额"])


async def test_a_demonstration_has_its_bill_at_once(traded: tuple[Traded, WechatPayGateway]) -> None:
    story, gateway = traded
    story.emulator.fault("bill_at_once")
    rows, _ = parse(await gateway.fetch_bill(story.day, BillKind.TRADES), TRADE_NAMES, TRADE_SUMS)
    assert len(rows) == 3


async def test_a_download_address_lives_five_minutes(traded: tuple[Traded, WechatPayGateway]) -> None:
    story, gateway = traded
    story.emulator.advance(timedelta(hours=23))
    answer = await gateway.client.call("trade_bill", bill_date=story.day.isoformat())
    assert (answer.body["hash_type"], len(answer.body["hash_value"])) == ("SHA1", 40)
    url = answer.body["download_url"]
    packed = await gateway.client.download(url)
    assert hashlib.sha1(gzip.decompress(packed), usedforsecurity=False).hexdigest() == answer.body["hash_value"]
    with pytest.raises(ChannelUnavailable, match="answers 400"):
        await gateway.client.download(url.replace("token=ey", "token=ez"))
    with pytest.raises(ChannelUnavailable, match="not the channel's"):
        await gateway.client.download("https://elsewhere.example/v3/billdownload/file?token=x")
    story.emulator.advance(timedelta(minutes=6))
    with pytest.raises(ChannelUnavailable, match="answers 400"):
        await gateway.client.download(url)


def test_a_packed_bill_is_unpacked_within_a_bound() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(ChannelUnavailable, match="larger than any bill"):
        unpack(bomb, bytes_max=1_000_000)
    with pytest.raises(ChannelUnavailable, match="cut off"):
        unpack(bomb[:-20])
    with pytest.raises(ChannelUnavailable, match="broken"):
        unpack(b"\x1f\x8b" + b"x" * 100)
    assert unpack(gzip.compress("交易时间".encode())) == unpack("交易时间".encode()) == "交易时间".encode()


@pytest.mark.parametrize(
    ("hash_type", "hash_value"),
    [("SHA1", "0" * 40), ("SHA1", None), ("MD5", hashlib.md5(b"bill", usedforsecurity=False).hexdigest()), (None, "")],
)
def test_a_bill_without_its_hash_is_not_taken(hash_type: object, hash_value: object) -> None:
    require_hash(b"bill", hash_type="SHA1", hash_value=hashlib.sha1(b"bill", usedforsecurity=False).hexdigest())
    with pytest.raises(ChannelUnavailable, match="hash"):
        require_hash(b"bill", hash_type=hash_type, hash_value=hash_value)
