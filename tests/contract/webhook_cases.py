"""Cases of what partners are told: the feed of availability; webhooks, their secrets, deliveries and tries."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx

from booking.availability_feed import KEPT, watch_availability
from kernel import clock
from kernel.ids import new_id
from open_api.paging import write_cursor
from partners.webhooks.endpoints import ENDPOINTS_MAX
from tests.contract.cases import case
from tests.factories.open_api import Caller, OpenApi

WEBHOOKS, WEBHOOK = "/webhooks", "/webhooks/<webhook_id:uuid>"
DELIVERY = "/webhooks/deliveries/<delivery_id:uuid>"
BODY = {"url": "http://127.0.0.1:9000/webhooks", "event_types": ["appointment.*"], "description": "小程序"}
FORGED = {"cursor": "AAAAAAAAAAAAAAAAAAAA"}
SINCE = {"since": "2026-01-01T00:00:00Z"}

Ask = Callable[[Caller, object], Awaitable[httpx.Response]]


async def _webhook(api: OpenApi) -> str:
    answer = await api.portal.post("/webhooks", BODY)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def _delivery(api: OpenApi, *, status: str = "failed", tries: int = 2) -> str:
    """A test message whose tries stand in the record, as a worker leaves it."""
    webhook = await _webhook(api)
    delivery: str = (await api.portal.post(f"/webhooks/{webhook}/test")).json()["id"]
    await api.db.execute(
        "UPDATE webhook_delivery SET status = $2, tries = $3, finished_at = CASE WHEN $2 <> 'pending' THEN now() END"
        " WHERE id = $1",
        delivery,
        status,
        tries,
    )
    for n in range(tries):
        await api.db.execute(
            "INSERT INTO webhook_attempt (delivery_id, at, milliseconds, outcome, status_code, answer)"
            " VALUES ($1, now(), $2, 'refused', 500, 'no')",
            delivery,
            n,
        )
    return delivery


async def _patch(caller: Caller, webhook: object, body: Any = None) -> httpx.Response:
    return await caller.send("PATCH", f"/webhooks/{webhook}", body=body or {"status": "paused"})


async def _rotate(caller: Caller, webhook: object) -> httpx.Response:
    return await caller.post(f"/webhooks/{webhook}/rotate-secret", {"overlap_hours": 1})


async def _list(caller: Caller, webhook: object) -> httpx.Response:
    return await caller.get(f"/webhooks/{webhook}/deliveries", params={"limit": 1, "status": "pending"} | SINCE)


OF_AN_ENDPOINT: dict[str, Ask] = {
    f"GET {WEBHOOK}": lambda caller, webhook: caller.get(f"/webhooks/{webhook}"),
    f"PATCH {WEBHOOK}": _patch,
    f"DELETE {WEBHOOK}": lambda caller, webhook: caller.send("DELETE", f"/webhooks/{webhook}"),
    f"POST {WEBHOOK}/rotate-secret": _rotate,
    f"POST {WEBHOOK}/test": lambda caller, webhook: caller.post(f"/webhooks/{webhook}/test"),
    f"GET {WEBHOOK}/deliveries": _list,
    f"POST {WEBHOOK}/replay": lambda caller, webhook: caller.post(f"/webhooks/{webhook}/replay", SINCE),
}
OF_A_DELIVERY: dict[str, Ask] = {
    f"GET {DELIVERY}/attempts": lambda caller, delivery: caller.get(f"/webhooks/deliveries/{delivery}/attempts"),
    f"POST {DELIVERY}/replay": lambda caller, delivery: caller.post(f"/webhooks/deliveries/{delivery}/replay"),
}


def _declare(operation: str, ask: Ask, make: Callable[[OpenApi], Awaitable[str]], absent: str) -> None:
    @case(operation)
    async def own(api: OpenApi) -> httpx.Response:
        return await ask(api.portal, await make(api))

    @case(operation, absent)
    async def of_another(api: OpenApi) -> httpx.Response:
        answer = await ask(await api.client(), await make(api))
        assert (await ask(api.portal, new_id())).status_code == 404
        return answer


for _operation, _ask in OF_AN_ENDPOINT.items():
    _declare(_operation, _ask, _webhook, "webhooks.not_found")
for _operation, _ask in OF_A_DELIVERY.items():
    _declare(_operation, _ask, _delivery, "webhooks.delivery_not_found")


@case("GET /availability/changes")
async def availability_changes(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    await watch_availability(api.db)
    begun = (await api.portal.get("/availability/changes")).json()
    assert [(one["schedule_id"], one["slots"][0]["available"]) for one in begun["items"]] == [(str(schedule.id), 2)]
    quiet = (await api.portal.get("/availability/changes", params={"cursor": begun["next"]})).json()
    assert quiet["items"] == []
    await api.book(schedule.slots[0], await api.patient())
    await watch_availability(api.db)
    answer = await api.portal.get("/availability/changes", params={"cursor": quiet["next"], "limit": 5})
    assert [one["slots"][0]["available"] for one in answer.json()["items"]] == [1]
    return answer


@case("GET /availability/changes", "request.invalid_cursor")
async def availability_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/availability/changes", params=FORGED)


@case("GET /availability/changes", "booking.feed_cursor_expired")
async def availability_expired(api: OpenApi) -> httpx.Response:
    cursor = write_cursor("availability", 1, (clock.today() - KEPT - timedelta(days=1)).isoformat())
    return await api.portal.get("/availability/changes", params={"cursor": cursor})


@case(f"POST {WEBHOOKS}")
async def subscribe(api: OpenApi) -> httpx.Response:
    answer = await api.portal.post("/webhooks", BODY, key="k1")
    again = await api.portal.post("/webhooks", BODY, key="k1")
    assert again.content == answer.content, "the secret too"
    assert await api.db.fetchval("SELECT count(*) FROM webhook_endpoint") == 1
    shown = (await api.portal.get(answer.headers["location"].removeprefix("/open/v1"))).json()
    assert shown == {name: value for name, value in answer.json().items() if name != "secret"}
    kept = await api.db.fetchval("SELECT string_agg(t::text, '') FROM webhook_secret t")
    assert answer.json()["secret"] not in kept
    return answer


@case(f"POST {WEBHOOKS}", "webhooks.address_refused")
async def subscribe_inside(api: OpenApi) -> httpx.Response:
    answer = await api.portal.post("/webhooks", BODY | {"url": "https://169.254.169.254/latest/meta-data"})
    assert answer.json()["reason"] == "host"
    return answer


@case(f"POST {WEBHOOKS}", "webhooks.limit_reached")
async def subscribe_too_often(api: OpenApi) -> httpx.Response:
    for _ in range(ENDPOINTS_MAX):
        await _webhook(api)
    return await api.portal.post("/webhooks", BODY)


@case(f"GET {WEBHOOKS}")
async def list_webhooks(api: OpenApi) -> httpx.Response:
    webhook = await _webhook(api)
    answer = await api.portal.get("/webhooks")
    assert [one["id"] for one in answer.json()["items"]] == [webhook]
    assert (await (await api.client()).get("/webhooks")).json() == {"items": []}
    return answer


@case(f"PATCH {WEBHOOK}", "webhooks.address_refused")
async def move_inside(api: OpenApi) -> httpx.Response:
    return await _patch(api.portal, await _webhook(api), {"url": "http://127.0.0.1:22/"})


@case(f"POST {WEBHOOK}/test", "webhooks.status_conflict")
async def test_while_paused(api: OpenApi) -> httpx.Response:
    webhook = await _webhook(api)
    assert (await _patch(api.portal, webhook)).json()["status"] == "paused"
    return await api.portal.post(f"/webhooks/{webhook}/test")


@case(f"GET {WEBHOOK}/deliveries", "request.invalid_cursor")
async def list_deliveries_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/webhooks/{await _webhook(api)}/deliveries", params=FORGED)


@case(f"GET {DELIVERY}/attempts", "request.invalid_cursor")
async def list_attempts_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/webhooks/deliveries/{await _delivery(api)}/attempts", params=FORGED)


@case(f"POST {DELIVERY}/replay", "webhooks.delivery_pending")
async def replay_pending(api: OpenApi) -> httpx.Response:
    delivery = await _delivery(api, status="pending", tries=0)
    return await api.portal.post(f"/webhooks/deliveries/{delivery}/replay")
