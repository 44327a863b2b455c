from collections.abc import AsyncIterator

import pytest

from tests.factories.insurance import Centre, insurance_centre


@pytest.fixture(scope="module")
async def _centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with insurance_centre(tmp_path_factory.mktemp("insurance")) as centre:
        yield centre


@pytest.fixture
async def centre(_centre: Centre) -> AsyncIterator[Centre]:
    yield _centre
    await _centre.process.clear_faults()
