"""Booking at a phone: what is said before, one seat for two taps, confirmed or ordered, and what came of it."""

import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from kernel import clock
from tests.factories.booking import ScheduleUnderTest, require_books_agree
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, open_to_app


async def on_sale(api: OpenApi, **more: object) -> ScheduleUnderTest:
    given = {"seats": 1, **more}
    return await open_to_app(api.hospital, await api.hospital.schedule(**given))  # type: ignore[arg-type]  # as given


async def pay_policy(api: OpenApi, policy: str) -> None:
    await api.db.execute("UPDATE registration_payment_rule SET policy = $1", policy)


@pytest.mark.parametrize(
    ("policy", "pay"), [("at-booking", "now"), ("later", "later"), ("at-window", "window"), ("none", "free")]
)
async def test_the_terms_say_what_it_costs_and_until_when_it_can_be_given_back(
    open_api: OpenApi, phone: Phone, policy: str, pay: str
) -> None:
    await pay_policy(open_api, policy)
    schedule = await on_sale(open_api)
    terms = (await phone.get(f"/members/{await phone.add_member()}/slots/{schedule.slots[0]}")).json()
    assert (terms["fee_fen"], terms["pay"], terms["hold_seconds"]) == (1000, pay, 900)
    assert datetime.fromisoformat(terms["cancel_until"]) == schedule.starts_at - timedelta(minutes=30)
    assert (terms["refusal"], terms["hold"]) == (None, None)


async def test_the_terms_say_what_stands_against_it_as_booking_would(open_api: OpenApi, phone: Phone) -> None:
    schedule = await on_sale(open_api)
    await open_api.db.execute("UPDATE clinic SET sex_allowed = 2, age_years_min = 60")
    man = await phone.add_member(sex=1, born=date(1940, 1, 1))
    woman = await phone.add_member("child", sex=2, born=date(2000, 1, 1))
    old_woman = await phone.add_member("parent", sex=2, born=date(1940, 1, 1))

    async def said(person: UUID) -> tuple[str, dict[str, object]] | None:
        refusal = (await phone.get(f"/members/{person}/slots/{schedule.slots[0]}")).json()["refusal"]
        answer = await phone.post(f"/members/{person}/holds", {"slot_id": str(schedule.slots[0])})
        if refusal is None:
            assert answer.status_code == 201
            return None
        assert answer.json()["code"] == refusal["code"]
        return refusal["code"], refusal["details"]

    assert await said(man) == ("booking.patient_not_eligible", {"rule": "sex", "limit": 2})
    assert await said(woman) == ("booking.patient_not_eligible", {"rule": "age_years_min", "limit": 60})
    until = clock.now() + timedelta(days=9)
    await open_api.db.execute("UPDATE patient SET banned_until = $2 WHERE id = $1", old_woman, until)
    banned = await said(old_woman)
    assert banned == ("booking.patient_banned", {"until": until.isoformat()})
    await open_api.db.execute("UPDATE patient SET banned_until = NULL")
    assert await said(old_woman) is None
    other = await on_sale(open_api, opens_at=clock.now() + timedelta(days=1))
    terms = (await phone.get(f"/members/{old_woman}/slots/{other.slots[0]}")).json()
    assert terms["refusal"]["code"] == "booking.not_released"
    assert await open_api.db.fetchval("SELECT count(*) FROM hold") == 1
    await require_books_agree(open_api.db)


