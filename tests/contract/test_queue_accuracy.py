"""How good the estimated waits were, as the administration shows it."""

from kernel import clock
from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi
from tests.factories.queue import ClinicDay

PATH = "/administration/queue-accuracy"


async def test_a_day_of_one_wait(open_api: OpenApi, office: SlotOffice) -> None:
    day = ClinicDay(open_api.hospital)
    [entry] = await day.waiting(1)
    today = clock.today().isoformat()
    query = f"?date_from={today}&date_until={today}"
    assert await office.ask("GET", PATH + query, status=200) == {"items": []}

    await day.bring_to(entry, "called")

    [shown] = (await office.ask("GET", PATH + query, status=200))["items"]
    assert (shown["clinic_id"], shown["date"], shown["waits"]) == (str(open_api.hospital.clinic_id), today, 1)
    other = f"{query}&clinic_id={open_api.hospital.other_clinic_id}"
    assert await office.ask("GET", PATH + other, status=200) == {"items": []}


async def test_a_year_is_too_long(office: SlotOffice) -> None:
    for days in ("date_from=2026-01-01&date_until=2026-12-31", "date_from=2026-01-02&date_until=2026-01-01"):
        await office.ask("GET", f"{PATH}?{days}", status=422, code="catalogue.range_too_long")
