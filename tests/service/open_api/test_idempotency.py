"""The same key and the same request: one effect and one answer, however often and however soon it is sent."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from open_api.routing import Route
from tests.contract.conformity import ROUTES
from tests.contract.requests import address_of, body_of
from tests.factories.open_api import OpenApi, registration
from tests.factories.paying import Till

# The slot office's have their own tests: its changes are refused as empty before a key is looked at.
CHANGING = [route for route in ROUTES if route.changes_state and not route.staff_only]
AT_ONCE = 8

Prepare = Callable[[OpenApi], Awaitable[tuple[str, Any]]]


async def _slot_and_patient(api: OpenApi) -> dict[str, str]:
    schedule = await api.hospital.schedule(seats=20)
    return {"slot_id": str(schedule.slots[0]), "patient_id": str(await api.patient())}


async def _register(_api: OpenApi) -> tuple[str, Any]:
    return "/patients", registration()


async def _hold(api: OpenApi) -> tuple[str, Any]:
    return "/holds", await _slot_and_patient(api)


async def _book(api: OpenApi) -> tuple[str, Any]:
    return "/appointments", await _slot_and_patient(api)


async def _confirm(api: OpenApi) -> tuple[str, Any]:
    hold = await api.portal.post("/holds", await _slot_and_patient(api))
    return "/appointments", {"hold_id": hold.json()["id"]}


async def _release(api: OpenApi) -> tuple[str, Any]:
    hold = await api.portal.post("/holds", await _slot_and_patient(api))
    return f"/holds/{hold.json()['id']}/release", None


async def _cancel(api: OpenApi) -> tuple[str, Any]:
    booked = await api.portal.post("/appointments", await _slot_and_patient(api))
    return f"/appointments/{booked.json()['id']}/cancel", {"reason": "临时有事"}


async def _move(api: OpenApi) -> tuple[str, Any]:
    booked = await api.portal.post("/appointments", await _slot_and_patient(api))
    schedule = await api.hospital.schedule(seats=2, starts_in=timedelta(days=4))
    return f"/appointments/{booked.json()['id']}/reschedule", {"slot_id": str(schedule.slots[0])}


async def _join(api: OpenApi) -> tuple[str, Any]:
    schedule = await api.hospital.schedule(seats=1)
    await api.book(schedule.slots[0], await api.patient())
    patient = await api.patient()
    return "/waitlist", {"target_kind": "schedule", "target_id": str(schedule.id), "patient_id": str(patient)}


async def _leave(api: OpenApi) -> tuple[str, Any]:
    path, body = await _join(api)
    entry = (await api.portal.post(path, body)).json()["id"]
    return f"/waitlist/{entry}/withdraw", None


async def _subscribe(_api: OpenApi) -> tuple[str, Any]:
    return "/webhooks", {"url": "http://127.0.0.1:9000/webhooks", "event_types": ["*"]}


async def _rotate(api: OpenApi) -> tuple[str, Any]:
    webhook = (await api.portal.post(*await _subscribe(api))).json()["id"]
    return f"/webhooks/{webhook}/rotate-secret", {"overlap_hours": 1}


async def _test_webhook(api: OpenApi) -> tuple[str, Any]:
    webhook = (await api.portal.post(*await _subscribe(api))).json()["id"]
    return f"/webhooks/{webhook}/test", None


async def _pay(api: OpenApi) -> tuple[str, Any]:
    till = await Till.open(api)
    await till.at_the_channel()
    return f"/orders/{(await till.order()).id}/payments", {"channel": "wechatpay", "scene": "native_code"}


async def _give_up(api: OpenApi) -> tuple[str, Any]:
    return f"/orders/{(await (await Till.open(api)).order()).id}/close", None


async def _ask_back(api: OpenApi) -> tuple[str, Any]:
    order = await (await Till.open(api)).paid()
    return "/refunds", {"order_id": str(order.id), "reason": "药品未发"}


async def _code(api: OpenApi) -> tuple[str, Any]:
    return f"/orders/{(await (await Till.open(api)).order()).id}/pay-codes", None


async def _order(api: OpenApi) -> tuple[str, Any]:
    hold = await api.portal.post("/holds", await _slot_and_patient(api))
    await api.db.execute("UPDATE schedule SET fee_fen = 2500")
    return "/orders", {"hold_id": hold.json()["id"]}


CHANGES: dict[str, Prepare] = {
    "register": _register,
    "hold": _hold,
    "book": _book,
    "confirm": _confirm,
    "release": _release,
    "cancel": _cancel,
    "move": _move,
    "join": _join,
    "leave": _leave,
    "subscribe": _subscribe,
    "rotate": _rotate,
    "test_webhook": _test_webhook,
    "pay": _pay,
    "give_up": _give_up,
    "ask_back": _ask_back,
    "code": _code,
    "order": _order,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_one_key_is_one_effect_and_one_answer(open_api: OpenApi, change: str) -> None:
    path, body = await CHANGES[change](open_api)

    first = await open_api.portal.post(path, body, key="k1")
    after = await open_api.fingerprint()
    again = [await open_api.portal.post(path, body, key="k1") for _ in range(3)]

    assert first.is_success, first.text
    assert {(answer.status_code, answer.content) for answer in again} == {(first.status_code, first.content)}
    assert await open_api.fingerprint() == after


@pytest.mark.parametrize("change", CHANGES)
async def test_one_key_sent_many_times_at_once(open_api: OpenApi, change: str) -> None:
    path, body = await CHANGES[change](open_api)
    events = await _count_events(open_api)

    answers = await asyncio.gather(*(open_api.portal.post(path, body, key="k1") for _ in range(AT_ONCE)))

    assert {answer.is_success for answer in answers} == {True}, [answer.text for answer in answers]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert await _count_events(open_api) == events + (2 if change == "move" else 1)


async def _count_events(api: OpenApi) -> int:
    found: int = await api.db.fetchval(
        "SELECT (SELECT count(*) FROM booking_event WHERE kind <> 'returned')"
        " + (SELECT count(*) FROM patient_event WHERE kind = 'registered') + (SELECT count(*) FROM waitlist_event)"
        " + (SELECT count(*) FROM webhook_secret) + (SELECT count(*) FROM webhook_delivery)"
        " + (SELECT count(*) FROM payment_event WHERE kind IN ('payment.attempted', 'payment.closed',"
        "    'payment.created', 'payment.refund_requested')) + (SELECT count(*) FROM pay_code)"
    )
    return found


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.operation)
async def test_a_key_used_for_something_else_is_refused_everywhere(open_api: OpenApi, route: Route) -> None:
    caller = await open_api.client("internal", channel="kiosk", scopes=[route.scope, "patients.write"])
    elsewhere = "/patients" if route.path != "/patients" else "/holds"
    if elsewhere == "/holds":
        schedule = await open_api.hospital.schedule(seats=1)
        caller = await open_api.client("internal", channel="kiosk")
        held = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
        used = await caller.post("/holds", held, key="k1")
    else:
        used = await caller.post("/patients", registration(), key="k1")
    assert used.status_code == 201, used.text
    before = await open_api.fingerprint()

    answer = await caller.send(route.method, address_of(route), body=body_of(route), key="k1")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.mismatch"), answer.text
    assert answer.json()["field"] == "operation"
    assert await open_api.fingerprint() == before


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": "李四"}),
        ("phone", {"phone": "13800138000"}),
        ("document", {"document": {"type": "PPN", "number": "E12345678"}}),
    ],
)
async def test_the_field_that_differs_is_named(open_api: OpenApi, field: str, change: dict[str, Any]) -> None:
    person = registration()
    assert (await open_api.portal.post("/patients", person, key="k1")).status_code == 201
    before = await open_api.fingerprint()
    more = {"sex": 1, "birth_date": "1990-01-01"} if field == "document" else {}
    answer = await open_api.portal.post("/patients", person | change | more, key="k1")
    expected = "birth_date" if more else field
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        409,
        "idempotency.mismatch",
        expected,
    )
    assert await open_api.fingerprint() == before


async def test_another_slot_under_the_same_key_is_refused(open_api: OpenApi) -> None:
    path, body = await _book(open_api)
    other = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=5))
    assert (await open_api.portal.post(path, body, key="k1")).status_code == 201
    answer = await open_api.portal.post(path, body | {"slot_id": str(other.slots[0])}, key="k1")
    assert (answer.json()["code"], answer.json()["field"]) == ("idempotency.mismatch", "slot_id")


async def test_another_appointment_under_the_same_key_is_refused(open_api: OpenApi) -> None:
    path, body = await _cancel(open_api)
    other, _ = await _cancel(open_api)
    assert (await open_api.portal.post(path, body, key="k1")).status_code == 200
    answer = await open_api.portal.post(other, body, key="k1")
    assert (answer.json()["code"], answer.json()["field"]) == ("idempotency.mismatch", "appointment_id")


async def test_the_order_of_fields_makes_no_other_request(open_api: OpenApi) -> None:
    path, body = await _book(open_api)
    first = await open_api.portal.post(path, body, key="k1")
    again = await open_api.portal.post(path, dict(reversed(body.items())), key="k1")
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_plain_refusal_is_not_kept(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    taken = await open_api.book(schedule.slots[0], await open_api.patient())
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    refused = await open_api.portal.post("/appointments", body, key="k1")
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.sold_out")
    assert await open_api.db.fetchval("SELECT count(*) FROM idempotency_key") == 0
    assert (await open_api.portal.post(f"/appointments/{taken}/cancel", {})).status_code == 200

    assert (await open_api.portal.post("/appointments", body, key="k1")).status_code == 201


async def test_keys_of_two_clients_are_apart(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    other = await open_api.client()
    answers: list[httpx.Response] = []
    for caller in (open_api.portal, other):
        body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient(caller))}
        answers.append(await caller.post("/appointments", body, key="k1"))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


@pytest.mark.parametrize("turn", ["clinic closed", "release taken back", "sold out", "cancelled since"])
async def test_the_first_answer_stands_after_the_rules_turned_against_it(open_api: OpenApi, turn: str) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await open_api.patient())}
    first = await open_api.portal.post("/appointments", body, key="k1")
    if turn == "clinic closed":
        await open_api.db.execute("UPDATE clinic SET active = false")
    elif turn == "release taken back":
        await open_api.db.execute("DELETE FROM schedule_release")
    elif turn == "cancelled since":
        assert (await open_api.portal.post(f"/appointments/{first.json()['id']}/cancel", {})).status_code == 200

    again = await open_api.portal.post("/appointments", body, key="k1")

    assert (again.status_code, again.content) == (201, first.content)
    assert Counter(row["status"] for row in await open_api.db.fetch("SELECT status FROM appointment")) == {
        "cancelled" if turn == "cancelled since" else "booked": 1
    }


@pytest.mark.parametrize("key", ["", "a b", "ключ", "x" * 129, "tab\tbed"])
async def test_a_key_that_is_none_is_refused(open_api: OpenApi, key: str) -> None:
    before = await open_api.fingerprint()
    headers = {**open_api.portal.headers(), "idempotency-key": key}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await open_api.http.post("/open/v1/patients", headers=raw, json=registration())
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid_idempotency_key")
    assert await open_api.fingerprint() == before


async def test_a_look_up_takes_no_key(open_api: OpenApi) -> None:
    document = {"document": registration()["document"]}
    assert (await open_api.portal.post("/patients/lookup", document, key="k1")).status_code == 404
    assert await open_api.db.fetchval("SELECT count(*) FROM idempotency_key") == 0
