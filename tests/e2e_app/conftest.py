"""Who stands around the patients' pages on a module's own platform."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.factories.both_sides import HisWindow, OpenApi
from tests.factories.front_end import require_build
from tests.factories.patient_pages import open_browser
from tests.platform import Hospital


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, and the pages built."""
    require_build("h5")
    async with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def portal(own_hospital: Hospital) -> Iterator[OpenApi]:
    """Another platform that books for patients."""
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


@pytest.fixture
def cashiers(own_hospital: Hospital) -> list[str]:
    """The addresses of the channels' own pages, to which a payer is led."""
    return [own_hospital.run["emulators"][name]["base_url"] for name in ("wechatpay", "alipay")]
