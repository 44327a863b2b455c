"""A day's books with everything that this hospital has: its accounts, its channels, its HIS."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from functools import partial
from typing import Final

from kernel import clock
from kernel.db import Database
from kernel.log import get_logger
from kernel.settings import Settings
from payments.books.closings import Closing, LineSource, close_books, keep_books
from payments.books.errors import (
    BillUnreadable,
    BooksDoNotBalance,
    BooksNotReady,
    BooksOutdated,
    DayAlreadyClosed,
    RunSuperseded,
    TooManyDifferences,
)
from payments.books.sources import ChannelBill, HisReceipts, PlatformRecord, ReversalRecord
from payments.gateways.port import ChannelCode
from payments.merchants import gateway_of, list_merchants
from runtime.his import build_billing

BILLED: Final = frozenset({ChannelCode.WECHATPAY, ChannelCode.ALIPAY})
"""Channels that write a bill of their own; a window's drawer does not."""
OPENS_AT: Final = time(10, 15)
"""WeChat Pay has the bill of the day before ready after ten, Alipay after nine."""
PERIOD: Final = timedelta(minutes=20)
DAYS_BACK: Final = 7

log = get_logger("runtime.bookkeeping")


async def keep_and_close(db: Database, settings: Settings, day: date, *, by: str) -> Closing:
    """Keep a day's books and close them; what differs is in the report and stays open for people.

    Raises:
        DayNotOver, DayAlreadyClosed, BooksNotReady, BillUnreadable, TooManyDifferences, RunSuperseded, BooksOutdated,
        BooksDoNotBalance, DatabaseUnavailable.
    """
    await keep(db, settings, day, by=by)
    return await close_books(db, day, by=by)


async def keep(db: Database, settings: Settings, day: date, *, by: str) -> None:
    """Fetch every side's part of a day and compare them; it may be done again until the day is closed.

    Raises:
        DayNotOver, DayAlreadyClosed, BooksNotReady, BillUnreadable, TooManyDifferences, RunSuperseded,
        DatabaseUnavailable.
    """
    billing = build_billing(settings) if settings.his_http_url is not None else None
    try:
        sources: list[LineSource] = []
        for merchant in await list_merchants(db):
            if merchant.channel in BILLED:
                sources.append(ChannelBill(partial(gateway_of, merchant), merchant))
            sources.append(PlatformRecord(merchant.code))
        if billing is not None:
            sources += [ReversalRecord(), HisReceipts(billing)]
        await keep_books(db, day, sources, rates=await _rates(db), by=by)
    finally:
        if billing is not None:
            await billing.close()


async def close_past_days(db: Database, settings: Settings) -> int:
    """Close what is not closed of the past week, the oldest first; give how many days were closed."""
    if clock.now().astimezone(clock.SHANGHAI).time() < OPENS_AT or not await list_merchants(db):
        return 0
    closed = 0
    for day in await _days_to_close(db):
        try:
            await keep_and_close(db, settings, day, by="system:timetable")
            closed += 1
        except (BooksNotReady, BooksOutdated, RunSuperseded, DayAlreadyClosed) as error:
            log.info("books_put_off", day=str(day), reason=error.code)
        except (BillUnreadable, TooManyDifferences, BooksDoNotBalance) as error:
            log.error("books_stuck", day=str(day), reason=error.code, **error.details)
    return closed


async def _days_to_close(db: Database) -> Sequence[date]:
    """Give the days of the past week on which money moved, and yesterday, so far as they are not closed."""
    today = clock.today()
    rows = await db.fetch(
        "SELECT day::date FROM generate_series($1::date - $2::int, $1::date - 1, interval '1 day') AS past (day)"
        " WHERE NOT EXISTS (SELECT FROM book_closing c WHERE c.day = past.day::date AND c.status = 'closed')"
        " AND (past.day::date = $1::date - 1 OR EXISTS (SELECT FROM ledger_entry e"
        "      WHERE e.occurred_at >= past.day::date::timestamp AT TIME ZONE 'Asia/Shanghai'"
        "      AND e.occurred_at < (past.day::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')) ORDER BY day",
        today,
        DAYS_BACK,
    )
    return [row["day"] for row in rows]


async def _rates(db: Database) -> dict[str, int]:
    rows = await db.fetch(
        "SELECT code, fee_rate_millionths FROM payment_merchant WHERE fee_rate_millionths IS NOT NULL ORDER BY code"
    )
    return {row["code"]: row["fee_rate_millionths"] for row in rows}
