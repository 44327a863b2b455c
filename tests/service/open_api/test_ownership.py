"""What belongs to one partner is absent to another: every route with an id, read or changed, answers 404."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel import clock
from open_api.routing import Route
from tests.contract.conformity import ROUTES
from tests.contract.requests import body_of
from tests.factories.open_api import Caller, OpenApi, registration
from tests.factories.paying import Till
from tests.factories.queue import ClinicDay
from tests.factories.rush import mark
from tests.factories.sandbox import wait_in_store
from tests.factories.stops import offered_appointment

OWNED = {
    "hold_id",
    "appointment_id",
    "patient_id",
    "entry_id",
    "offer_id",
    "ban_id",
    "ticket_id",
    "webhook_id",
    "delivery_id",
    "fault_id",
    "order_id",
    "payment_id",
    "refund_id",
    "pay_code_id",
}
# The hospital's directory is the same for everybody; what the slot office changes asks for scopes of its own.
COMMON = {"campus_id", "department_id", "clinic_id", "practitioner_id", "schedule_id", "rush_id"}


def ids_in(route: Route) -> set[str]:
    return set(re.findall(r"<(\w+):uuid>", route.path))


PARTNER_ROUTES = [route for route in ROUTES if not route.staff_only]
WITH_OWNED_ID = [route for route in PARTNER_ROUTES if ids_in(route) & OWNED]


@dataclass
class Belongings:
    """A hold, an appointment, a patient and a place on the waitlist of one partner, and a free slot for anybody."""

    hold_id: UUID
    appointment_id: UUID
    patient_id: UUID
    entry_id: UUID
    offer_id: UUID
    free_slot: UUID
    document: dict[str, str]

    @classmethod
    async def of(cls, api: OpenApi, owner: Caller) -> "Belongings":
        schedule = await api.hospital.schedule(seats=5)
        elsewhere = await api.hospital.schedule(seats=1, other_department=True)
        person = registration()
        patient = UUID((await owner.post("/patients", person)).json()["id"])
        hold = await api.hold(schedule.slots[0], patient, owner)
        appointment = await api.book(elsewhere.slots[0], patient, owner)
        full = await api.hospital.schedule(seats=1)
        given_back = await api.book(full.slots[0], await api.patient(api.kiosk), api.kiosk)
        waits = {"target_kind": "schedule", "target_id": str(full.id), "patient_id": str(await api.patient(owner))}
        entry = (await owner.post("/waitlist", waits)).json()["id"]
        await api.kiosk.post(f"/appointments/{given_back}/cancel", {})
        offer = (await owner.get(f"/waitlist/{entry}")).json()["offer_id"]
        return cls(hold, appointment, patient, UUID(entry), UUID(offer), schedule.slots[0], person["document"])


async def place_in_queue(api: OpenApi, owner: Caller) -> UUID:
    """A place of one partner's patient who has gone home, so that its stream of events ends at once."""
    day = ClinicDay(api.hospital)
    [appointment] = await day.book(await day.door())
    await api.db.execute("UPDATE appointment SET client_id = $1 WHERE id = $2", owner.client_id, appointment)
    return (await day.bring_to(await day.come(appointment), "left")).id


async def ticket_of_patient(api: OpenApi, owner: Caller) -> UUID:
    """A ticket of one partner's patient before a release."""
    schedule = await api.hospital.schedule(seats=1, opens_at=clock.now() + timedelta(minutes=5))
    await mark(api.hospital, schedule_id=schedule.id)
    joins = {"schedule_id": str(schedule.id), "patient_id": str(await api.patient(owner))}
    answer = await owner.post("/rush-tickets", joins, headers={"device-id": "installation-1"})
    return UUID(answer.json()["id"])


async def ban_of_patient(api: OpenApi, owner: Caller) -> UUID:
    """A ban of one partner's patient, who has stayed away three times."""
    patient = await api.patient(owner)
    for day in range(3):
        await api.miss_visit(patient, in_days=3 + day)
    return UUID((await owner.get("/bans", params={"patient_id": str(patient)})).json()["items"][0]["id"])


async def webhook_of(api: OpenApi, owner: Caller, *, delivery: bool) -> UUID:
    """An endpoint of one partner, or a message to it that waits."""
    body = {"url": "http://127.0.0.1:9000/webhooks", "event_types": ["*"]}
    webhook = (await owner.post("/webhooks", body)).json()["id"]
    if not delivery:
        return UUID(webhook)
    return UUID((await owner.post(f"/webhooks/{webhook}/test")).json()["id"])


async def money_of(api: OpenApi, owner: Caller, name: str) -> UUID:
    """An order of one partner that is open, a try to pay it, a code for it, or a refund of another."""
    till = await Till.open(api)
    if name == "refund_id":
        paid = await till.paid(caller=owner)
        asked = {"order_id": str(paid.id), "item_nos": ["I1"], "reason": "药品未发"}
        return UUID((await owner.post("/refunds", asked)).json()["id"])
    order = await till.order(caller=owner)
    if name == "pay_code_id":
        return UUID((await owner.post(f"/orders/{order.id}/pay-codes")).json()["id"])
    return order.id if name == "order_id" else (await till.attempt(order, caller=owner)).id


