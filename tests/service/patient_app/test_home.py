"""The first screen: the nearest visit whoever booked it, and what waits for an answer or for money."""

from dataclasses import replace
from datetime import timedelta

from notifications.telling import tell
from tests.factories.notifications import Centre
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.paying import Till
from tests.factories.waiting_rooms import Visitor


async def test_a_new_member_has_nothing_to_do(phone: Phone) -> None:
    assert (await phone.get(f"/members/{await phone.add_member()}/home")).json() == {
        "next_visit": None,
        "todos": [],
        "notices": [],
        "unread": 0,
    }


async def test_the_nearest_visit_is_shown_in_the_language_asked_for(open_api: OpenApi, phone: Phone) -> None:
    await open_api.db.execute("UPDATE department SET name_zh = '心内科', name_en = 'Cardiology'")
    later = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=4))
    sooner = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=3), other_department=True)
    own = await phone.add_member()
    booked = [await open_api.book(one.slots[0], own, open_api.kiosk) for one in (later, sooner)]

    visit = (await phone.get(f"/members/{own}/home")).json()["next_visit"]
    assert (visit["id"], visit["status"], visit["queue_number"]) == (str(booked[1]), "booked", 1)
    assert visit["department"] == "心内科"
    phone.language = "en"
    assert (await phone.get(f"/members/{own}/home")).json()["next_visit"]["department"] == "Cardiology"

    await open_api.kiosk.post(f"/appointments/{booked[1]}/cancel", {})
    visit = (await phone.get(f"/members/{own}/home")).json()["next_visit"]
    assert visit["id"] == str(booked[0])


async def test_an_offer_of_the_waitlist_waits_until_its_end(open_api: OpenApi, phone: Phone) -> None:
    own, other = await phone.add_member(), await open_api.patient(open_api.kiosk)
    full = await open_api.hospital.schedule(seats=1)
    taken = await open_api.book(full.slots[0], other, open_api.kiosk)
    waits = {"target_kind": "schedule", "target_id": str(full.id), "patient_id": str(own)}
    entry = (await open_api.kiosk.post("/waitlist", waits)).json()["id"]
    assert (await phone.get(f"/members/{own}/home")).json()["todos"] == []
    await open_api.kiosk.post(f"/appointments/{taken}/cancel", {})
    offer = (await open_api.kiosk.get(f"/waitlist/{entry}")).json()["offer_id"]
    [todo] = (await phone.get(f"/members/{own}/home")).json()["todos"]
    assert (todo["kind"], todo["id"], todo["amount_fen"]) == ("waitlist_offer", offer, None)


async def test_an_open_order_waits_to_be_paid(open_api: OpenApi, phone: Phone) -> None:
    till = await Till.open(open_api)
    order = await till.order()
    own = await phone.add_member()
    await open_api.db.execute("UPDATE payment_order SET patient_id = $1 WHERE id = $2", own, order.id)
    [todo] = (await phone.get(f"/members/{own}/home")).json()["todos"]
    assert (todo["kind"], todo["id"], todo["amount_fen"]) == ("payment", str(order.id), order.amount_fen)
    phone.language = "en"
    [todo] = (await phone.get(f"/members/{own}/home")).json()["todos"]
    assert todo["title"] == "Outpatient bills"


async def test_the_newest_unread_messages_stand_on_it_until_they_are_read(open_api: OpenApi, phone: Phone) -> None:
    own, mother = await phone.add_member(), await phone.add_member("parent")
    centre = Centre(open_api.db)
    for number in range(4):
        await centre.tell("bill.new", mother if number == 3 else own, key=f"bill:{number}")
    inbox = [one["id"] for one in (await phone.get("/messages")).json()["items"]]
    home = (await phone.get(f"/members/{own}/home")).json()
    assert [one["id"] for one in home["notices"]] == inbox[:3]
    assert (home["notices"][0]["patient_id"], home["unread"]) == (str(mother), 4)

    await phone.post(f"/messages/{inbox[0]}/read")
    home = (await phone.get(f"/members/{own}/home")).json()
    assert ([one["id"] for one in home["notices"]], home["unread"]) == (inbox[1:], 3)


async def test_a_message_of_what_is_to_be_done_is_not_told_twice(open_api: OpenApi, phone: Phone) -> None:
    till = await Till.open(open_api)
    order = await till.order()
    own = await phone.add_member()
    await open_api.db.execute("UPDATE payment_order SET patient_id = $1 WHERE id = $2", own, order.id)
    centre = Centre(open_api.db)
    occurrence = centre.occurrence("payment.paid", own, key="event:1")
    async with open_api.db.transaction() as tx:
        await tell(tx, [replace(occurrence, subject_kind="order", subject_id=str(order.id))])
    home = (await phone.get(f"/members/{own}/home")).json()
    assert ([one["id"] for one in home["todos"]], home["notices"], home["unread"]) == ([str(order.id)], [], 1)


async def test_nobody_is_called_in_whom_the_doctor_has_seen(open_api: OpenApi, phone: Phone) -> None:
    visitor = await Visitor.in_queue(open_api, phone)
    called = Centre(open_api.db).occurrence("queue.called", visitor.patient_id, key="call:1")
    async with open_api.db.transaction() as tx:
        await tell(tx, [replace(called, subject_id=str(visitor.appointment_id))])
    await visitor.step("call")
    home = (await phone.get(f"/members/{visitor.patient_id}/home")).json()
    assert [one["kind"] for one in home["notices"]] == ["queue.called"]
    await visitor.step("start", "finish")
    home = (await phone.get(f"/members/{visitor.patient_id}/home")).json()
    assert (home["notices"], home["unread"]) == ([], 1)
