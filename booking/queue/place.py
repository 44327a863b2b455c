"""Whether a phone is where it says it is, as far as that can be seen from here: pure functions.

A phone's owner can make it lie. What a lie leaves behind is looked for: a place that the phone itself calls
simulated, one too vague or too old, one that was used before, and journeys that nobody makes. Whoever is refused
has the kiosk and the desk.
"""

from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Final, NamedTuple

from booking.queue import errors

EARTH_METERS: Final = 6_371_008.8
# Faster than any train; GPS errors of both places are taken off first.
SPEED_METERS_PER_SECOND_MAX: Final = 100.0
CLOCK_SKEW_SECONDS_MAX: Final = 30
# A family checks in with one phone and one measurement; a crowd does not.
PEOPLE_PER_FIX_MAX: Final = 5


class Fix(NamedTuple):
    """Where a phone measured itself to be: degrees in WGS 84, the radius of its doubt in meters, and when (UTC)."""

    latitude: float
    longitude: float
    accuracy_meters: float
    fixed_at: datetime
    is_mock: bool = False


class PlaceRule(NamedTuple):
    """How near to the campus, how exact and how fresh a fix has to be."""

    radius_meters: int
    accuracy_meters_max: int
    age_seconds_max: int


def require_plausible(
    fix: Fix, *, previous: Fix | None, others: int, other_clients: int, rule: PlaceRule, at: datetime
) -> None:
    """Ask that a fix can be believed.

    previous: the same person's last one. others: people for whom this very measurement was sent before;
    other_clients: applications that sent it, other than the one that does now.

    Raises:
        PlaceMocked, PlaceInaccurate, PlaceOutdated, PlaceReplayed, PlaceImpossible.
    """
    if fix.is_mock:
        raise errors.PlaceMocked
    if fix.accuracy_meters > rule.accuracy_meters_max:
        raise errors.PlaceInaccurate(limit_meters=rule.accuracy_meters_max)
    age = (at - fix.fixed_at).total_seconds()
    if not -CLOCK_SKEW_SECONDS_MAX <= age <= rule.age_seconds_max:
        raise errors.PlaceOutdated(limit_seconds=rule.age_seconds_max)
    if other_clients > 0 or others >= PEOPLE_PER_FIX_MAX:
        raise errors.PlaceReplayed
    if previous is not None and not _is_journey(previous, fix):
        raise errors.PlaceImpossible


def require_near(fix: Fix, *, latitude: float, longitude: float, rule: PlaceRule) -> None:
    """Ask that a fix lies within the clinic's radius of the campus; the phone's doubt is not given on top.

    Raises:
        PlaceTooFar: with the distance in whole hundred meters.
    """
    distance = distance_meters(fix.latitude, fix.longitude, latitude, longitude)
    if distance > rule.radius_meters:
        raise errors.PlaceTooFar(distance_meters=round(distance, -2), limit_meters=rule.radius_meters)


def distance_meters(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Measure along the sphere (haversine; less than half a percent off)."""
    phi, other_phi = radians(latitude), radians(other_latitude)
    half_phi, half_lambda = (other_phi - phi) / 2, radians(other_longitude - longitude) / 2
    root = sin(half_phi) ** 2 + cos(phi) * cos(other_phi) * sin(half_lambda) ** 2
    return 2 * EARTH_METERS * asin(min(1.0, sqrt(root)))


def _is_journey(before: Fix, after: Fix) -> bool:
    """Tell whether somebody can have got from one place to the other in the time between."""
    apart = distance_meters(before.latitude, before.longitude, after.latitude, after.longitude)
    apart -= before.accuracy_meters + after.accuracy_meters
    passed = max((after.fixed_at - before.fixed_at) / timedelta(seconds=1), 1.0)
    return apart <= passed * SPEED_METERS_PER_SECOND_MAX
