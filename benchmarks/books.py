"""`./hospital bench books`: how long a large day's books take, and how much memory.

A day of a million payments and refunds is written as WeChat Pay's bill, read, stored and compared with the platform's
and the HIS's lines, with differences of every kind among them. Beside it the same number of rows is copied into an
empty table without anything else: what the whole costs is told as a multiple of that.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.booking import machine, prepare, say, temporary
from benchmarks.servers import ServerFailedError, databases
from kernel.clock import SHANGHAI, frozen
from kernel.db import Database, open_database
from payments.books.bills import read_bill
from payments.books.closings import LineSource, keep_books
from payments.books.differences import list_differences
from payments.books.lines import BookLine, LineKind, Side
from payments.books.storage import ToldLines
from payments.gateways.port import Bill, BillKind, ChannelCode

DAY: Final = date(2026, 11, 24)
MERCHANT_NO: Final = "1900000109"
MERCHANT: Final = "wechatpay-main"
RATES: Final = {MERCHANT: 6_000}
AIM_SECONDS: Final = 120.0
AIM_MEMORY_GB: Final = 1.0
EVERY_REFUND: Final = 10
# One line in so many is disturbed on one side.
SIDES: Final = (Side.CHANNEL, Side.PLATFORM, Side.HIS)
DISTURBED: Final = 10_000
MIDNIGHT: Final = datetime(2026, 11, 24, tzinfo=SHANGHAI)
HEADER: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
TABLE: Final = """{lines_a_side:,} lines a side, a bill of {megabytes:.0f} MB; {cores} cores, {cpu}
  taken over and compared  {seconds:>7.1f} s   aim {aim_seconds:.0f} s; {times_bare_copy:.1f} times a bare copy
  peak memory              {peak_memory_gb:>7.2f} GB  aim {aim_memory_gb:.0f} GB, the bill itself among it
  every injected difference was found, nothing else: {found}"""
TOTALS: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


class WrongError(Exception):
    """The books do not say what was put into them; the text says what."""


def day_lines(count: int) -> Iterator[BookLine]:
    """Give the day's movements, as everybody has them who has not been disturbed."""
    for number in range(count):
        is_refund = number % EVERY_REFUND == EVERY_REFUND - 1
        amount_fen = 500 + number * 7919 % 100_000
        yield BookLine(
            LineKind.REFUND if is_refund else LineKind.PAYMENT,
            f"{'R' if is_refund else 'A'}20261124{number:012}",
            amount_fen,
            MIDNIGHT + timedelta(seconds=number * 86_000 // count),
            channel_no=f"42000{number:020}",
            fee_fen=(amount_fen * 6 + 500) // 1_000,
            settlement_no=f"S20261124{number:012}",
        )


def side_lines(count: int, side: Side) -> Iterator[BookLine]:
    """Give a side's lines: one in `DISTURBED` is missing, and another has a fen too much."""
    place = SIDES.index(side)
    for number, line in enumerate(day_lines(count)):
        rest = number % DISTURBED
        if rest == place:
            continue
        yield replace(line, amount_fen=line.amount_fen + 1) if rest == 10 + place else line


def _yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def write_bill(count: int, path: Path) -> Bill:
    """Write the channel's lines as WeChat Pay does; through a file, so that only the bill itself is in memory."""
    with path.open("w", encoding="utf-8", newline="\r\n") as out:
        for line in _bill_rows(count):
            out.write(line + "\n")
    return Bill(BillKind.TRADES, DAY, path.read_bytes())


def _bill_rows(count: int) -> Iterator[str]:
    yield HEADER
    paid = refunded = fee = lines = 0
    for line in side_lines(count, Side.CHANNEL):
        lines += 1
        at, amount = f"{line.occurred_at:%Y-%m-%d %H:%M:%S}", _yuan(line.amount_fen)
        fee_fen = line.fee_fen or 0
        if line.kind is LineKind.PAYMENT:
            paid, fee = paid + line.amount_fen, fee + fee_fen
            state = f"`{line.channel_no}`{line.number}`openid`JSAPI`SUCCESS`OTHERS`CNY`{amount}`0.00`0`0`0.00`0.00``"
            end = f"`{_yuan(fee_fen)}`0.60%`{amount}`0.00`"
        else:
            refunded, fee = refunded + line.amount_fen, fee - fee_fen
            state = (
                f"`4200`PAID{line.number}`openid`JSAPI`REFUND`OTHERS`CNY`0.00`0.00`{line.channel_no}`{line.number}"
                f"`{amount}`0.00`ORIGINAL`SUCCESS"
            )
            end = f"`{_yuan(-fee_fen)}`0.60%`0.00`{amount}`"
        yield (f"`{at}`wx0000000000000001`{MERCHANT_NO}``{state}`门诊`{end}".replace("`", ",`")[1:])
    yield TOTALS
    amounts = (paid, refunded, 0, fee, paid, refunded)
    yield ",".join(f"`{value}" for value in (lines, *map(_yuan, amounts)))


class Channel:
    """The channel's side: its bill, read."""

    side, merchant = Side.CHANNEL, MERCHANT

    def __init__(self, bill: Bill) -> None:
        self._bill = bill

    async def fetch(self, day: date) -> ToldLines:
        """Read the bill."""
        assert day == DAY
        lines = read_bill(ChannelCode.WECHATPAY, self._bill, merchant_no=MERCHANT_NO)
        return ToldLines(lines, sha256(self._bill.content).digest())


class Other:
    """The platform's side, or the HIS's."""

    def __init__(self, side: Side, count: int) -> None:
        self.side, self.merchant, self._count = side, MERCHANT if side is Side.PLATFORM else "his", count

    async def fetch(self, day: date) -> ToldLines:
        """Give the lines."""
        assert day == DAY
        return ToldLines(side_lines(self._count, self.side))


async def bare_copy(database: Database, count: int) -> float:
    """Copy the three sides' rows into a table that has nothing but them; give the seconds."""
    await database.execute(
        "CREATE TABLE bare AS SELECT side, merchant, kind, number, amount_fen, occurred_at, channel_no,"
        " fee_fen FROM book_line"
    )
    columns = ("side", "merchant", "kind", "number", "amount_fen", "occurred_at", "channel_no", "fee_fen")
    seconds = 0.0
    for side in SIDES:
        for chunk in batched_lines(side_lines(count, side)):
            rows = [
                (side, MERCHANT, one.kind, one.number, one.amount_fen, one.occurred_at, one.channel_no, one.fee_fen)
                for one in chunk
            ]
            started = time.monotonic()
            async with database.transaction() as tx:
                await tx.copy("bare", columns, rows)
            seconds += time.monotonic() - started
    await database.execute("DROP TABLE bare")
    return seconds


def batched_lines(lines: Iterator[BookLine]) -> Iterator[tuple[BookLine, ...]]:
    """Give some thousands at a time."""
    while chunk := tuple(islice(lines, 5_000)):
        yield chunk


async def measure(database_url: str, count: int, *, root: Path) -> dict[str, Any]:
    """Keep the books of the day and compare what they say with what was put in.

    Raises:
        WrongError: a difference was missed or invented.
    """
    say(f"Writing a bill of {count:,} lines ...")
    bill = write_bill(count, root / "bill.csv")
    database = await open_database(database_url)
    try:
        bare = await bare_copy(database, count)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sources: list[LineSource] = [Channel(bill), Other(Side.PLATFORM, count), Other(Side.HIS, count)]
        started = time.monotonic()
        with frozen(MIDNIGHT + timedelta(days=1, hours=10)):
            await keep_books(database, DAY, sources, rates=RATES, by="bench")
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await count_differences(database)
    finally:
        await database.close()
    expected = expected_differences(count)
    if found != expected:
        raise WrongError(f"found {found}, expected {expected}")
    return {
        "lines_a_side": count,
        "bill_bytes": len(bill.content),
        "seconds": round(seconds, 1),
        "bare_copy_seconds": round(bare, 1),
        "times_bare_copy": round(seconds / bare, 1),
        "peak_memory_gb": round(peak * 1024 / 1e9, 2),
        "memory_before_gb": round(before * 1024 / 1e9, 2),
        "differences": found,
    }


async def count_differences(database: Database) -> dict[str, int]:
    """Count what was found, by kind."""
    counts: dict[str, int] = {}
    page = await list_differences(database, day=DAY)
    while page:
        for one in page:
            counts[one.kind] = counts.get(one.kind, 0) + 1
        page = await list_differences(database, day=DAY, after=page[-1].id)
    return counts


def expected_differences(count: int) -> dict[str, int]:
    """Count what was put in, by the names that it ought to be found under."""
    counts: dict[str, int] = {}

    def add(kind: str) -> None:
        counts[kind] = counts.get(kind, 0) + 1

    for number in range(count):
        match number % DISTURBED:
            case 0:
                add("shortage")
            case 1:
                # Missing here: the channel has it, and so has the HIS.
                add("refund-only" if number % EVERY_REFUND == EVERY_REFUND - 1 else "surplus")
                add("his-surplus")
            case 2:
                add("his-missing")
            case 10:
                add("amount")
            case 11:
                add("amount")
                add("his-amount")
            case 12:
                add("his-amount")
    return counts


def table(figures: dict[str, Any]) -> str:
    """Lay the figures out for people."""
    return TABLE.format(
        **figures,
        cores=figures["machine"]["cores"],
        cpu=figures["machine"]["cpu"],
        megabytes=figures["bill_bytes"] / 1e6,
        found=", ".join(f"{count} {kind}" for kind, count in sorted(figures["differences"].items())),
        aim_seconds=AIM_SECONDS,
        aim_memory_gb=AIM_MEMORY_GB,
    )


def main() -> int:
    """Keep a large day's books on this machine."""
    parser = argparse.ArgumentParser(prog="./hospital bench books", description=main.__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="payments and refunds of the day (1000000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    cache = (Path(os.environ.get("DATA_DIR", ".data")) / "bench").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with temporary(cache) as root, ExitStack() as stack:
            say("Starting PostgreSQL ...")
            servers = stack.enter_context(databases(root))
            database_url, _ = asyncio.run(prepare(servers))
            figures = asyncio.run(measure(database_url, options.lines, root=root))
    except (ServerFailedError, WrongError) as error:
        print(f"bench books: {error}", file=sys.stderr)
        return 1
    figures = {"machine": machine(), **figures}
    print(json.dumps(figures) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
