"""What an id of a path or a body names is the path's person's, or it is absent."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from kernel.errors import NotFound
from kernel.ids import new_id
from oauth.sign_in.subjects import Visit
from patient_app import owned
from patient_app.calls import PatientCall
from payments.relatives import make_pay_code
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import account_actor
from tests.factories.paying import Till, actor_of
from tests.service.open_api.test_ownership import (
    Belongings,
    ban_of_patient,
    money_of,
    place_in_queue,
    ticket_of_patient,
)

Read = Callable[[PatientCall, UUID], Awaitable[Any]]


def call_for(patient_id: UUID) -> PatientCall:
    return PatientCall(
        body={},
        query={},
        path={"patient_id": patient_id},
        visit=Visit("", "127.0.0.1", ""),
        language="zh",
        request_id="request-1",
        acting=account_actor(),
    )


async def make(api: OpenApi, name: str) -> UUID:
    """Something that a partner has made for a patient."""
    portal = api.portal
    if name == "own_pay_code":
        order = await (await Till.open(api)).order()
        return (await make_pay_code(order.id, actor=actor_of(portal))).id
    if name in ("own_order", "own_refund", "own_attempt"):
        if name == "own_attempt":
            till = await Till.open(api)
            return (await till.attempt(await till.order())).id
        return await money_of(api, portal, "refund_id" if name == "own_refund" else "order_id")
    if name == "own_ban":
        return await ban_of_patient(api, portal)
    if name == "own_ticket":
        return await ticket_of_patient(api, portal)
    if name == "own_queue_entry":
        return await place_in_queue(api, portal)
    theirs = await Belongings.of(api, portal)
    found: UUID = {
        "own_appointment": theirs.appointment_id,
        "own_hold": theirs.hold_id,
        "own_waitlist_entry": theirs.entry_id,
        "own_offer": theirs.offer_id,
    }[name]
    return found


_OF_ORDER = "SELECT patient_id FROM payment_order WHERE id = order_id"
OF: dict[str, str] = {
    "own_appointment": "SELECT patient_id FROM appointment WHERE id = $1",
    "own_hold": "SELECT patient_id FROM hold WHERE id = $1",
    "own_waitlist_entry": "SELECT patient_id FROM waitlist_entry WHERE id = $1",
    "own_offer": "SELECT patient_id FROM hold WHERE id = $1",
    "own_queue_entry": "SELECT patient_id FROM visit_queue_entry WHERE id = $1",
    "own_ticket": "SELECT patient_id FROM rush_ticket WHERE id = $1",
    "own_ban": "SELECT patient_id FROM booking_ban WHERE id = $1",
    "own_order": "SELECT patient_id FROM payment_order WHERE id = $1",
    "own_attempt": f"SELECT ({_OF_ORDER}) FROM payment_attempt WHERE id = $1",
    "own_pay_code": f"SELECT ({_OF_ORDER}) FROM pay_code WHERE id = $1",
    "own_refund": f"SELECT ({_OF_ORDER}) FROM payment_refund WHERE id = $1",
}


def test_each_helper_is_asked_here() -> None:
    assert set(OF) == {name for name in vars(owned) if name.startswith("own_")}


@pytest.mark.parametrize("name", OF)
async def test_it_is_the_paths_persons_or_absent(open_api: OpenApi, name: str) -> None:
    read: Read = getattr(owned, name)
    thing = await make(open_api, name)
    person = await open_api.db.fetchval(OF[name], thing)
    stranger = await open_api.patient(name="李四")

    found = await read(call_for(person), thing)
    assert (found["id"] if name == "own_ban" else found.id) == thing
    with pytest.raises(NotFound) as theirs:
        await read(call_for(stranger), thing)
    with pytest.raises(NotFound) as nothing:
        await read(call_for(person), new_id())
    assert (type(theirs.value), theirs.value.details) == (type(nothing.value), nothing.value.details)
