"""Pages of the slot office's lists."""

from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def test_a_page_is_not_sent_twice(open_api: OpenApi, office: SlotOffice) -> None:
    first = await open_api.office.get(f"{BASE}/titles")
    again = await open_api.office.get(f"{BASE}/titles", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_cursor_of_another_list_is_refused(open_api: OpenApi, office: SlotOffice) -> None:
    page = await office.ask("GET", f"{BASE}/titles?limit=1", status=200)
    await office.ask("GET", f"{BASE}/pools?cursor={page['next']}", status=400, code="request.invalid_cursor")