async def test_two_taps_at_once_keep_one_seat(open_api: OpenApi, phone: Phone) -> None:
    schedule = await on_sale(open_api, seats=5)
    base = f"/members/{await phone.add_member()}/holds"
    body = {"slot_id": str(schedule.slots[0])}
    answers = await asyncio.gather(*(phone.post(base, body, key="one-tap") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    # Another tap, as of another phone: the seat that is kept is named, not a second one taken.
    refused = await phone.post(base, body, key="another")
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.already_held")
    terms = (await phone.get(f"{base.removesuffix('holds')}slots/{schedule.slots[0]}")).json()
    assert terms["hold"]["id"] == answers[0].json()["id"]
    assert terms["refusal"] is None
    assert await open_api.db.fetchval("SELECT count(*) FROM hold WHERE status = 'active'") == 1
    await require_books_agree(open_api.db)


async def test_where_nothing_is_paid_now_the_seat_is_confirmed_at_once(open_api: OpenApi, phone: Phone) -> None:
    await open_api.db.execute("UPDATE department SET name_zh = '心血管内科', name_en = 'Cardiology'")
    schedule = await on_sale(open_api)
    base = f"/members/{await phone.add_member()}/holds"
    hold = (await phone.post(base, {"slot_id": str(schedule.slots[0])})).json()
    assert hold["pay"] == "later"
    result = (await phone.post(f"{base}/{hold['id']}/confirm", key="k")).json()
    booked = result["appointment"]
    assert (result["outcome"], booked["status"], booked["department"]) == ("booked", "booked", "心血管内科")
    assert datetime.fromisoformat(booked["check_in_from"]) < schedule.starts_at
    assert (await phone.post(f"{base}/{hold['id']}/confirm", key="k")).json()["appointment"]["id"] == booked["id"]
    phone.language = "en"
    again = (await phone.get(f"/members/{booked['patient_id']}/appointments/{booked['id']}/booking")).json()
    assert (again["appointment"]["number"], again["appointment"]["department"]) == (booked["number"], "Cardiology")
    await require_books_agree(open_api.db)


async def test_where_the_fee_is_paid_first_confirming_is_refused_and_an_order_is_made_once(
    open_api: OpenApi, phone: Phone
) -> None:
    await pay_policy(open_api, "at-booking")
    schedule = await on_sale(open_api)
    member = f"/members/{await phone.add_member()}"
    hold = (await phone.post(f"{member}/holds", {"slot_id": str(schedule.slots[0])})).json()
    refused = await phone.post(f"{member}/holds/{hold['id']}/confirm")
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.payment_required")
    order = await phone.post(f"{member}/holds/{hold['id']}/order", key="once")
    assert (order.status_code, order.json()["amount_fen"]) == (201, 1000)
    assert (await phone.post(f"{member}/holds/{hold['id']}/order", key="once")).json() == order.json()
    second = await phone.post(f"{member}/holds/{hold['id']}/order")
    assert (second.status_code, second.json()["order_id"]) == (409, order.json()["order_id"])
    result = (await phone.get(f"{member}/orders/{order.json()['order_id']}/booking")).json()
    assert result == {"outcome": "unpaid", "order_id": order.json()["order_id"], "appointment": None}
    await open_api.db.execute("UPDATE payment_order SET status = 'closed', closed_at = now(), close_reason = 'expired'")
    result = (await phone.get(f"{member}/orders/{order.json()['order_id']}/booking")).json()
    assert result["outcome"] == "failed"


async def test_a_seat_that_is_given_back_is_free_for_others(open_api: OpenApi, phone: Phone) -> None:
    schedule = await on_sale(open_api)
    own, other = await phone.add_member(), await phone.add_member("spouse")
    hold = (await phone.post(f"/members/{own}/holds", {"slot_id": str(schedule.slots[0])})).json()
    full = await phone.post(f"/members/{other}/holds", {"slot_id": str(schedule.slots[0])})
    assert full.json()["code"] == "booking.sold_out"
    assert (await phone.post(f"/members/{own}/holds/{hold['id']}/release")).json()["status"] == "released"
    assert (await phone.get(f"/members/{own}/holds/{hold['id']}")).json()["status"] == "released"
    taken = await phone.post(f"/members/{other}/holds", {"slot_id": str(schedule.slots[0])})
    assert taken.status_code == 201
    # The other's hold is nothing of the first one's.
    assert (await phone.get(f"/members/{own}/holds/{taken.json()['id']}")).status_code == 404
    await require_books_agree(open_api.db)
