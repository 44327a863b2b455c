"""The bills of a day, out of the emulator's own books: CSV in GBK between lines of `#`, two of them in a ZIP."""

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from integration.emulators.alipay.keys import App
from integration.emulators.alipay.memory import wall_clock, yuan
from integration.emulators.common.store import Store, to_ms
from kernel.clock import SHANGHAI

TRADES: Final = "trade"
FUNDS: Final = "signcustomer"
KINDS: Final = (TRADES, FUNDS)
READY_AT: Final = time(10)
FEE_PER_MILLE: Final = 6
GBK: Final = "gbk"

SURPLUS: Final = "surplus"
SHORTAGE: Final = "shortage"
AMOUNT: Final = "amount"
MIDNIGHT: Final = "midnight"
PERTURBATIONS: Final = (SURPLUS, SHORTAGE, AMOUNT, MIDNIGHT)

TRADE_COLUMNS: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
FUND_COLUMNS: Final = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,"
    "业务类型,备注"
)
SUM_COLUMNS: Final = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement: money that came (positive) or went back (negative), and Alipay's fee of it with its own sign."""

    trade_no: str
    out_trade_no: str
    subject: str
    created_ms: int
    at_ms: int
    amount_fen: int
    out_request_no: str = ""
    fee_fen: int = 0

    @property
    def kind(self) -> str:
        """How the bill calls it."""
        return "交易" if self.amount_fen > 0 else "退款"


def is_ready(day: date, now: datetime) -> bool:
    """Tell whether a day's bill has been made: on the morning after."""
    return now >= datetime.combine(day + timedelta(days=1), READY_AT, SHANGHAI).astimezone(UTC)


def entries_of(store: Store, app: App, *, until: date, since: date | None = None) -> list[Entry]:
    """Give what moved from the beginning of `since` to the end of `until`, Shanghai, in order."""
    begin = 0 if since is None else _midnight_ms(since)
    end = _midnight_ms(until + timedelta(days=1))
    paid = store.rows(
        "SELECT *, paid_ms AS at_ms FROM trade WHERE app_id = ? AND paid_ms >= ? AND paid_ms < ?",
        app.app_id,
        begin,
        end,
    )
    returned = store.rows(
        "SELECT t.*, r.returned_ms AS at_ms, r.amount_fen, r.out_request_no FROM refund r JOIN trade t USING (trade_no)"
        " WHERE t.app_id = ? AND r.returned_ms >= ? AND r.returned_ms < ?",
        app.app_id,
        begin,
        end,
    )
    found = [_entry(row, row["total_fen"]) for row in paid]
    found += [replace(_entry(row, -row["amount_fen"]), out_request_no=row["out_request_no"]) for row in returned]
    return sorted(found, key=lambda entry: (entry.at_ms, entry.trade_no))


def perturb(entries: Sequence[Entry], parameters: dict[str, Any], day: date) -> list[Entry]:
    """Give a bill that differs from what happened, in the way that `kind` names."""
    kind, changed = parameters.get("kind", AMOUNT), list(entries)
    if kind == SURPLUS:
        at_ms = _midnight_ms(day) + 43_200_000
        number = f"{day:%Y%m%d}2200{'9' * 16}"
        changed.append(Entry(number, f"UNKNOWN{day:%Y%m%d}", "未知", at_ms, at_ms, 100))
    elif changed and kind == SHORTAGE:
        changed.pop()
    elif changed and kind == MIDNIGHT:
        changed[-1] = replace(changed[-1], at_ms=_midnight_ms(day + timedelta(days=1)))
    elif changed:
        changed[-1] = replace(changed[-1], amount_fen=changed[-1].amount_fen + 1)
    return changed


