"""Who stands at both ends of the wire of a module's own platform."""

from collections.abc import Iterator

import pytest

from tests.factories.both_sides import HisWindow, OpenApi, People, eventually, workday
from tests.platform import Hospital


@pytest.fixture(scope="module")
def portal(own_hospital: Hospital) -> Iterator[OpenApi]:
    """A partner's application."""
    client = OpenApi.of(own_hospital, "city_portal")
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def slot_office(own_hospital: Hospital) -> Iterator[OpenApi]:
    """The hospital's slot office, at work as a member of staff."""
    client = OpenApi.of(own_hospital, "slot_office", staff="S0001")
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def his(own_hospital: Hospital) -> Iterator[HisWindow]:
    """The core HIS and its registration window."""
    window = HisWindow.of(own_hospital)
    yield window
    window.http.close()


@pytest.fixture(scope="module")
def people() -> People:
    """Give a new person each time."""
    return People()


@pytest.fixture(scope="module")
def schedules(his: HisWindow, request: pytest.FixtureRequest) -> Iterator[str]:
    """Schedules that the HIS has been told of, DAYS_AHEAD of the module, each for one test: nobody else's."""
    day = workday(request.module.DAYS_AHEAD)
    return iter(eventually("schedules at the HIS", lambda: his.window_schedules(day) or None))
