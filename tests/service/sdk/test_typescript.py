"""sdk/typescript against the real server: what it sends is taken, and what it is told is understood."""

import base64
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from standardwebhooks.webhooks import Webhook

from kernel import clock
from open_api.application import FEATURES
from open_api.openapi import operation_id
from partners.webhooks import signing
from runtime.typescript_sdk import typescript_sdk
from tests.clients import node
from tests.factories.grants import keyed_client
from tests.factories.open_api import BOOKING_SCOPES, Caller, OpenApi, registration
from tests.service.open_api.test_queue_events import Hall

SCRIPT = Path(__file__).with_name("typescript_client.js")


@pytest.fixture
def app(typescript_app: Path) -> Path:
    shutil.copy(SCRIPT, typescript_app)
    return typescript_app


async def play(app: Path, open_api: OpenApi, scenario: str, caller: Caller | None = None, **more: Any) -> Any:
    """Let the application play a scenario, as the portal unless another one is given."""
    caller = caller or open_api.portal
    asked = {
        "scenario": scenario,
        "base_url": open_api.server.base_url,
        "client_id": caller.client_id,
        "secret": caller.secret,
    }
    return await node.run(SCRIPT.name, asked | more, folder=app)


def test_partners_have_a_method_for_each_operation_and_none_of_the_hospitals_own() -> None:
    written = typescript_sdk(FEATURES)["sdk/typescript/src/operations.ts"].decode()
    routes = [route for routes in FEATURES for route in routes]
    names = {operation_id(route): route.staff_only for route in routes}
    for name, staff_only in names.items():
        first, *rest = name.split("_")
        method = first + "".join(part.capitalize() for part in rest)
        assert (f"  {method}(" in written) != staff_only, name


async def test_a_number_is_held_booked_moved_and_given_back(open_api: OpenApi, app: Path) -> None:
    schedule = await open_api.hospital.schedule(seats=1, slots=2)
    slots = [str(slot) for slot in schedule.slots]
    person = registration()
    told = await play(
        app, open_api, "booking", slots=slots, person={"name": person["name"], "document": person["document"]}
    )
    booked = told["booked"]
    assert told["again"] == booked
    assert told["field"] in ("hold_id", "slot_id", "patient_id")
    assert (told["moved"]["slot_id"], told["moved"]["number"]) == (slots[1], booked["number"])
    assert [one["id"] for one in told["listed"]] == [booked["id"]]
    assert (told["cancelled"]["status"], told["cancelled"]["cancel_reason"]) == ("cancelled", "临时有事")
    rows = await open_api.db.fetch("SELECT id, status FROM appointment")
    assert [(str(row["id"]), row["status"]) for row in rows] == [(booked["id"], "cancelled")]


async def test_refusals_are_errors_of_their_own_classes(open_api: OpenApi, app: Path) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    patients = [str(await open_api.patient()) for _ in range(2)]
    told = await play(app, open_api, "soldOut", slot_id=str(schedule.slots[0]), patients=patients)
    assert told.pop("requestId")
    assert told == {
        "code": "booking.sold_out",
        "status": 409,
        "detail": "This time is fully booked. Please choose another.",
        "pointers": ["/patient_id", "/slot_id"],
    }
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 1


async def test_pages_are_turned_and_the_directory_is_only_sent_when_it_changed(open_api: OpenApi, app: Path) -> None:
    made = [str((await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=day))).id) for day in (2, 3, 4)]
    told = await play(app, open_api, "pages", department_id=str(open_api.hospital.department_id))
    assert told["isSame"]
    assert told["isUnchanged"]
    assert {one["id"] for one in told["atOnce"]} == set(made)
    assert told["byOne"] == told["atOnce"]


@pytest.mark.parametrize("curve", ["P-256", "P-384"])
async def test_an_application_proves_itself_by_its_key(open_api: OpenApi, app: Path, curve: str) -> None:
    key, other = ECKey.generate_key(curve), ECKey.generate_key(curve)
    registered = await keyed_client(open_api.db, key, scopes=BOOKING_SCOPES)
    good, bad = (one.as_pem(private=True).decode() for one in (key, other))
    told = await play(app, open_api, "token", client_id=registered.id, pem=good)
    assert set(told["scopes"]) == set(BOOKING_SCOPES)
    assert told["campuses"] > 0
    assert told["isFresh"]
    refused = await play(app, open_api, "tokenRefused", client_id=registered.id, pem=bad)
    assert refused["error"] == "invalid_client"


async def test_a_missing_scope_is_told_apart(open_api: OpenApi, app: Path) -> None:
    told = await play(app, open_api, "missingScope", scopes=["catalogue.read"])
    assert told == {"code": "oauth.insufficient_scope", "scopes": ["catalogue.read"]}


async def test_a_place_is_watched_until_the_visit_is_over(open_api: OpenApi, app: Path) -> None:
    hall = await Hall.build(open_api)
    entry = await hall.come()

    async def visit(_sentence: str) -> str:
        await hall.step(entry, "call", "start", "finish")
        return "done"

    asked = {
        "scenario": "watch",
        "base_url": open_api.server.base_url,
        "client_id": hall.desk.client_id,
        "secret": hall.desk.secret,
        "entry_id": entry,
    }
    told = await node.run(SCRIPT.name, asked, open_page=visit, folder=app)
    assert told["status"] == "finished"
    assert (told["seen"][0], told["seen"][-1]) == ([entry, "waiting"], [entry, "finished"])


@pytest.mark.parametrize("who", ["platform", "library"])
async def test_messages_of_the_platform_and_of_an_independent_library_are_taken(
    open_api: OpenApi, app: Path, who: str
) -> None:
    old, new = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in range(2))
    body = json.dumps({"type": "appointment.cancelled", "data": {"reason": "临时有事"}}, ensure_ascii=False)
    now = clock.now()
    if who == "platform":
        keys = [signing.key_of(new), signing.key_of(old)]
        headers = dict(signing.headers("msg_2", body.encode(), keys=keys, at=now))
    else:
        headers = {
            "webhook-id": "msg_2",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(old).sign("msg_2", now, body),
        }
    assert await play(app, open_api, "webhook", body=body, headers=headers, secrets=[old]) == json.loads(body)
