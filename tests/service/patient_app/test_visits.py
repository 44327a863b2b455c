"""A phone reads what its member has before and behind them, and cancels, moves, answers a stop, and follows up."""

from datetime import timedelta
from uuid import UUID

from tests.contract.app_visit_cases import a_time, booked, stopped
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, open_to_app
from tests.factories.stops import stop_and_finish


async def test_the_list_tells_what_is_ahead_and_behind_whoever_booked_it(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    for days, caller in ((4, open_api.kiosk), (3, open_api.portal), (5, open_api.kiosk)):
        schedule = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=days))
        await open_api.db.execute(
            "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            caller.client_id,
            own,
        )
        last = await open_api.book(schedule.slots[0], own, caller)
    await phone.post(f"/members/{own}/appointments/{last}/cancel")

    shown = (await phone.get(f"/members/{own}/appointments")).json()

    assert [one["booked_by"] for one in shown["upcoming"]] == ["partner", "window"]
    assert [(one["id"], one["status"]) for one in shown["past"]] == [(str(last), "cancelled")]
    assert (await phone.get(f"/members/{await phone.add_member('child')}/appointments")).json()["upcoming"] == []


async def test_the_past_comes_by_pages(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    for days in (2, 3, 4):
        schedule = await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=days))
        made = await open_api.book(schedule.slots[0], own, open_api.kiosk)
        await open_api.db.execute("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", made)
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        shown = (await phone.get(f"/members/{own}/appointments", params=query)).json()
        seen += [one["id"] for one in shown["past"]]
        if shown["next"] is None:
            break
        query = {"limit": "2", "cursor": shown["next"]}
    assert len(seen) == len(set(seen)) == 3


