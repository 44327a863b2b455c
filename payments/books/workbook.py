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
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_workbook(
    closing: Closing, totals: Mapping[tuple[str, str], SideTotals], differences: Iterable[Difference]
) -> bytes:
    """Write a day's books as an .xlsx: a sheet of totals and one of differences; amounts in yuan.

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
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _difference_row(one: Difference) -> Sequence[Value]:
    decided_at = one.decided_at.astimezone(SHANGHAI).replace(tzinfo=None) if one.decided_at else None
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
        decided_at,
        one.decision,
    )


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
