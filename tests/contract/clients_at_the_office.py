"""The review of client applications that have registered themselves, a part of the slot office's whole work."""

from tests.contract.conftest import SlotOffice
from tests.factories.grants import new_client_id
from tests.factories.oauth import register_client
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def review_clients(open_api: OpenApi, office: SlotOffice) -> None:
    """Two applications wait; one is let in, the other refused, each once."""
    for decision, status in (("approve", "active"), ("refuse", "refused")):
        client = await register_client(open_api.db, client_id=new_client_id(), status="pending")
        waiting = await office.ask("GET", f"{BASE}/clients?status=pending", status=200)
        assert [one["id"] for one in waiting["items"]] == [client.id]
        path = f"{BASE}/clients/{client.id}/{decision}"
        decided = await office.ask("POST", path, status=200)
        assert (decided["id"], decided["status"]) == (client.id, status)
        await office.ask("POST", path, status=409, code="oauth.application_decided")
