"""Comparing both sides' day: by key and content, differences by kind, repairs by rule.

A feature brings a comparer for what it owns. The engine fetches both sides, sets aside what messages
still under way will change anyway, names the differences, lets the comparer repair what a rule
allows, and writes the rest down for a person. Nothing here holds personal data: keys, states, versions.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

import orjson

from integration.his.inbox import HANDLER
from integration.his.port import HisPull
from kernel import clock
from kernel.db import Database, Transaction
from kernel.errors import HospitalError, Unavailable
from kernel.log import get_logger
from kernel.outbox import INBOX, OUTBOX

MISSING_IN_HIS: Final = "missing_in_his"
MISSING_HERE: Final = "missing_here"
DIFFERS: Final = "differs"

Value = str | int | bool | None

log = get_logger("integration.his")


@dataclass(frozen=True, slots=True)
class DayRecord:
    """One record of one side.

    key: the same on both sides. compared: what has to be equal. version: the side's own.
    aggregates: the aggregates whose queued messages would change it, as outbox and inbox name them.
    context: what a repair needs beside it (ids), not compared.
    """

    key: str
    compared: Mapping[str, Value]
    version: int
    aggregates: tuple[str, ...] = ()
    context: Mapping[str, Value] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """A digest of what is compared: equal content, equal digest."""
        canonical = orjson.dumps(dict(self.compared), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that the sides hold differently.

    `kind` is `missing_in_his`, `missing_here`, or `differs:` with the first field that differs.
    """

    kind: str
    key: str
    here: DayRecord | None
    there: DayRecord | None

    @property
    def fields(self) -> tuple[str, ...]:
        """The compared fields that differ, in the order of the record here."""
        if self.here is None or self.there is None:
            return ()
        there = self.there.compared
        return tuple(name for name, value in self.here.compared.items() if there.get(name) != value)


@dataclass(frozen=True, slots=True)
class Repair:
    """What a rule did about a difference, in a word: `told_again`, `taken_over` ..."""

    rule: str


