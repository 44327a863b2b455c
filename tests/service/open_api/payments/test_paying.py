"""From an order to money on its way back, over HTTP and the real wire of WeChat Pay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from payments.gateways.wechatpay.gateway import WechatPayGateway
from payments.invariants import find_broken
from payments.orders import Order
from tests.factories.open_api import OpenApi
from tests.factories.paying import Till
from tests.factories.payments import PAYER

ON_A_PHONE = {"channel": "wechatpay", "scene": "mini_program", "payer": PAYER}
LOOKS_MAX = 200
SECONDS_AHEAD_MAX = 60


@pytest.fixture
async def gateway(open_api: OpenApi) -> AsyncIterator[WechatPayGateway]:
    open_api.channel.come(afresh=True)
    async with open_api.channel.own_gateway() as gateway:
        yield gateway


@pytest.fixture
async def till(open_api: OpenApi, gateway: WechatPayGateway) -> Till:
    till = await Till.open(open_api)
    await till.at_the_channel(gateway)
    return till


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(LOOKS_MAX):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came")


async def stored(till: Till, count: int) -> None:
    """Wait until so many notifications are in the inbox.

    The channel's time runs ahead by a minute at most, so that its refunds end and what it signs is still fresh.
    """
    ahead = iter(range(SECONDS_AHEAD_MAX // 2))

    async def are_there() -> bool:
        if next(ahead, None) is not None:
            till.api.channel.advance(timedelta(seconds=2))
        found: int = await till.api.db.fetchval("SELECT count(*) FROM payment_notification")
        return found >= count

    await until(are_there)


async def start(till: Till, order: Order) -> dict[str, Any]:
    answer = await till.api.portal.post(f"/orders/{order.id}/payments", ON_A_PHONE, key="pay-1")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def status(till: Till, order: Order) -> str:
    return str((await till.api.portal.get(f"/orders/{order.id}")).json()["status"])


async def test_the_whole_way(till: Till) -> None:
    """Order, pay parameters, notification, paid, settled, refund, its notification, refunded; and who was told."""
    api, order = till.api, await till.order(9000)
    started = await start(till, order)
    assert started["parameters"]["package"].startswith("prepay_id=")
    api.channel.pay(started["payment_no"], openid=PAYER)
    await stored(till, 1)
    assert await status(till, order) == "open"
    await till.payments.settle_down()
    assert await status(till, order) == "settled"
    assert (await api.portal.get(f"/payments/{started['id']}")).json()["status"] == "paid"

    body = {"order_id": str(order.id), "item_nos": ["I1"], "reason": "药品未发"}
    refund = (await api.portal.post("/refunds", body, key="refund-1")).json()
    await till.payments.settle_down()
    await stored(till, 2)
    await till.payments.settle_down()
    assert (await api.portal.get(f"/refunds/{refund['id']}")).json()["status"] == "succeeded"
    shown = (await api.portal.get(f"/orders/{order.id}")).json()
    assert (shown["status"], shown["refunded_fen"]) == ("settled", 8900)

    rest = await api.portal.post("/refunds", {"order_id": str(order.id), "reason": "余下退回"})
    assert rest.json()["amount_fen"] == 100
    # The channel wants a minute between two refunds of one payment; the timetable waits for it.
    api.channel.advance(timedelta(seconds=61))
    await till.payments.pass_time(until=timedelta(minutes=3))
    await stored(till, 3)
    await till.payments.settle_down()
    assert await status(till, order) == "refunded"
    assert till.payments.his.calls["settle"] == 1
    assert await find_broken(api.db) == []


async def test_what_nobody_told_is_asked_for_by_whoever_reads(till: Till) -> None:
    """However many read, the channel is asked once in a while; what it says is a fact like any other."""
    api, order = till.api, await till.order()
    started = await start(till, order)
    api.channel.fault("notification_dropped", times=None)
    api.channel.pay(started["payment_no"], openid=PAYER)

    answers = await asyncio.gather(*(api.portal.get(f"/payments/{started['id']}") for _ in range(6)))

    assert {one.status_code for one in answers} == {200}
    assert "paid" in {one.json()["status"] for one in answers}
    source = await api.db.fetchval("SELECT source FROM payment_transaction")
    assert source == "query"
    assert await api.db.fetchval("SELECT count(*) FROM payment_notification") == 0
    await till.payments.settle_down()
    assert await find_broken(api.db) == []


async def test_a_reader_learns_what_is_known_while_the_channel_is_silent(till: Till) -> None:
    api, order = till.api, await till.order()
    started = await start(till, order)
    api.channel.fault("answer_lost", times=None)
    answer = await api.portal.get(f"/payments/{started['id']}")
    assert (answer.status_code, answer.json()["status"]) == (200, "prepared")


async def test_only_the_application_and_the_hospital_see_it(till: Till) -> None:
    api, order = till.api, await till.order()
    started = await start(till, order)
    stranger = await api.client()
    before = await api.fingerprint()
    for path in (f"/orders/{order.id}", f"/orders/{order.id}/payments", f"/payments/{started['id']}"):
        assert (await stranger.get(path)).status_code == 404
        assert (await api.kiosk.get(path)).status_code == 200
    assert (await stranger.post(f"/orders/{order.id}/close")).status_code == 404
    asked = await api.fingerprint()
    # The kiosk's reading had the channel asked, and nothing else.
    assert {name for name in before if before[name] != asked[name]} <= {"payment_attempt"}


async def test_an_access_is_in_the_patients_log(till: Till) -> None:
    api, order = till.api, await till.order()
    started = await start(till, order)
    paths = (f"/orders/{order.id}", "/orders", f"/orders/{order.id}/payments", f"/payments/{started['id']}", "/refunds")
    last = await api.db.fetchval("SELECT max(id) FROM patient_access_log")
    for path in paths:
        assert (await api.portal.get(path)).status_code == 200
    rows = await api.db.fetch(
        "SELECT operation, action, patient_id FROM patient_access_log WHERE id > $1 ORDER BY id", last
    )
    assert [row["operation"] for row in rows] == [
        "GET /orders/<order_id:uuid>",
        "GET /orders",
        "GET /orders/<order_id:uuid>/payments",
        "GET /payments/<payment_id:uuid>",
    ]
    assert {(row["action"], row["patient_id"]) for row in rows} == {("read", order.patient_id)}


async def test_a_large_refund_waits_for_a_second_person(open_api: OpenApi) -> None:
    """Somebody asks; above the limit somebody approves, and never who asked."""
    api, till = open_api, await Till.open(open_api)
    order = await till.paid(80_000)
    small = await api.portal.post("/refunds", {"order_id": str(order.id), "item_nos": ["I2"], "reason": "退药"})
    assert small.json()["status"] == "reversing"
    api.office.staff_code, other = await api.staff(), await api.staff()
    asked = await api.office.post("/refunds", {"order_id": str(order.id), "reason": "退药"})
    assert (asked.json()["amount_fen"], asked.json()["status"]) == (79_900, "requested")
    path = f"/administration/finance/refunds/{asked.json()['id']}"
    own = await api.office.post(f"{path}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "payments.second_person_required")
    api.office.staff_code = other
    approved = await api.office.post(f"{path}/approve", key="approve-1")
    assert (approved.json()["status"], approved.json()["approved_by"]) == ("reversing", other)
    assert (await api.office.post(f"{path}/approve", key="approve-1")).json() == approved.json()
    again = await api.office.post(f"{path}/decline")
    assert (again.status_code, again.json()["code"]) == (409, "payments.refund_not_waiting")
    await till.payments.settle_down()
    assert await find_broken(api.db) == []