async def test_a_cancelled_visit_is_over_and_says_so(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    before = (await phone.get(path)).json()
    assert before["options"]["cancel"]["open"]
    assert before["visit"]["next_step"] == "pay"
    both = [await phone.post(f"{path}/cancel", key="c-1") for _ in range(2)]
    assert [one.status_code for one in both] == [200, 200]
    after = both[0].json()
    assert (after["visit"]["status"], after["cancelled_by"]) == ("cancelled", "patient")
    assert not after["options"]["cancel"]["open"]
    assert after["options"]["cancel"]["reason"] == "该预约已取消、已就诊或已结束，不能再变更"


async def test_too_late_is_told_before_and_after_the_tap(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    await open_api.rule(cancel_minutes_before=7 * 24 * 60)
    told = (await phone.get(path)).json()["options"]
    assert told["cancel"]["reason"] == told["reschedule"]["reason"] == "已过取消和改约的截止时间"
    refused = await phone.post(f"{path}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "booking.cancel_deadline_passed")


async def test_a_visit_is_moved_to_a_time_that_is_told_and_only_so_often(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    await open_api.rule(reschedule_limit=1)
    told = (await phone.get(f"{path}/times")).json()
    assert [one["date"] for one in told["days"]] == [told["date"]], "its own half hour is none to move to"
    moved = (await phone.post(f"{path}/reschedule", await a_time(phone, f"{path}/times"))).json()
    assert moved["visit"]["date"] == told["date"]
    assert moved["options"]["reschedule"]["reason"] == "该预约的改约次数已达上限"
    assert moved["options"]["cancel"]["open"]


async def test_a_paid_visit_moves_to_no_dearer_time(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    await open_api.db.execute("UPDATE appointment SET payment = 'paid' WHERE id = $1", UUID(path[-36:]))
    day = (await phone.get(f"{path}/times")).json()["days"][-1]["date"]
    await open_api.db.execute("UPDATE schedule SET fee_fen = fee_fen + 1 WHERE clinic_date = $1::text::date", day)
    told = (await phone.get(f"{path}/times")).json()
    assert day not in [one["date"] for one in told["days"]]
    assert told["left_out_for_fee"] >= 1
    await open_api.db.execute("UPDATE schedule SET fee_fen = fee_fen - 101 WHERE clinic_date = $1::text::date", day)
    cheaper = (await phone.get(f"{path}/times", params={"date": day})).json()["clinics"][0]
    assert cheaper["returns_fen"] == 100


async def test_a_stopped_clinic_offers_times_and_one_is_taken(open_api: OpenApi, phone: Phone) -> None:
    path = await stopped(open_api, phone)
    shown = (await phone.get(path)).json()
    assert (shown["visit"]["next_step"], shown["visit"]["stop"]) == ("answer_stop", "offered")
    assert not shown["options"]["cancel"]["open"]
    [todo] = (await phone.get(path.rpartition("/appointments")[0] + "/home")).json()["todos"]
    assert (todo["kind"], todo["id"]) == ("stopped", path[-36:])
    chosen = (await phone.post(f"{path}/stop/choose", await a_time(phone, f"{path}/stop"))).json()
    assert (chosen["visit"]["status"], chosen["visit"]["stop"]) == ("booked", "chosen")
    late = await phone.post(f"{path}/stop/decline")
    assert (late.status_code, late.json()["code"]) == (409, "stops.offer_ended")


async def test_an_offer_of_a_stopped_clinic_is_declined(open_api: OpenApi, phone: Phone) -> None:
    path = await stopped(open_api, phone)
    declined = (await phone.post(f"{path}/stop/decline")).json()
    assert (declined["visit"]["status"], declined["cancelled_by"]) == ("cancelled", "hospital")
    after = (await phone.get(f"{path}/stop")).json()
    assert (after["status"], after["can_answer"], after["clinics"]) == ("cancelled", False, [])


async def test_a_number_of_a_partner_is_moved_by_the_phone_to_what_the_app_may_book(
    open_api: OpenApi, phone: Phone
) -> None:
    own = await phone.add_member()
    await open_api.db.execute(
        "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2)", open_api.portal.client_id, own
    )
    schedule = await open_api.hospital.schedule(seats=1)
    await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=3))
    visit = await open_api.book(schedule.slots[0], own, open_api.portal)

    await stop_and_finish(schedule, steps=("offer", "cancel"))
    path = f"/members/{own}/appointments/{visit}"
    assert (await phone.get(f"{path}/stop")).json()["clinics"] == [], "the app has no numbers there"
    await open_to_app(open_api.hospital, await open_api.hospital.schedule(seats=1, starts_in=timedelta(days=4)))
    offered = (await phone.get(f"{path}/stop")).json()
    assert len(offered["clinics"]) == 1
    chosen = await phone.post(f"{path}/stop/choose", await a_time(phone, f"{path}/stop"))
    assert chosen.json()["visit"]["stop"] == "chosen"


async def test_a_visit_gives_one_free_follow_up(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    assert (await phone.get(path)).json()["options"]["follow_up"]["reason"] == "首次就诊尚未完成，不能预约免费复诊"
    await open_api.db.execute("UPDATE appointment SET status = 'fulfilled' WHERE id = $1", UUID(path[-36:]))
    shown = (await phone.get(path)).json()
    assert shown["options"]["follow_up"]["open"]
    made = await phone.post(f"{path}/follow-up", await a_time(phone, f"{path}/follow-up/times"))
    assert made.status_code == 201
    visit = made.json()["visit"]
    assert (visit["fee_fen"], visit["is_follow_up"], visit["next_step"]) == (0, True, None)
    after = (await phone.get(path)).json()
    assert after["follow_up_id"] == visit["id"]
    assert not after["options"]["follow_up"]["open"]
    again = await phone.get(f"{path}/follow-up/times")
    assert (again.status_code, again.json()["code"]) == (409, "booking.follow_up_used")
    moves = (await phone.get(f"/members/{visit_owner(path)}/appointments/{visit['id']}/times")).json()
    assert all(one["fee_fen"] == 0 for one in moves["clinics"])


def visit_owner(path: str) -> str:
    """The person of an address."""
    return path.split("/")[2]


async def test_the_order_for_a_fee_is_made_once(open_api: OpenApi, phone: Phone) -> None:
    path = await booked(open_api, phone)
    first = (await phone.post(f"{path}/order")).json()["order_id"]
    assert (await phone.post(f"{path}/order")).json()["order_id"] == first
    shown = (await phone.get(path)).json()
    assert (shown["visit"]["order_id"], shown["visit"]["payment"]) == (first, "open")
