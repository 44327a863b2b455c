"""The adapters that the settings name: without an address there is none, and the sentence says which is missing."""

import pytest

from integration.his.adapters.rest_billing import RestHisBilling
from kernel.settings import Settings, SettingsError
from runtime.his import build_billing

GIVEN = {"DATABASE_URL": "postgresql://hospital@db.test/hospital"}


async def test_the_money_side_is_where_the_his_is_asked() -> None:
    settings = Settings.from_environment(
        GIVEN | {"HIS_HTTP_URL": "http://his.test", "HIS_HTTP_TOKEN": "0123456789abcdef"}
    )
    billing = build_billing(settings)

    assert isinstance(billing, RestHisBilling)
    await billing.close()


@pytest.mark.parametrize("missing", ["HIS_HTTP_URL", "HIS_HTTP_TOKEN"])
def test_a_his_without_an_address_or_a_token_is_refused(missing: str) -> None:
    given = {"HIS_HTTP_URL": "http://his.test", "HIS_HTTP_TOKEN": "0123456789abcdef"}
    del given[missing]

    with pytest.raises(SettingsError, match="HIS_HTTP_URL and HIS_HTTP_TOKEN"):
        build_billing(Settings.from_environment(GIVEN | given))
