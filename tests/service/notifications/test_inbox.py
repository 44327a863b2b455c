"""The inbox: an account's own messages about its own people, and what becomes of them."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import new_id
from notifications import inbox
from notifications.errors import MessageNotFound
from tests.factories.notifications import NOON, TEMPLATE, Centre


async def test_messages_come_newest_first_in_pages_and_both_languages(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    for number in range(5):
        await centre.tell("bill.new", person, key=f"bill:{number}")
    first = await inbox.list_messages(account, language="zh", before=None, limit=3)
    rest = await inbox.list_messages(account, language="en", before=first[-1].id, limit=3)
    ids = [one.id for one in (*first, *rest)]
    assert len(ids) == 5
    assert ids == sorted(ids, reverse=True)
    assert first[0].body == "张**有一笔待缴费用¥128.50，可在小程序缴费。"
    assert rest[0].title == "A new bill"
    assert (first[0].subject_kind, first[0].subject_id, first[0].group) == ("appointment", str(person), "payment")


async def test_reading_one_and_all(centre: Centre) -> None:
    person = await centre.person()
    account, other = await centre.account(person), await centre.account(person)
    for number in range(3):
        await centre.tell("bill.new", person, key=f"bill:{number}")
    newest, middle, _ = await inbox.list_messages(account, language="zh", before=None, limit=10)
    assert await inbox.count_unread(account) == 3
    await inbox.mark_read(account, newest.id)
    with clock.frozen(NOON + timedelta(hours=1)):
        await inbox.mark_read(account, newest.id)
    assert (await inbox.read_message(account, newest.id, language="zh")).read_at == NOON
    assert await inbox.mark_all_read(account, up_to=middle.id) == 2
    assert await inbox.count_unread(account) == 0
    assert await inbox.count_unread(other) == 3


async def test_strangers_find_nothing_and_change_nothing(centre: Centre) -> None:
    person = await centre.person()
    account, stranger = await centre.account(person), await centre.account(await centre.person())
    await centre.tell("bill.new", person)
    (message,) = await inbox.list_messages(account, language="zh", before=None, limit=10)

    assert await inbox.list_messages(stranger, language="zh", before=None, limit=10) == []
    for message_id in (message.id, new_id()):
        with pytest.raises(MessageNotFound):
            await inbox.read_message(stranger, message_id, language="zh")
        with pytest.raises(MessageNotFound):
            await inbox.mark_read(stranger, message_id)
    assert await inbox.mark_all_read(stranger, up_to=None) == 0
    assert await inbox.count_unread(account) == 1


async def test_whoever_is_unbound_takes_their_messages_along(centre: Centre) -> None:
    mother, child = await centre.person(), await centre.person()
    account = await centre.account(mother, child)
    for number, person in enumerate((mother, child)):
        await centre.tell("bill.new", person, key=f"bill:{number}")
    await centre.db.execute("UPDATE patient_account_member SET ended_at = $2 WHERE patient_id = $1", mother, NOON)
    assert [one.patient_id for one in await inbox.list_messages(account, language="zh", before=None, limit=9)] == [
        child
    ]
    assert await inbox.count_unread(account) == 1


async def test_old_messages_are_forgotten_with_their_tries(centre: Centre) -> None:
    person = await centre.person()
    account = await centre.account(person)
    await centre.tell("waitlist.offered", person, key="old")
    await centre.send()
    with clock.frozen(NOON + timedelta(days=100)):
        await centre.tell("bill.new", person, key="young")
    with clock.frozen(NOON + inbox.KEPT + timedelta(seconds=1)):
        assert await inbox.purge_messages(centre.db) == 1
        assert await inbox.purge_messages(centre.db) == 0
    assert [one["key"] for one in await centre.inbox(account)] == ["young"]
    assert await centre.db.fetchval("SELECT count(*) FROM notification_attempt") == 0
    assert await centre.deliveries() == []


async def test_a_deleted_account_leaves_nothing(centre: Centre) -> None:
    person = await centre.person()
    account, other = await centre.account(person), await centre.account(person)
    await centre.accept(account, 1, TEMPLATE)
    await centre.tell("waitlist.offered", person)
    async with centre.db.transaction() as tx:
        await inbox.forget_account(tx, account)
    assert await centre.inbox(account) == []
    assert len(await centre.inbox(other)) == 1
    assert await centre.db.fetchval("SELECT count(*) FROM notification_subscription") == 0
    # The letter finds its delivery gone, and ends.
    assert await centre.send() == 2
    assert len(centre.gateways.texts) == 1
