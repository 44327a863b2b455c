"""What happened becomes a message in each inbox it concerns, once, and in nobody else's."""

from kernel import clock
from notifications.ways import Ways
from tests.factories.notifications import NOON, Centre


async def test_everybody_who_acts_for_the_person_is_told(centre: Centre) -> None:
    mother = await centre.person("王小明")
    daughter, son = await centre.account(mother), await centre.account(mother)
    stranger = await centre.account(await centre.person())

    assert await centre.tell("appointment.booked", mother) == 2

    for account in (daughter, son):
        (message,) = await centre.inbox(account)
        assert message["zh"]["title"] == "预约成功"
        assert message["zh"]["body"] == (
            "王**已预约12月1日（周二）08:30 心血管内科 李明医生，天河院区，第12号。请按时到院签到。"
        )
        assert message["en"]["body"].startswith("王** has an appointment on Tue 1 Dec 08:30: Cardiology, Dr 李明")
    assert await centre.inbox(stranger) == []


async def test_an_event_told_again_is_no_second_message(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)

    assert [await centre.tell("appointment.booked", person) for _ in range(3)] == [1, 0, 0]
    assert len(await centre.inbox(account)) == 1


async def test_whoever_joins_later_is_not_told_of_the_past(centre: Centre) -> None:
    person = await centre.person()
    assert await centre.tell("appointment.booked", person) == 0
    account = await centre.account(person)
    assert await centre.inbox(account) == []


async def test_an_unbound_member_and_a_closed_account_are_not_told(centre: Centre) -> None:
    person = await centre.person()
    unbound, closed = await centre.account(person), await centre.account(person)
    await centre.db.execute(
        "UPDATE patient_account_member SET ended_at = $2 WHERE account_id = $1", unbound, clock.now()
    )
    await centre.db.execute(
        "UPDATE patient_account SET status = 'closed', closed_at = $2 WHERE id = $1", closed, clock.now()
    )
    assert await centre.tell("stop.cancelled", person) == 0
    assert await centre.deliveries() == []


async def test_a_kind_that_is_switched_off_is_not_told(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    await centre.db.execute("UPDATE notification_kind SET active = false WHERE code = 'bill.new'")
    assert await centre.tell("bill.new", person) == 0


async def test_words_are_sealed(centre: Centre) -> None:
    person = await centre.person("欧阳修")
    await centre.account(person)
    await centre.tell("appointment.booked", person)
    content = await centre.db.fetchval("SELECT content_cipher FROM notification")
    assert "心血管".encode() not in content
    assert "欧".encode() not in content


async def test_everyday_messages_are_not_put_on_the_telephone(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person)
    await centre.tell("appointment.booked", person)
    assert await centre.deliveries() == []


async def test_important_ones_go_by_telephone_where_wechat_does_not_reach(centre: Centre) -> None:
    person = await centre.person()
    await centre.account(person, phone="13800000009")
    await centre.tell("waitlist.offered", person)

    assert await centre.send() == 1
    assert centre.gateways.texts == [("13800000009", "张**的候补有号了，请在11月29日（周日）12:00前到小程序确认。")]
    assert await centre.deliveries() == [("sms", "delivered", "accepted")]


async def test_wechat_goes_first_and_its_fields_fit(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.use_template(
        "waitlist.offered", thing1="{patient}的候补{department}门诊已经有号请尽快确认谢谢", time2="{deadline}"
    )
    await centre.accept(account, 2)
    await centre.tell("waitlist.offered", person)
    await centre.send()

    (message,) = centre.gateways.subscribed
    assert message.openid == f"openid-{account}"
    assert message.data == {"thing1": "张**的候补心血管内科门诊已经有号请尽…", "time2": "2026年11月29日 12:00"}
    assert len(message.data["thing1"]) == 20
    assert message.page is not None
    assert message.page.startswith("pages/messages?message=")
    assert centre.gateways.texts == []
    assert await centre.count_left(account) == 1


async def test_a_hospital_without_ways_has_the_inbox(centre: Centre) -> None:
    centre.connect(Ways())
    person = await centre.person()
    account = await centre.account(person)
    assert await centre.tell("stop.cancelled", person) == 1
    assert await centre.deliveries() == []
    assert len(await centre.inbox(account)) == 1


async def test_what_somebody_does_not_want_is_not_sent(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.db.execute("INSERT INTO notification_preference VALUES ($1, 'waitlist', 'sms', false)", account)
    await centre.tell("waitlist.offered", person)
    await centre.tell("stop.cancelled", person, key="event:2", until=NOON)
    assert [one[0] for one in await centre.deliveries()] == ["sms"]
