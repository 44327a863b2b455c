"""Three sides of a day are compared: every injected difference is found by its name, and nothing else."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import frozen
from kernel.db import Database
from payments.books.closings import get_closing, keep_books, list_totals, purge_superseded
from payments.books.differences import Difference, list_differences, settle_difference
from payments.books.errors import (
    BooksNotReady,
    DayNotOver,
    DifferenceNotFound,
    DifferenceSettled,
    RunSuperseded,
)
from payments.books.lines import Side
from payments.books.storage import SideTotals, ToldLines
from tests.factories.books import DAY, MERCHANT, RATES, SIDES, ThreeSides, Told, at

MORNING_AFTER = at(DAY + timedelta(days=1), 10, 30)
EVERY_STATUS = ("open", "explained", "resolved", "vanished")
FIRST_REFUND = 40


async def keep(database: Database, sides: ThreeSides) -> list[Difference]:
    with frozen(MORNING_AFTER + (sides.day - DAY)):
        await keep_books(database, sides.day, sides.sources(), rates=RATES, by="timetable")
    return await list_differences(database, day=sides.day, statuses=EVERY_STATUS)


def told(found: list[Difference]) -> list[tuple[str, str, str, int | None, int | None, int | None, str]]:
    return sorted(
        (one.kind, one.line_kind, one.number, one.channel_fen, one.platform_fen, one.his_fen, one.status)
        for one in found
    )


async def test_sides_that_agree_have_no_difference(database: Database) -> None:
    sides = ThreeSides()
    assert await keep(database, sides) == []
    closing = await get_closing(database, DAY)
    assert (closing.status, closing.run) == ("matched", 1)
    paid, refunded = (sum(line.amount_fen for line in part) for part in (sides.channel[:40], sides.channel[40:]))
    fee = sum(line.fee_fen or 0 for line in sides.channel[:40]) - sum(line.fee_fen or 0 for line in sides.channel[40:])
    assert await list_totals(database, closing.id) == {
        ("his", "his"): SideTotals(50, paid, refunded, 0),
        ("reversal", "his"): SideTotals(),
        ("channel", MERCHANT): SideTotals(50, paid, refunded, fee),
        ("platform", MERCHANT): SideTotals(50, paid, refunded, 0),
    }


Case = tuple[Callable[[ThreeSides], object], list[tuple[str, str, str, int | None, int | None, int | None, str]]]
NIGHT = timedelta(hours=16)

CASES: dict[str, Case] = {
    "paid at the channel, unknown here": (
        lambda sides: (sides.drop(Side.PLATFORM, 3), sides.drop(Side.HIS, 3)),
        [("surplus", "payment", "A112400000003", 1111, None, None, "open")],
    ),
    "paid here, not in the bill": (
        lambda sides: sides.drop(Side.CHANNEL, 3),
        [("shortage", "payment", "A112400000003", None, 1111, None, "open")],
    ),
    "another amount in the bill": (
        lambda sides: sides.change(Side.CHANNEL, 3, lambda line: replace(line, amount_fen=1112)),
        [("amount", "payment", "A112400000003", 1112, 1111, None, "open")],
    ),
    "a line twice in the bill": (
        lambda sides: sides.twice(3),
        [("duplicate", "payment", "A112400000003", 1111, 1111, None, "open")],
    ),
    "refunded at the channel alone": (
        lambda sides: (sides.drop(Side.PLATFORM, FIRST_REFUND), sides.drop(Side.HIS, FIRST_REFUND)),
        [("refund-only", "refund", "RA112400000000", 1000, None, None, "open")],
    ),
    "refunded here, not in the bill": (
        lambda sides: sides.drop(Side.CHANNEL, FIRST_REFUND),
        [("shortage", "refund", "RA112400000000", None, 1000, None, "open")],
    ),
    "known here only after midnight": (
        lambda sides: sides.change(Side.PLATFORM, 3, lambda line: replace(line, is_of_day=False)),
        [
            ("cross-midnight", "payment", "A112400000003", 1111, 1111, None, "explained"),
            ("cross-midnight", "payment", "S112400000003", None, 1111, 1111, "explained"),
        ],
    ),
    "settled in the HIS after midnight": (
        lambda sides: sides.change(Side.HIS, 3, lambda line: replace(line, is_of_day=False)),
        [("cross-midnight", "payment", "S112400000003", None, 1111, 1111, "explained")],
    ),
    "more kept by the channel than agreed": (
        lambda sides: sides.change(Side.CHANNEL, 3, lambda line: replace(line, fee_fen=9)),
        [("fee", "payment", "A112400000003", 9, 7, None, "open")],
    ),
    "a fen of rounding in the fee": (
        lambda sides: sides.change(Side.CHANNEL, 3, lambda line: replace(line, fee_fen=8)),
        [],
    ),
    "paid, never settled in the HIS": (
        lambda sides: sides.drop(Side.HIS, 3),
        [("his-missing", "payment", "S112400000003", None, 1111, None, "open")],
    ),
    "settled in the HIS, never paid": (
        lambda sides: (sides.drop(Side.PLATFORM, 3), sides.drop(Side.CHANNEL, 3)),
        [("his-surplus", "payment", "S112400000003", None, None, 1111, "open")],
    ),
    "settled in the HIS with another amount": (
        lambda sides: sides.change(Side.HIS, 3, lambda line: replace(line, amount_fen=1110)),
        [("his-amount", "payment", "S112400000003", None, 1111, 1110, "open")],
    ),
    "taken back in the HIS the day before the money went": (
        lambda sides: sides.take_back(FIRST_REFUND, is_of_day=False),
        [],
    ),
    "taken back in the HIS, it says for another amount": (
        lambda sides: (
            sides.take_back(FIRST_REFUND, is_of_day=True),
            sides.change(Side.HIS, FIRST_REFUND, lambda line: replace(line, amount_fen=999)),
        ),
        [("his-amount", "refund", "RS112400000000", None, 1000, 999, "open")],
    ),
    "not meant for the HIS": (
        lambda sides: (
            sides.drop(Side.HIS, 3),
            sides.change(Side.PLATFORM, 3, lambda line: replace(line, settlement_no=None)),
        ),
        [],
    ),
    "of the neighbouring days only": (
        lambda sides: sides.beside_the_day(3),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_differs_is_called_by_its_name(database: Database, case: str) -> None:
    disturb, expected = CASES[case]
    sides = ThreeSides()
    disturb(sides)
    assert told(await keep(database, sides)) == sorted(expected)


async def test_the_same_books_made_again_are_the_same(database: Database) -> None:
    sides = ThreeSides()
    sides.drop(Side.PLATFORM, 3)
    sides.drop(Side.CHANNEL, 5)
    sides.drop(Side.HIS, 7)
    sides.twice(9)
    sides.change(Side.CHANNEL, 11, lambda line: replace(line, amount_fen=1, fee_fen=0))
    sides.take_back(FIRST_REFUND, is_of_day=True)
    first = await keep(database, sides)
    assert len(first) == 6
    assert await keep(database, sides) == first
    assert (await get_closing(database, DAY)).run == 2
    assert await purge_superseded(database) == sum(len(sides.lines(side)) for side in Side)
    assert await keep(database, sides) == first


async def test_what_is_mended_vanishes_and_what_somebody_settled_stays(database: Database) -> None:
    sides = ThreeSides()
    mended, settled = sides.drop(Side.CHANNEL, 3), sides.drop(Side.CHANNEL, 7)
    found = {one.number: one for one in await keep(database, sides)}
    with frozen(MORNING_AFTER):
        done = await settle_difference(database, found[settled.number].id, decision="渠道已补单", by="F0001")
    assert (done.status, done.decided_by, done.decided_at) == ("resolved", "F0001", MORNING_AFTER)

    sides.channel.append(mended)
    again = {one.number: one for one in await keep(database, sides)}
    assert again[mended.number].status == "vanished"
    assert again[settled.number] == done

    sides.channel.remove(mended)
    assert {one.number: one.status for one in await keep(database, sides)} == {
        mended.number: "open",
        settled.number: "resolved",
    }


async def test_a_difference_is_settled_once(database: Database) -> None:
    sides = ThreeSides()
    lost = sides.drop(Side.CHANNEL, 3)
    (found,) = await keep(database, sides)
    assert found.number == lost.number

    async def settle(who: str) -> bool:
        try:
            await settle_difference(database, found.id, decision=f"by {who}", by=who)
        except DifferenceSettled:
            return False
        return True

    won = await asyncio.gather(*(settle(f"F{number:04}") for number in range(8)))
    assert won.count(True) == 1
    (after,) = await list_differences(database, day=DAY, statuses=("resolved",))
    assert after.decided_by == f"F{won.index(True):04}"
    told_of = await database.fetch("SELECT by FROM book_event WHERE kind = 'resolved'")
    assert [row["by"] for row in told_of] == [after.decided_by]
    with pytest.raises(DifferenceNotFound):
        await settle_difference(database, (await get_closing(database, DAY)).id, decision="x", by="F0001")


async def test_what_the_next_days_bill_has_crossed_midnight(database: Database) -> None:
    """The channel counted a payment of 23:59 to the next day; so did the HIS with another one."""
    sides, next_day = ThreeSides(), ThreeSides(DAY + timedelta(days=1))
    late, unsettled = sides.drop(Side.CHANNEL, 3), sides.drop(Side.HIS, 7)
    assert {one.kind: one.status for one in await keep(database, sides)} == {"shortage": "open", "his-missing": "open"}

    next_day.channel.append(late)
    next_day.platform.append(replace(late, is_of_day=False, fee_fen=None))
    next_day.his.append(unsettled)
    next_day.platform.append(replace(sides.platform[7], is_of_day=False))
    found = await keep(database, next_day)

    assert {(one.kind, one.status) for one in found} == {("cross-midnight", "explained")}
    before = await list_differences(database, day=DAY, statuses=EVERY_STATUS)
    assert {(one.kind, one.status, one.cause) for one in before} == {
        ("shortage", "explained", "other-day"),
        ("his-missing", "explained", "other-day"),
    }


async def test_books_are_kept_of_days_that_are_over(database: Database) -> None:
    with frozen(at(DAY, 23, 59)), pytest.raises(DayNotOver):
        await keep_books(database, DAY, ThreeSides().sources(), rates=RATES, by="F0001")
    assert await database.fetch("SELECT 1 FROM book_closing") == []


async def test_a_side_that_has_not_told_leaves_the_day_to_be_kept_again(database: Database) -> None:
    class NotYet(Told):
        async def fetch(self, day: date) -> ToldLines:
            raise BooksNotReady(waiting_for=self.merchant, day=str(day))

    sides = ThreeSides()
    with frozen(MORNING_AFTER), pytest.raises(BooksNotReady):
        await keep_books(
            database, DAY, [*sides.sources()[:2], NotYet(Side.HIS, (), "his")], rates=RATES, by="timetable"
        )
    assert (await get_closing(database, DAY)).status == "collecting"
    assert await keep(database, sides) == []
    assert (await get_closing(database, DAY)).status == "matched"


async def test_runs_at_the_same_time_leave_one_that_counts(database: Database) -> None:
    sides = ThreeSides()
    lost = sides.drop(Side.CHANNEL, 3)

    async def run() -> bool:
        try:
            await keep(database, sides)
        except RunSuperseded:
            return False
        return True

    assert any(await asyncio.gather(*(run() for _ in range(5))))
    assert (await get_closing(database, DAY)).status == "matched"
    assert [one.number for one in await list_differences(database, day=DAY)] == [lost.number]
    counted = await database.fetch("SELECT count(*) FROM book_closing WHERE status <> 'superseded'")
    assert counted[0]["count"] == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dropped=st.sets(st.tuples(st.sampled_from(SIDES), st.integers(0, 49)), max_size=12),
    changed=st.sets(st.tuples(st.sampled_from(SIDES), st.integers(0, 49)), max_size=6),
)
async def test_no_injected_difference_is_missed(
    database: Database, dropped: set[tuple[Side, int]], changed: set[tuple[Side, int]]
) -> None:
    """Whatever is taken away or changed on any side: exactly the numbers concerned are named (invariant 12)."""
    await database.execute("TRUNCATE book_difference, book_line, book_source, book_closing CASCADE")
    sides = ThreeSides()
    numbers = [line.number for line in sides.platform]
    settlements = [line.settlement_no for line in sides.platform]
    have: dict[Side, list[int | None]] = {side: [line.amount_fen for line in sides.lines(side)] for side in SIDES}
    for side, place in changed:
        line = sides.change(side, place, lambda line: replace(line, amount_fen=line.amount_fen + 1))
        have[side][place] = line.amount_fen
    for side, place in sorted(dropped, key=lambda one: -one[1]):
        sides.drop(side, place)
        have[side][place] = None
    expected = {numbers[place] for place in range(50) if have[Side.CHANNEL][place] != have[Side.PLATFORM][place]} | {
        settlements[place] for place in range(50) if have[Side.HIS][place] != have[Side.PLATFORM][place]
    }

    assert {one.number for one in await keep(database, sides)} == expected
