"""The workbook for the finance office: what each side has, what differs, and what was decided about it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font

from kernel.clock import SHANGHAI
from payments.books.closings import Closing
from payments.books.differences import Difference
from payments.books.late import LateEntry
from payments.books.storage import SideTotals

# The stubs know less of a write-only sheet than it can do.
Sheet = Any
Value = str | int | Decimal | datetime | None

MONEY: Final = "#,##0.00"
SIDES: Final[Mapping[str, str]] = {"channel": "渠道", "platform": "平台", "reversal": "平台冲正", "his": "HIS"}
STATUSES: Final[Mapping[str, str]] = {
    "open": "待处理",
    "explained": "已自动说明",
    "resolved": "已处理",
    "vanished": "已消除",
    "collecting": "收集中",
    "matched": "已核对",
    "closed": "已关账",
}
KINDS: Final[Mapping[str, str]] = {
    "surplus": "渠道多账（长款）",
    "shortage": "渠道少账（短款）",
    "amount": "金额不符",
    "duplicate": "渠道重复记账",
    "refund-only": "渠道单边退款",
    "cross-midnight": "跨日",
    "fee": "手续费不符",
    "his-missing": "HIS 未结算",
    "his-surplus": "HIS 单边结算",
    "his-amount": "HIS 金额不符",
}
CAUSES: Final[Mapping[str, str]] = {
    "not-known-here": "平台无此记录",
    "not-in-bill": "账单无此记录",
    "amounts-differ": "两侧金额不同",
    "listed-twice": "账单中出现多次",
    "refunded-elsewhere": "退款不是由平台发起",
    "other-day": "记在相邻日期",
    "rate-differs": "与约定费率不同",
    "not-settled-in-his": "已收款，HIS 未结算",
    "settled-without-payment": "HIS 已结算，平台未收款",
}
PROPOSALS: Final[Mapping[str, str]] = {
    "ask-channel-then-apply-or-refund": "向渠道查单，补记或退款",
    "ask-channel": "向渠道查单",
    "ask-finance": "财务核对",
    "find-who-refunded": "查明退款来源后补记",
    "nothing": "无需处理",
    "settle-again-or-refund": "重新结算或退款",
    "reverse-in-his": "在 HIS 冲正",
}
ENTRIES: Final[Mapping[str, str]] = {
    "payment_accepted": "收款",
    "payment_surplus": "重复收款",
    "payment_disputed": "争议收款",
    "order_settled": "HIS 结算",
    "refund_owed": "应退款",
    "refund_paid": "渠道退款",
    "refund_paid_offline": "线下退款",
    "refund_cancelled": "撤销退款",
    "refund_after_end": "了结后渠道退款",
    "deposits_used": "预交金结转",
    "deposits_unused": "预交金结转冲回",
}
LATE: Final = (
    "已关账的日期不再改动。关账之后才获知的分录照常入账，列入之后最近一次关账的报告：",
    "“此前日期”是更早的日期补来的分录，已计入本日报告；“本日”是本日关账后才获知的分录，见之后日期的报告。",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_workbook(
    closing: Closing,
    totals: Mapping[tuple[str, str], SideTotals],
    differences: Iterable[Difference],
    late: Iterable[LateEntry],
) -> bytes:
    """Write a day's books as an .xlsx: sheets of totals, of differences and of what came late; amounts in yuan.

    Texts that a spreadsheet would take for a formula are marked as text: a channel's number is never run.
    """
    book = Workbook(write_only=True)
    summary: Sheet = book.create_sheet("汇总")
    _set_widths(summary, (12, 22, 10, 16, 16, 14, 16))
    state = f"{closing.day} · {STATUSES[closing.status]} · 第 {closing.run} 次核对"
    summary.append([_cell(summary, state, bold=True)])
    _append(summary, ("来源", "商户", "笔数", "收款（元）", "退款（元）", "手续费（元）", "净额（元）"), bold=True)
    for (side, merchant), total in totals.items():
        net_fen = total.paid_fen - total.refunded_fen
        amounts = (total.paid_fen, total.refunded_fen, total.fee_fen, net_fen)
        _append(summary, (SIDES[side], merchant, total.line_count, *map(_yuan, amounts)))
    listed: Sheet = book.create_sheet("差异")
    _set_widths(listed, (20, 8, 22, 34, 14, 14, 14, 26, 28, 12, 12, 20, 40))
    _append(
        listed,
        (
            *("类型", "收退", "商户", "单号", "渠道（元）", "平台（元）", "HIS（元）", "原因", "建议", "状态"),
            *("处理人", "处理时间", "处理说明"),
        ),
        bold=True,
    )
    for one in differences:
        _append(listed, _difference_row(one))
    _write_late(book, late)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _write_late(book: Workbook, late: Iterable[LateEntry]) -> None:
    """Write what became known of closed days afterwards, below the sentences that say what it is."""
    sheet: Sheet = book.create_sheet("补记")
    _set_widths(sheet, (12, 16, 20, 20, 30, 14, 14, 48))
    for sentence in LATE:
        _append(sheet, (sentence,))
    _append(sheet, ("归属", "类型", "发生时间", "获知时间", "科目", "借（元）", "贷（元）", "业务号"), bold=True)
    for one in late:
        debit, credit = (one.amount_fen, None) if one.amount_fen > 0 else (None, -one.amount_fen)
        row: Sequence[Value] = (
            "本日" if one.is_of_this_day else "此前日期",
            ENTRIES.get(one.kind, one.kind),
            _clinic_time(one.occurred_at),
            _clinic_time(one.recorded_at),
            one.account,
            _yuan(debit),
            _yuan(credit),
            one.business_key,
        )
        _append(sheet, row)


def _difference_row(one: Difference) -> Sequence[Value]:
    return (
        KINDS[one.kind],
        "收款" if one.line_kind == "payment" else "退款",
        one.merchant,
        one.number,
        _yuan(one.channel_fen),
        _yuan(one.platform_fen),
        _yuan(one.his_fen),
        CAUSES[one.cause],
        PROPOSALS[one.proposal],
        STATUSES[one.status],
        one.decided_by,
        _clinic_time(one.decided_at),
        one.decision,
    )


def _clinic_time(instant: datetime | None) -> datetime | None:
    """A spreadsheet knows no time zones: it gets the hospital's own time."""
    return None if instant is None else instant.astimezone(SHANGHAI).replace(tzinfo=None)


def _yuan(amount_fen: int | None) -> Decimal | None:
    return None if amount_fen is None else Decimal(amount_fen).scaleb(-2)


def _append(sheet: Sheet, values: Sequence[Value], *, bold: bool = False) -> None:
    sheet.append([_cell(sheet, value, bold=bold) for value in values])


def _cell(sheet: Sheet, value: Value, *, bold: bool = False) -> Cell:
    cell: Cell = WriteOnlyCell(sheet, value=value)  # type: ignore[arg-type]  # exact decimals are taken as well
    if bold:
        cell.font = Font(bold=True)
    if isinstance(value, Decimal):
        cell.number_format = MONEY
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell


def _set_widths(sheet: Sheet, widths: Sequence[int]) -> None:
    for place, width in enumerate(widths):
        sheet.column_dimensions["ABCDEFGHIJKLM"[place]].width = width