@pytest.mark.parametrize("route", WITH_OWNED_ID, ids=lambda route: route.operation)
async def test_another_partners_things_are_absent(open_api: OpenApi, route: Route) -> None:
    theirs = await Belongings.of(open_api, open_api.portal)
    stranger = await open_api.client()
    [name] = ids_in(route)
    if name == "ban_id":
        owned = await ban_of_patient(open_api, open_api.portal)
    elif name == "ticket_id":
        owned = await ticket_of_patient(open_api, open_api.portal)
    elif name in ("webhook_id", "delivery_id"):
        owned = await webhook_of(open_api, open_api.portal, delivery=name == "delivery_id")
    elif name == "fault_id":
        owned = UUID(await wait_in_store(open_api, open_api.portal, "slow_answer"))
    elif name in ("order_id", "payment_id", "refund_id", "pay_code_id"):
        owned = await money_of(open_api, open_api.portal, name)
    elif route.path.startswith("/queue/"):
        owned = await place_in_queue(open_api, open_api.portal)
    elif "/stop" in route.path:
        owned = await offered_appointment(open_api)
    else:
        owned = getattr(theirs, name)
    before = await open_api.fingerprint()
    address = re.sub(r"<\w+:uuid>", str(owned), route.path)
    body = body_of(route)
    if body and "slot_id" in body:
        body["slot_id"] = str(theirs.free_slot)

    for caller, expected in ((stranger, {404}), (open_api.portal, {200, 201, 409})):
        answer = await caller.send(route.method, address, body=body, key="k1" if route.changes_state else None)
        assert answer.status_code in expected, answer.text
        if caller is stranger:
            assert answer.json()["code"].endswith("not_found")
            assert await open_api.fingerprint() == before


async def test_every_id_in_an_address_is_either_owned_or_common() -> None:
    """A new kind of id is put into one of the two sets, and so into this matrix."""
    assert {name for route in PARTNER_ROUTES for name in ids_in(route)} == OWNED | COMMON


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/holds", ("slot_id", "patient_id")),
        ("/appointments", ("slot_id", "patient_id")),
        ("/appointments", ("hold_id",)),
        ("/orders", ("hold_id",)),
        ("/orders", ("appointment_id",)),
        ("/orders", ("patient_id", "bills")),
        ("/patients/lookup", ("document",)),
        ("/refunds", ("order_id", "reason")),
    ],
)
async def test_another_partners_things_in_a_body_are_absent(
    open_api: OpenApi, path: str, fields: tuple[str, ...]
) -> None:
    theirs = await Belongings.of(open_api, open_api.portal)
    stranger = await open_api.client()
    known: dict[str, Any] = {
        "slot_id": str(theirs.free_slot),
        "patient_id": str(theirs.patient_id),
        "hold_id": str(theirs.hold_id),
        "document": theirs.document,
        "order_id": str((await (await Till.open(open_api)).paid()).id),
        "reason": "药品未发",
        "appointment_id": str(theirs.appointment_id),
        "bills": [{"bill_no": "B1", "hash": "h"}],
    }
    before = await open_api.fingerprint()

    answer = await stranger.post(path, {field: known[field] for field in fields})

    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] in {
        "booking.patient_not_found",
        "booking.appointment_not_found",
        "booking.hold_not_found",
        "patients.not_found",
        "payments.order_not_found",
    }
    assert await open_api.fingerprint() == before


async def test_lists_hold_ones_own_alone(open_api: OpenApi) -> None:
    theirs = await Belongings.of(open_api, open_api.portal)
    stranger = await open_api.client()
    number = (await open_api.portal.get(f"/appointments/{theirs.appointment_id}")).json()["number"]
    for query in ({}, {"patient_id": str(theirs.patient_id)}, {"number": number}):
        assert (await stranger.get("/appointments", params=query)).json() == {"items": [], "next": None}
        own = (await open_api.portal.get("/appointments", params=query)).json()["items"]
        assert [entry["id"] for entry in own] == [str(theirs.appointment_id)]


async def test_a_cursor_of_another_partner_shows_nothing_of_theirs(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=5)
    for _ in range(3):
        await open_api.book(schedule.slots[0], await open_api.patient())
    cursor = (await open_api.portal.get("/appointments", params={"limit": 1})).json()["next"]
    stranger = await open_api.client()
    assert (await stranger.get("/appointments", params={"cursor": cursor})).json()["items"] == []


async def test_the_hospitals_own_applications_see_all(open_api: OpenApi) -> None:
    theirs = await Belongings.of(open_api, open_api.portal)
    for path in (
        f"/holds/{theirs.hold_id}",
        f"/appointments/{theirs.appointment_id}",
        f"/patients/{theirs.patient_id}",
    ):
        assert (await open_api.kiosk.get(path)).status_code == 200


async def test_who_already_booked_a_person_is_not_told_to_others(open_api: OpenApi) -> None:
    """Two partners know one person: the refusal names no appointment that the second could not read."""
    schedule = await open_api.hospital.schedule(seats=5, slots=2)
    person = registration()
    first = UUID((await open_api.portal.post("/patients", person)).json()["id"])
    await open_api.book(schedule.slots[0], first)
    stranger = await open_api.client()
    same = (await stranger.post("/patients", person)).json()["id"]
    assert same == str(first)

    answer = await stranger.post("/appointments", {"slot_id": str(schedule.slots[1]), "patient_id": same})

    assert (answer.status_code, answer.json()["code"]) == (409, "booking.already_booked")
    assert "appointment_id" not in answer.json()
    own = await open_api.portal.post("/appointments", {"slot_id": str(schedule.slots[1]), "patient_id": same})
    assert UUID(own.json()["appointment_id"])
