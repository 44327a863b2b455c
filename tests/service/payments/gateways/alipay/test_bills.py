"""Bills, from the emulator's books to what the platform keeps; and archives that are no bills."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kernel import clock
from kernel.money import from_yuan
from payments.books.bills import read_bill
from payments.gateways.alipay.bills import COLUMNS, unpack_bill
from payments.gateways.alipay.errors import BillUnusable
from payments.gateways.errors import BillNotReady, ChannelUnavailable
from payments.gateways.port import BillKind, ChannelCode, RefundRequest
from runtime.sandbox_channels import ALIPAY_SELLER_ID as SELLER_ID
from tests.service.payments.gateways.alipay.conftest import Shop

DAY_SECONDS = 86_400


def lines_of(content: bytes, what: str = "业务明细") -> list[dict[str, str]]:
    text = content.decode("gb18030")
    body = text.partition(f"{what}列表----------------------------------------\r\n")[2]
    body = body.partition(f"#-----------------------------------------{what}列表结束")[0]
    return [{name: value.strip() for name, value in row.items()} for row in csv.DictReader(io.StringIO(body))]


@pytest.fixture
async def day(own_shop: Shop) -> date:
    """A day on which an emulator begins to trade at noon, Shanghai: the rest of it lies before it."""
    at_noon = clock.clinic_instant(clock.clinic_date(await own_shop.now()) + timedelta(days=1), datetime.min.time())
    noon = at_noon + timedelta(hours=12)
    await own_shop.process.advance(int((noon - await own_shop.now()).total_seconds()))
    return clock.clinic_date(noon)


async def bill_of(shop: Shop, day: date, kind: BillKind = BillKind.TRADES) -> bytes:
    bill = await shop.gateway.fetch_bill(day, kind)
    assert (bill.kind, bill.day, bill.is_empty) == (kind, day, False)
    content: bytes = bill.content
    return content


async def test_a_day_of_payments_and_refunds(own_shop: Shop, day: date) -> None:
    first, second = await own_shop.paid(1250), await own_shop.paid(300)
    await own_shop.prepare(999)
    await own_shop.gateway.refund(RefundRequest("R1", first, 250, 1250, "退号"))
    await own_shop.process.advance(DAY_SECONDS)
    next_day = await own_shop.paid(700)

    content = await bill_of(own_shop, day)
    text = content.decode("gb18030")
    lines = lines_of(content)
    assert [
        (line["商户订单号"], line["业务类型"], line["订单金额（元）"], line["商家实收（元）"]) for line in lines
    ] == [
        (first, "交易", "12.50", "12.50"),
        (second, "交易", "3.00", "3.00"),
        (first, "退款", "-2.50", "-2.50"),
    ]
    assert [line["退款批次号/请求号"] for line in lines] == ["", "", "R1"]
    assert [line["服务费（元）"] for line in lines] == ["-0.08", "-0.02", "0.02"]
    assert {line["商品名称"] for line in lines} == {"挂号费 内科"}
    assert text.startswith(
        f"#支付宝业务明细查询\r\n#账号：[{SELLER_ID}0156]\r\n#起始日期：[{day:%Y年%m月%d日} 00:00:00]"
    )
    assert "#交易合计：2笔，商家实收共15.50元，商家优惠共0.00元\r\n" in text
    assert "#退款合计：1笔，商家实收退款共-2.50元，商家优惠退款共0.00元\r\n" in text
    header = text.splitlines()[4].split(",")
    assert header[:6] == ["支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间"]
    assert header[-5:] == ["卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注"]
    assert len(header) == 25

    await own_shop.process.advance(DAY_SECONDS)
    following = lines_of(await bill_of(own_shop, day + timedelta(days=1)))
    assert [line["商户订单号"] for line in following] == [next_day]


async def test_the_books_read_what_alipay_writes(own_shop: Shop, day: date) -> None:
    first = await own_shop.paid(1250)
    await own_shop.gateway.refund(RefundRequest("R1", first, 250, 1250, "退号"))
    request = await own_shop.request(300)
    await own_shop.gateway.prepare(replace(request, description='门诊费 A/B,"C"&\n=D 㐂𠮷'))
    await own_shop.pay(request.attempt_no)
    await own_shop.process.advance(DAY_SECONDS)
    bill = await own_shop.gateway.fetch_bill(day, BillKind.TRADES)
    lines = list(read_bill(ChannelCode.ALIPAY, bill, merchant_no=SELLER_ID))
    assert sorted((line.kind.value, line.number, line.amount_fen, line.fee_fen) for line in lines) == [
        ("payment", first, 1250, 8),
        ("payment", request.attempt_no, 300, 2),
        ("refund", "R1", 250, 2),
    ]


async def test_the_account_agrees_with_its_movements(own_shop: Shop, day: date) -> None:
    first = await own_shop.paid(1250)
    await own_shop.gateway.refund(RefundRequest("R1", first, 250, 1250, "退号"))
    await own_shop.process.advance(DAY_SECONDS)
    await own_shop.paid(700)
    await own_shop.process.advance(DAY_SECONDS)
    balance = 0
    for number in (0, 1):
        content = await bill_of(own_shop, day + timedelta(days=number), BillKind.FUNDS)
        for line in lines_of(content, "账务明细"):
            balance += from_yuan(line["收入金额（+元）"]) + from_yuan(line["支出金额（-元）"])
            assert from_yuan(line["账户余额（元）"]) == balance
    assert balance == 1250 - 8 - 250 + 2 + 700 - 4


async def test_a_bill_is_not_there_before_ten_and_empty_is_not_missing(own_shop: Shop, day: date) -> None:
    await own_shop.paid(1250)
    too_early = clock.clinic_instant(day + timedelta(days=1), datetime.min.time()) + timedelta(hours=9, minutes=59)
    await own_shop.process.advance(int((too_early - await own_shop.now()).total_seconds()))
    with clock.frozen(datetime.now(UTC)), pytest.raises(BillNotReady):
        await own_shop.gateway.fetch_bill(day, BillKind.TRADES)
    await own_shop.process.advance(61)
    assert len(lines_of(await bill_of(own_shop, day))) == 1

    # A day long past on which nobody paid: Alipay says the same, and it means nothing.
    past = clock.clinic_date(datetime.now(UTC)) - timedelta(days=9)
    bill = await own_shop.gateway.fetch_bill(past, BillKind.TRADES)
    assert (bill.is_empty, bill.content) == (True, b"")


@pytest.mark.parametrize("kind", ["surplus", "shortage", "amount", "midnight"])
async def test_a_perturbed_bill_differs_by_one_line(own_shop: Shop, day: date, kind: str) -> None:
    await own_shop.paid(1250)
    await own_shop.paid(300)
    await own_shop.process.advance(DAY_SECONDS)
    true = lines_of(await bill_of(own_shop, day))
    await own_shop.process.fault("bill_perturbed", kind=kind)
    told = lines_of(await bill_of(own_shop, day))
    if kind == "surplus":
        assert told[:-1] == true
        assert told[-1]["商户订单号"].startswith("UNKNOWN")
    elif kind == "shortage":
        assert told == true[:-1]
    elif kind == "amount":
        assert told[:-1] == true[:-1]
        assert from_yuan(told[-1]["商家实收（元）"]) == from_yuan(true[-1]["商家实收（元）"]) + 1
    else:
        assert told[-1]["完成时间"] == f"{day + timedelta(days=1)} 00:00:00"


async def test_a_link_is_good_for_half_a_minute_and_for_whom_it_was_made(own_shop: Shop, day: date) -> None:
    await own_shop.paid(1250)
    await own_shop.process.advance(DAY_SECONDS)
    wire = own_shop.gateway._wire
    assert (await own_shop.process.control.get("/bills/guessed")).status_code == 403
    with pytest.raises(ChannelUnavailable, match="403"):
        await wire.download(f"{own_shop.process.url}/bills/guessed", bytes_max=1000)
    for foreign in ("https://evil.example/bill.zip", "http://dwbillcenter.alipay.com/x", "https://notalipay.com/x"):
        with pytest.raises(ChannelUnavailable, match="foreign"):
            await wire.download(foreign, bytes_max=1000)


# --- archives that are no bills


def trade_csv(*, columns: tuple[str, ...] = COLUMNS[BillKind.TRADES], end: bool = True) -> bytes:
    lines = ["#支付宝业务明细查询", "#------业务明细列表------", ",".join(columns), "x"]
    return "\r\n".join([*lines, "#------业务明细列表结束------"] if end else lines).encode("gb18030")


def archive_of(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


NAME = f"{SELLER_ID}0156_20261123_业务明细.csv"


def test_an_archive_with_names_in_utf_8_is_read_too() -> None:
    content = trade_csv()
    assert unpack_bill(archive_of((NAME, content), ("x_业务明细(汇总).csv", b"sums")), BillKind.TRADES) == content


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (b"", "not_a_zip"),
        (b"<html>login</html>", "not_a_zip"),
        (archive_of((NAME, trade_csv()))[:-30], "not_a_zip"),
        (archive_of(), "no_details"),
        (archive_of(("x_业务明细(汇总).csv", b"sums")), "no_details"),
        (archive_of((NAME, trade_csv()), ("b_业务明细.csv", trade_csv())), "no_details"),
        (archive_of((f"../{NAME}", trade_csv())), "unsafe_name"),
        (archive_of((f"/etc/{NAME}", trade_csv())), "unsafe_name"),
        (archive_of((f"c:\\{NAME}", trade_csv())), "unsafe_name"),
        (archive_of((NAME * 9, trade_csv())), "unsafe_name"),
        (archive_of(*((f"{number}.csv", b"") for number in range(17))), "too_many_files"),
        (archive_of((NAME, bytes(60 * 1024 * 1024))), "compressed_too_well"),
        (archive_of((NAME, trade_csv().decode("gb18030").encode("utf-16"))), "wrong_encoding"),
        (archive_of((NAME, b"\xff\xff" + trade_csv())), "wrong_encoding"),
        (archive_of((NAME, trade_csv(end=False))), "not_framed"),
        (archive_of((NAME, b"")), "not_framed"),
        (archive_of((NAME, trade_csv(columns=COLUMNS[BillKind.TRADES][1:]))), "missing_column"),
    ],
)
def test_what_is_no_bill_is_refused_with_a_reason(archive: bytes, reason: str) -> None:
    with pytest.raises(BillUnusable) as refused:
        unpack_bill(archive, BillKind.TRADES)
    assert refused.value.reason == reason


def test_a_damaged_archive_is_refused() -> None:
    archive = bytearray(archive_of((NAME, trade_csv())))
    archive[60] ^= 0xFF
    with pytest.raises(BillUnusable):
        unpack_bill(bytes(archive), BillKind.TRADES)


def test_an_archive_that_lies_about_its_size_is_refused() -> None:
    archive = archive_of((NAME, bytes(60 * 1024 * 1024)))
    told = (60 * 1024 * 1024).to_bytes(4, "little")
    with pytest.raises(BillUnusable):
        unpack_bill(archive.replace(told, (100).to_bytes(4, "little")), BillKind.TRADES)
