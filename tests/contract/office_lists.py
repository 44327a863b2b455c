"""The slot office's lists, read page by page."""

from typing import Any

from tests.contract.conftest import ADMINISTRATION, SlotOffice


async def list_everything(office: SlotOffice) -> None:
    """Each list, page by page to its end, gives every entry once."""
    for route in ADMINISTRATION:
        if route.query is None or route.response is None or not route.response.endswith("_list.json"):
            continue
        seen: list[Any] = []
        path = f"{route.path}?limit=1"
        for _ in range(200):
            shown = await office.ask("GET", path, status=200)
            seen += shown["items"]
            if shown["next"] is None:
                break
            path = f"{route.path}?limit=1&cursor={shown['next']}"
        names = ("id", "code", "date", "practitioner_id", "department_id", "version", "name", "day")
        keys = [next(str(entry[name]) for name in names if name in entry) for entry in seen]
        assert len(keys) == len(set(keys)), route.path
        whole = await office.ask("GET", f"{route.path}?limit=100", status=200)
        assert whole["items"] == seen[:100], route.path
