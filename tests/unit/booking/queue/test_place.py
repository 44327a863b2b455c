"""What can be seen of a phone that lies about its place."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from booking.queue import errors
from booking.queue.place import Fix, PlaceRule, distance_meters, require_near, require_plausible
from kernel.errors import HospitalError

NOW = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
RULE = PlaceRule(radius_meters=500, accuracy_meters_max=200, age_seconds_max=120)
CAMPUS = (23.129, 113.264)
HOME = Fix(23.20, 113.40, 20, NOW - timedelta(minutes=10))


def fix(*, accuracy: float = 20, age: float = 5, mock: bool = False, latitude: float = CAMPUS[0]) -> Fix:
    return Fix(latitude, CAMPUS[1], accuracy, NOW - timedelta(seconds=age), mock)


@dataclass
class Report:
    given: Fix
    previous: Fix | None = None
    others: int = 0
    other_clients: int = 0


GOOD = {
    "fresh and exact": Report(fix()),
    "as old as may be": Report(fix(age=120)),
    "a clock a little ahead": Report(fix(age=-30)),
    "as vague as may be": Report(fix(accuracy=200)),
    "a family of five": Report(fix(), others=4),
    "a journey by train": Report(fix(), previous=HOME),
    "the same fix sent again": Report(fix(), previous=fix()),
    "vague a moment ago": Report(fix(), previous=Fix(23.16, 113.264, 3500, NOW - timedelta(seconds=6))),
}
BAD: dict[str, tuple[Report, type[HospitalError]]] = {
    "mock": (Report(fix(mock=True)), errors.PlaceMocked),
    "vague": (Report(fix(accuracy=200.1)), errors.PlaceInaccurate),
    "old": (Report(fix(age=120.1)), errors.PlaceOutdated),
    "of the future": (Report(fix(age=-31)), errors.PlaceOutdated),
    "sent by another application": (Report(fix(), other_clients=1), errors.PlaceReplayed),
    "sent for a crowd": (Report(fix(), others=5), errors.PlaceReplayed),
    "home ten seconds ago": (
        Report(fix(), previous=HOME._replace(fixed_at=NOW - timedelta(seconds=15))),
        errors.PlaceImpossible,
    ),
    "home at the same instant": (
        Report(fix(), previous=HOME._replace(fixed_at=fix().fixed_at)),
        errors.PlaceImpossible,
    ),
    "home after it": (Report(fix(), previous=HOME._replace(fixed_at=NOW)), errors.PlaceImpossible),
}


def ask(report: Report) -> None:
    require_plausible(
        report.given,
        previous=report.previous,
        others=report.others,
        other_clients=report.other_clients,
        rule=RULE,
        at=NOW,
    )


@pytest.mark.parametrize("name", GOOD)
def test_an_honest_phone_is_believed(name: str) -> None:
    ask(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_each_lie_has_its_own_refusal(name: str) -> None:
    report, refusal = BAD[name]
    with pytest.raises(refusal):
        ask(report)


def test_a_distance_on_the_sphere() -> None:
    """A degree of latitude is 111.2 km; Guangzhou to Shenzhen is about 104 km."""
    assert distance_meters(23, 113, 24, 113) == pytest.approx(111_195, rel=1e-4)
    assert distance_meters(23.1291, 113.2644, 22.5431, 114.0579) == pytest.approx(104_000, rel=0.01)
    assert distance_meters(*CAMPUS, *CAMPUS) == 0


@pytest.mark.parametrize(("meters", "is_near"), [(0, True), (499, True), (501, False), (20_000, False)])
def test_near_enough(meters: float, is_near: bool) -> None:  # noqa: FBT001  a table of cases
    there = fix(latitude=CAMPUS[0] + meters / 111_195)
    if is_near:
        require_near(there, latitude=CAMPUS[0], longitude=CAMPUS[1], rule=RULE)
        return
    with pytest.raises(errors.PlaceTooFar) as refused:
        require_near(there, latitude=CAMPUS[0], longitude=CAMPUS[1], rule=RULE)
    assert refused.value.details == {"distance_meters": round(meters, -2), "limit_meters": 500}
