"""What finance opens in its spreadsheet is what the books say, to the fen."""

from dataclasses import replace
from decimal import Decimal
from io import BytesIO

from openpyxl import load_workbook

from kernel.clock import frozen
from kernel.db import Database
from payments.books.closings import get_closing, keep_books, list_totals
from payments.books.differences import list_differences, settle_difference
from payments.books.late import LateEntry
from payments.books.lines import Side
from payments.books.matching import CAUSES as FOUND
from payments.books.states import CLOSING, DIFFERENCE
from payments.books.workbook import CAUSES, KINDS, LATE, PROPOSALS, STATUSES, write_workbook
from tests.factories.books import DAY, MERCHANT, RATES, ThreeSides, at
from tests.service.payments.books.test_matching import MORNING_AFTER

NOON = at(DAY, 12)


async def test_a_workbook_says_what_the_books_say(database: Database) -> None:
    sides = ThreeSides()
    sides.drop(Side.CHANNEL, 3)
    # A channel's number that a spreadsheet would run.
    formula = "=HYPERLINK(1)"
    sides.change(Side.CHANNEL, 5, lambda line: replace(line, number=formula))
    with frozen(MORNING_AFTER):
        closing = await keep_books(database, DAY, sides.sources(), rates=RATES, by="F0001")
        (found, *_) = [one for one in await list_differences(database, day=DAY) if one.number == "A112400000003"]
        await settle_difference(database, found.id, decision="次日补单", by="F0001")
    totals = await list_totals(database, closing.id)
    differences = await list_differences(database, day=DAY, statuses=("open", "resolved"))

    book = load_workbook(BytesIO(write_workbook(await get_closing(database, DAY), totals, differences, [])))

    rows = list(book["汇总"].iter_rows(values_only=True))
    assert rows[0][0] == "2026-11-24 · 已核对 · 第 1 次核对"
    told = {(row[0], row[1]): row[2:] for row in rows[2:]}
    total = totals[("channel", MERCHANT)]
    paid, refunded, fee = (Decimal(f"{fen / 100:.2f}") for fen in (total.paid_fen, total.refunded_fen, total.fee_fen))
    told_channel = told[("渠道", MERCHANT)]
    assert told_channel[0] == 49
    assert [Decimal(str(value)) for value in told_channel[1:]] == [paid, refunded, fee, paid - refunded]
    sheet = book["差异"]
    by_number = {row[3]: row for row in sheet.iter_rows(min_row=2, values_only=True)}
    settled = by_number["A112400000003"]
    assert (settled[0], settled[4], settled[5], settled[9]) == ("渠道少账（短款）", None, 11.11, "已处理")
    assert (settled[10], settled[12]) == ("F0001", "次日补单")
    assert f"{settled[11]:%Y-%m-%d %H:%M}" == "2026-11-25 10:30"
    (cell,) = [row[3] for row in sheet.iter_rows(min_row=2) if row[3].value == formula]
    assert cell.data_type == "s"


async def test_what_came_late_has_a_sheet_that_explains_it(database: Database) -> None:
    with frozen(MORNING_AFTER):
        closing = await keep_books(database, DAY, ThreeSides().sources(), rates=RATES, by="F0001")
    late = [
        LateEntry(True, "payment:1", "payment_accepted", NOON, MORNING_AFTER, "clearing:wechat-main", 700),
        LateEntry(False, "payment:0", "refund_paid", NOON, None, "clearing:wechat-main", -250),
    ]
    book = load_workbook(BytesIO(write_workbook(closing, {}, [], late)))
    rows = list(book["补记"].iter_rows(values_only=True))
    assert [row[0] for row in rows[:2]] == list(LATE)
    assert rows[2][:2] == ("归属", "类型")
    assert rows[3] == ("本日", "收款", rows[3][2], rows[3][3], "clearing:wechat-main", 7, None, "payment:1")
    assert f"{rows[3][2]:%Y-%m-%d %H:%M}" == "2026-11-24 12:00"
    assert (rows[4][0], rows[4][1], rows[4][3], rows[4][5], rows[4][6]) == ("此前日期", "渠道退款", None, None, 2.5)


def test_every_word_of_the_books_is_said_in_chinese() -> None:
    assert set(FOUND) == set(KINDS)
    assert {one.cause for one in FOUND.values()} <= set(CAUSES)
    assert {one.proposal for one in FOUND.values()} == set(PROPOSALS)
    assert set(DIFFERENCE.steps) | set(CLOSING.steps) - {"superseded"} <= set(STATUSES)