class DayComparer(Protocol):
    """What a feature brings so that its day can be compared."""

    @property
    def name(self) -> str:
        """Which records these are, in one word."""
        ...

    async def read_here(self, day: date) -> Sequence[DayRecord]:
        """Give the platform's records of a clinic day."""
        ...

    async def read_there(self, his: HisPull, day: date) -> Sequence[DayRecord]:
        """Give the HIS's records of a clinic day, under the same keys.

        Raises:
            HisUnavailable: it could not be reached.
        """
        ...

    async def repair(self, tx: Transaction, difference: Difference) -> Repair | None:
        """Mend a difference if a rule allows it; None leaves it to a person."""
        ...


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """How a comparer's day came out.

    under_way: differences that queued messages explain; repaired: by key, with the rule;
    left: what a person has to decide (all differences when nothing was to be repaired).
    """

    comparer: str
    day: date
    compared: int
    equal: int
    under_way: tuple[Difference, ...]
    repaired: tuple[tuple[Difference, Repair], ...]
    left: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether both sides hold the same, with nothing under way."""
        return not (self.under_way or self.repaired or self.left)


def find_differences(here: Sequence[DayRecord], there: Sequence[DayRecord]) -> tuple[list[Difference], int]:
    """Name what differs, ordered by key, and count what is equal."""
    ours = {record.key: record for record in here}
    theirs = {record.key: record for record in there}
    differences: list[Difference] = []
    equal = 0
    for key in sorted(ours.keys() | theirs.keys()):
        our, their = ours.get(key), theirs.get(key)
        if our is None or their is None:
            kind = MISSING_IN_HIS if their is None else MISSING_HERE
            differences.append(Difference(kind, key, our, their))
        elif our.content_hash != their.content_hash:
            found = Difference(DIFFERS, key, our, their)
            first = found.fields[0] if found.fields else "fields"
            differences.append(Difference(f"{DIFFERS}:{first}", key, our, their))
        else:
            equal += 1
    return differences, equal


async def reconcile_day(
    db: Database, his: HisPull, comparer: DayComparer, day: date, *, repair: bool
) -> ComparisonReport:
    """Compare one clinic day of one feature and, if asked, repair what a rule allows.

    The HIS is read first: a booking made meanwhile is then missing there with its message under
    way, and never looks like a loss.

    Raises:
        HisUnavailable: the HIS could not be read; nothing was changed.
    """
    there = await comparer.read_there(his, day)
    here = await comparer.read_here(day)
    differences, equal = find_differences(here, there)
    moving = await _find_moving(db, differences)
    under_way = [one for one in differences if _aggregates(one) & moving]
    standing = [one for one in differences if not _aggregates(one) & moving]
    repaired: list[tuple[Difference, Repair]] = []
    left: list[Difference] = []
    for difference in standing:
        done = await _repair(db, comparer, difference) if repair else None
        if done is None:
            left.append(difference)
        else:
            repaired.append((difference, done))
    report = ComparisonReport(
        comparer=comparer.name,
        day=day,
        compared=len({record.key for record in (*here, *there)}),
        equal=equal,
        under_way=tuple(under_way),
        repaired=tuple(repaired),
        left=tuple(left),
    )
    await _write_down(db, report)
    log.info(
        "his_reconciled",
        comparer=comparer.name,
        day=day.isoformat(),
        equal=equal,
        under_way=len(under_way),
        repaired=len(repaired),
        left=len(left),
    )
    return report


def _aggregates(difference: Difference) -> set[str]:
    return {
        aggregate
        for record in (difference.here, difference.there)
        if record is not None
        for aggregate in record.aggregates
    }


async def _find_moving(db: Database, differences: Sequence[Difference]) -> set[str]:
    """Tell which aggregates still have a message on its way, in either direction."""
    names = sorted({name for one in differences for name in _aggregates(one)})
    if not names:
        return set()
    outgoing = await OUTBOX.pending_aggregates(db, HANDLER, names)
    incoming = await INBOX.pending_aggregates(db, HANDLER, names)
    return outgoing | incoming


async def _repair(db: Database, comparer: DayComparer, difference: Difference) -> Repair | None:
    """Let the comparer repair; a rule of the hospital that forbids it leaves it to a person."""
    try:
        async with db.transaction() as tx:
            return await comparer.repair(tx, difference)
    except Unavailable:
        raise
    except HospitalError as error:
        log.info("his_repair_refused", comparer=comparer.name, code=error.code)
        return None


async def _write_down(db: Database, report: ComparisonReport) -> None:
    """Keep what is left for a person, close what is no longer found, and note the run."""
    now = clock.machine_now()
    async with db.transaction() as tx:
        for one in report.left:
            await tx.execute(
                "INSERT INTO his_divergence AS d"
                " (comparer, day, key, kind, here, there, found_at, seen_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
                " ON CONFLICT (comparer, day, key, kind) WHERE closed_at IS NULL"
                " DO UPDATE SET here = excluded.here, there = excluded.there, seen_at = $7",
                report.comparer,
                report.day,
                one.key,
                one.kind,
                describe_record(one.here),
                describe_record(one.there),
                now,
            )
        await tx.execute(
            "UPDATE his_divergence SET closed_at = $3"
            " WHERE comparer = $1 AND day = $2 AND closed_at IS NULL AND seen_at < $3",
            report.comparer,
            report.day,
            now,
        )
        await tx.execute(
            "INSERT INTO his_reconciliation"
            " (comparer, day, finished_at, compared, under_way, differences, repaired)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)"
            " ON CONFLICT (comparer, day) DO UPDATE SET finished_at = $3, compared = $4,"
            " under_way = $5, differences = $6, repaired = $7",
            report.comparer,
            report.day,
            now,
            report.compared,
            len(report.under_way),
            len(report.left),
            len(report.repaired),
        )


def describe_record(record: DayRecord | None) -> dict[str, Value] | None:
    """What of a record is shown and kept: what was compared, and its version."""
    return None if record is None else {**record.compared, "version": record.version}
