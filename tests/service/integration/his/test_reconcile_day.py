"""Both sides' day compared: differences by kind, repairs by rule, the rest before a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from prometheus_client import REGISTRY

from integration.his.metrics import refresh_gauges
from integration.his.port import HisPull
from integration.his.reconcile import DayRecord, Difference, Repair, Value, reconcile_day
from kernel.db import Database, Transaction
from tests.service.integration.his.conftest import post

DAY = date(2026, 11, 24)
NO_HIS = cast(HisPull, None)


def record(key: str, **compared: Value) -> DayRecord:
    return DayRecord(key=key, compared=compared, version=1, aggregates=(f"person:{key}",))


@dataclass
class Comparer:
    name: str = "people"
    here: list[DayRecord] = field(default_factory=list)
    there: list[DayRecord] = field(default_factory=list)

    async def read_here(self, day: date) -> Sequence[DayRecord]:
        return self.here

    async def read_there(self, his: HisPull, day: date) -> Sequence[DayRecord]:
        return self.there

    async def repair(self, tx: Transaction, difference: Difference) -> Repair | None:
        return Repair("told_again") if difference.kind == "missing_in_his" else None


def a_day() -> Comparer:
    return Comparer(
        here=[
            record("equal", seat=1),
            record("lost", seat=2),
            record("moved", seat=3),
            record("on-its-way", seat=4),
        ],
        there=[record("equal", seat=1), record("moved", seat=9), record("theirs", seat=5)],
    )


async def test_differences_are_named_and_written_down_for_a_person(database: Database) -> None:
    await post(database, "on-its-way")

    report = await reconcile_day(database, NO_HIS, a_day(), DAY, repair=False)

    assert (report.compared, report.equal) == (5, 1)
    assert [one.key for one in report.under_way] == ["on-its-way"]
    assert [(one.key, one.kind) for one in report.left] == [
        ("lost", "missing_in_his"),
        ("moved", "differs:seat"),
        ("theirs", "missing_here"),
    ]
    assert not report.agrees
    rows = await database.fetch("SELECT key, kind, here, there FROM his_divergence ORDER BY key")
    assert [tuple(row) for row in rows] == [
        ("lost", "missing_in_his", {"seat": 2, "version": 1}, None),
        ("moved", "differs:seat", {"seat": 3, "version": 1}, {"seat": 9, "version": 1}),
        ("theirs", "missing_here", None, {"seat": 5, "version": 1}),
    ]


async def test_a_rule_repairs_and_the_rest_is_left(database: Database) -> None:
    await post(database, "on-its-way")

    report = await reconcile_day(database, NO_HIS, a_day(), DAY, repair=True)

    assert [(one.key, done.rule) for one, done in report.repaired] == [("lost", "told_again")]
    assert [one.key for one in report.left] == ["moved", "theirs"]
    await refresh_gauges(database)
    assert REGISTRY.get_sample_value("his_divergence_records", {"comparer": "people"}) == 2


async def test_what_is_no_longer_found_is_closed(database: Database) -> None:
    comparer = a_day()
    await reconcile_day(database, NO_HIS, comparer, DAY, repair=False)
    comparer.there = list(comparer.here)

    report = await reconcile_day(database, NO_HIS, comparer, DAY, repair=False)

    assert report.agrees
    assert await database.fetchval("SELECT count(*) FROM his_divergence") == 4
    assert await database.fetchval("SELECT count(*) FROM his_divergence WHERE closed_at IS NULL") == 0
