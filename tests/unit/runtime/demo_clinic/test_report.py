from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from runtime.demo_clinic.__main__ import next_clinic_day
from runtime.demo_clinic.checking import SHOWN_MAX, Check, check_his
from runtime.demo_clinic.outage import DRAINED_BELOW, Backlog
from runtime.demo_clinic.report import write_report

SHANGHAI = ZoneInfo("Asia/Shanghai")
KNOWN = {
    "day": "2026-11-26",
    "told": {"booked": 12},
    "offers": {"o": "accepted"},
    "cases": {},
    "waitlist": {"e": "taken"},
}
DIFFERENCE = {"key": "a1", "kind": "differs", "here": {"status": "booked"}, "there": {"status": "cancelled"}}


def report(*checks: Check) -> str:
    return "\n".join(write_report(KNOWN, {"appointments": {"noshow": 3}}, [], Backlog(), checks))


def test_the_report_says_that_everything_agrees_only_if_it_does() -> None:
    fine, broken = Check("seats", 5, ()), Check("appointments", 9, ("a: booked, cancelled",))

    assert "Everything agrees." in report(fine)
    assert "1 record(s) do not agree." in report(fine, broken)
    assert "a: booked, cancelled" in report(broken)
    assert "Everything agrees." not in report(fine, broken)


def test_of_many_differences_a_few_are_shown_and_the_rest_counted() -> None:
    told = report(Check("appointments", 100, tuple(f"a{n}" for n in range(SHOWN_MAX + 40))))

    assert "... and 40 more" in told


@pytest.mark.parametrize("where", ["left", "under_way", "repaired"])
def test_every_difference_from_the_his_counts_whatever_would_become_of_it(where: str) -> None:
    one = {"comparer": "appointments", "compared": 4, "left": [], "under_way": [], "repaired": []}

    [check] = check_his({"reports": [one | {where: [DIFFERENCE]}]})

    assert check.compared == 4
    assert len(check.wrong) == 1


def test_the_backlog_is_told_of_the_outage_alone() -> None:
    ten = datetime(2026, 11, 26, 2, tzinfo=UTC)
    minutes = [ten + timedelta(minutes=n) for n in range(6)]
    waited = [900, 40, 700, 500, DRAINED_BELOW - 1, 0]

    backlog = Backlog(list(zip(minutes, waited, strict=True)), down_at=minutes[1], up_at=minutes[2])

    assert backlog.peak == 700
    assert backlog.drained_at == minutes[4]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-25T07:59:00", "2026-11-26"),  # Wednesday: people book today for tomorrow
        ("2026-11-25T08:00:00", "2026-11-27"),
        ("2026-11-26T12:00:00", "2026-11-30"),  # Thursday: Friday's eve has begun, and Saturday is no clinic day
    ],
)
def test_the_day_is_a_weekday_whose_eve_is_still_to_come(now: str, day: str) -> None:
    assert next_clinic_day(datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)).isoformat() == day