def pack(app: App, kind: str, day: date, entries: Sequence[Entry], *, balance_fen: int, made_at: datetime) -> bytes:
    """Write the archive of a day; balance_fen is the account's at its beginning."""
    what = "业务" if kind == TRADES else "账务"
    stem = f"{app.seller_id}0156_{day:%Y%m%d}_{what}明细"
    if kind == TRADES:
        details = _frame(app, day, what, TRADE_COLUMNS, map(_trade_line, entries), _trade_totals(entries), made_at)
    else:
        lines, totals = _fund_lines(entries, balance_fen)
        details = _frame(app, day, what, FUND_COLUMNS, lines, totals, made_at)
    sums = _frame(app, day, what, SUM_COLUMNS, [_sum_line(entries)], [], made_at, of_sums=True)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in ((f"{stem}.csv", details), (f"{stem}(汇总).csv", sums)):
            entry = _GbkNamed(name, (day.year, day.month, day.day, 10, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return file.getvalue()


class _GbkNamed(zipfile.ZipInfo):
    """A file whose name lies in the archive in GBK without saying so, as Alipay writes it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  the standard library's own name
        return self.filename.encode(GBK), self.flag_bits & ~0x800


def _frame(
    app: App,
    day: date,
    what: str,
    columns: str,
    lines: Iterable[Sequence[str]],
    totals: Sequence[str],
    made_at: datetime,
    *,
    of_sums: bool = False,
) -> bytes:
    name = f"{what}{'汇总' if of_sums else '明细'}"
    text = io.StringIO(newline="")
    text.write(f"#支付宝{name}查询\r\n#账号：[{app.seller_id}0156]\r\n")
    text.write(
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day + timedelta(days=1):%Y年%m月%d日} 00:00:00]\r\n"
    )
    text.write(f"#-----------------------------------------{name}列表----------------------------------------\r\n")
    text.write(f"{columns}\r\n")
    csv.writer(text).writerows(lines)
    text.write(f"#-----------------------------------------{name}列表结束------------------------------------\r\n")
    for total in totals:
        text.write(f"{total}\r\n")
    text.write(f"#导出时间：[{made_at.astimezone(SHANGHAI):%Y年%m月%d日 %H:%M:%S}]\r\n")
    # A sign that GBK lacks is a question mark in a bill.
    return text.getvalue().encode(GBK, errors="replace")


def _trade_line(entry: Entry) -> list[str]:
    amount = yuan(entry.amount_fen)
    return [
        f"{entry.trade_no}\t",
        f"{entry.out_trade_no}\t",
        f"{entry.kind}\t",
        entry.subject,
        wall_clock(entry.created_ms),
        wall_clock(entry.at_ms),
        "\t",
        "\t",
        "\t",
        "\t",
        "*患(159***5620)\t",
        amount,
        amount,
        *["0.00"] * 5,
        "",
        "0.00\t",
        "0.00",
        f"{entry.out_request_no}\t",
        yuan(entry.fee_fen),
        "0.00",
        "",
    ]


def _trade_totals(entries: Sequence[Entry]) -> list[str]:
    came = [entry.amount_fen for entry in entries if entry.amount_fen > 0]
    went = [entry.amount_fen for entry in entries if entry.amount_fen < 0]
    return [
        f"#交易合计：{len(came)}笔，商家实收共{yuan(sum(came))}元，商家优惠共0.00元",
        f"#退款合计：{len(went)}笔，商家实收退款共{yuan(sum(went))}元，商家优惠退款共0.00元",
    ]


def _fund_lines(entries: Sequence[Entry], balance_fen: int) -> tuple[list[list[str]], list[str]]:
    """Give each movement and each fee as a line of the account, and the sums of both directions."""
    lines: list[list[str]] = []
    incomes: list[int] = []
    expenses: list[int] = []
    for place, entry in enumerate(entries):
        names = ("在线支付", "收费") if entry.amount_fen > 0 else ("交易退款", "退费")
        for part, (name, amount_fen) in enumerate(zip(names, (entry.amount_fen, entry.fee_fen), strict=True)):
            if amount_fen == 0:
                continue
            balance_fen += amount_fen
            (incomes if amount_fen > 0 else expenses).append(amount_fen)
            lines.append(
                [
                    f"{entry.at_ms}{place:06d}{part}\t",
                    f"{entry.trade_no}\t",
                    f"{entry.out_trade_no}\t",
                    entry.subject,
                    wall_clock(entry.at_ms),
                    "*患(159***5620)\t",
                    yuan(amount_fen) if amount_fen > 0 else "0.00",
                    yuan(amount_fen) if amount_fen < 0 else "0.00",
                    yuan(balance_fen),
                    "支付宝",
                    name,
                    entry.out_request_no,
                ]
            )
    totals = [
        f"#支出合计：{len(expenses)}笔，共{yuan(sum(expenses))}元",
        f"#收入合计：{len(incomes)}笔，共{yuan(sum(incomes))}元",
    ]
    return lines, totals


def _sum_line(entries: Sequence[Entry]) -> list[str]:
    came = sum(entry.amount_fen > 0 for entry in entries)
    net, fee = sum(entry.amount_fen for entry in entries), sum(entry.fee_fen for entry in entries)
    zero = yuan(0)
    return [
        "合计\t", "\t", str(came), str(len(entries) - came), yuan(net), yuan(net), zero, zero, zero, yuan(fee), zero,
        yuan(net + fee),
    ]  # fmt: skip


def _entry(row: sqlite3.Row, amount_fen: int) -> Entry:
    fee_fen = (abs(amount_fen) * FEE_PER_MILLE + 500) // 1000
    return Entry(
        trade_no=row["trade_no"],
        out_trade_no=row["out_trade_no"],
        subject=row["subject"],
        created_ms=row["created_ms"],
        at_ms=row["at_ms"],
        amount_fen=amount_fen,
        fee_fen=-fee_fen if amount_fen > 0 else fee_fen,
    )


def _midnight_ms(day: date) -> int:
    return to_ms(datetime.combine(day, time(), SHANGHAI).astimezone(UTC))
