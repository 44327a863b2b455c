"""The report of the day, as a hospital's director would read it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from kernel import clock
from runtime.demo_clinic.checking import SHOWN_MAX, Check, Known
from runtime.demo_clinic.figures import Waits
from runtime.demo_clinic.outage import Backlog

WIDTH: Final = 44


def write_report(
    known: Known,
    counts: Mapping[str, Mapping[str, int]],
    waits: Sequence[Waits],
    backlog: Backlog,
    checks: Sequence[Check],
) -> list[str]:
    """Write all of it, line by line."""
    return [
        "",
        f"The outpatient day of {known['day']}",
        *_promises(known, counts),
        *_waiting(waits),
        *_outage(backlog),
        *_agreement(checks),
    ]


def _promises(known: Known, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    told, status = known["told"], counts["appointments"]
    offers, cases = list(known["offers"].values()), list(known["cases"].values())
    checked_in = sum(n for name, n in told.items() if name.startswith("checked in"))
    return [
        "",
        "What was promised, and what happened",
        _line("booked by applications beforehand", told.get("booked", 0)),
        _line("  of those from a hold", told.get("holds", 0)),
        _line("cancelled by patients", told.get("cancelled by patients", 0)),
        _line("checked in", checked_in, _list(told, "checked in by ")),
        _line("walked in at the HIS's window", told.get("walked in", 0)),
        _line("numbers sold at the HIS's window", told.get("sold at the window", 0)),
        _line(
            "extra seats asked for, given",
            f"{told.get('extra seats asked for', 0)}, {told.get('extra seats given', 0)}",
        ),
        _line("seen by a doctor (fulfilled)", status.get("fulfilled", 0)),
        _line("went home from the queue", told.get("went home", 0)),
        _line("did not come (no-show)", status.get("noshow", 0)),
        _line(
            "called, of those passed by, came back",
            f"{told.get('called', 0):,}, {told.get('passed', 0)}, {told.get('came back', 0)}",
        ),
        "",
        "Waitlist and stopped clinics",
        _line("waited for a clinic that was sold out", len(known["waitlist"])),
        _line("numbers offered to them", len(offers), _by(offers)),
        _line("patients of stopped clinics", len(cases), _by(cases)),
    ]


def _waiting(waits: Sequence[Waits]) -> list[str]:
    lines = ["", "Waiting: the estimate at check-in against the truth (minutes)", ""]
    lines.append(
        f"  {'came':<7}{'people':>8}{'median':>9}{'9 of 10':>9}{'longest':>9}{'est. off by':>13}{'in interval':>13}"
    )
    lines += [
        f"  {one.hours:<7}{one.people:>8,}{one.median / 60:>9.1f}{one.p90 / 60:>9.1f}{one.longest / 60:>9.1f}"
        f"{one.error / 60:>13.1f}{one.inside:>13.0%}"
        for one in waits
    ]
    return [*lines, "  (off by: median of the absolute error; the interval is to hold eight of ten)"]


def _outage(backlog: Backlog) -> list[str]:
    if backlog.down_at is None or backlog.up_at is None:
        return []
    drained = backlog.drained_at
    return [
        "",
        "The outage of the HIS",
        _line("killed, answering again", f"{_hour(backlog.down_at)}, {_hour(backlog.up_at)}"),
        _line("most messages that waited", f"{backlog.peak:,}"),
        _line("caught up", _hour(drained) if drained else "by the end of the day"),
    ]


def _agreement(checks: Sequence[Check]) -> list[str]:
    lines = ["", "Record by record: the people's own word against the books", ""]
    lines.append(f"  {'':<{WIDTH - 2}}{'compared':>10}{'differences':>13}")
    for one in checks:
        lines.append(f"  {one.name:<{WIDTH - 2}}{one.compared:>10,}{len(one.wrong):>13,}")
    for one in checks:
        if one.wrong:
            lines += ["", f"  {one.name}:", *(f"    {text}" for text in one.wrong[:SHOWN_MAX])]
            if len(one.wrong) > SHOWN_MAX:
                lines.append(f"    ... and {len(one.wrong) - SHOWN_MAX:,} more")
    wrong = sum(len(one.wrong) for one in checks)
    lines += ["", "Everything agrees." if wrong == 0 else f"{wrong:,} record(s) do not agree."]
    return lines


def _line(name: str, value: object, note: str = "") -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return f"  {name:<{WIDTH}}{text:>14}   {note}".rstrip()


def _list(told: Mapping[str, int], prefix: str) -> str:
    return ", ".join(
        f"{n:,} {name.removeprefix(prefix)}" for name, n in sorted(told.items()) if name.startswith(prefix)
    )


def _by(values: Sequence[Any]) -> str:
    return ", ".join(f"{values.count(value):,} {value}" for value in sorted(set(values)))


def _hour(instant: datetime) -> str:
    return f"{instant.astimezone(clock.SHANGHAI):%H:%M}"
