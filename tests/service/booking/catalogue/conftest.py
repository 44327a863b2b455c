"""A small hospital whose slot office is at work, with the clock at nine on an ordinary Wednesday of 2026."""

from collections.abc import AsyncIterator, Iterator

import pytest

from kernel import clock
from kernel.db import Database
from tests.factories.slot_office import WEDNESDAY, Catalogue, at, restore_reference_data


@pytest.fixture(autouse=True)
def _nine_o_clock() -> Iterator[None]:
    with clock.frozen(at(WEDNESDAY)):
        yield


@pytest.fixture
async def catalogue(database: Database) -> AsyncIterator[Catalogue]:
    """The hospital, and the reference data of the migrations put back afterwards."""
    await restore_reference_data(database)
    with clock.frozen(at(WEDNESDAY)):
        built = await Catalogue(database).build()
    yield built
    await restore_reference_data(database)
