"""What people choose: groups and ways, quiet hours, and how many WeChat messages they have agreed to."""

from datetime import time

import pytest

from notifications import preferences
from notifications.errors import TemplateUnknown
from notifications.quiet import QuietHours
from notifications.ways import Ways
from tests.factories.notifications import TEMPLATE, Centre


async def test_what_nobody_said_is_wanted(centre: Centre) -> None:
    account = await centre.account()
    found = await preferences.read_preferences(account)
    assert set(found.wanted.values()) == {True}
    assert len(found.wanted) == 10
    assert found.quiet is None
    assert found.hospital_quiet == QuietHours(time(22), time(7, 30))
    assert list(found.connected) == ["wechat", "sms"]


async def test_choices_are_kept_for_the_one_account(centre: Centre) -> None:
    account, other = await centre.account(), await centre.account()
    quiet = QuietHours(time(20), time(9))
    await preferences.change_preferences(account, wanted={("payment", "sms"): False}, quiet=quiet)
    changed = await preferences.change_preferences(account, wanted={("queue", "wechat"): False}, quiet=quiet)
    assert sorted(key for key, wanted in changed.wanted.items() if not wanted) == [
        ("payment", "sms"),
        ("queue", "wechat"),
    ]
    assert changed.quiet == quiet
    assert set((await preferences.read_preferences(other)).wanted.values()) == {True}
    back = await preferences.change_preferences(account, wanted={("payment", "sms"): True}, quiet=None)
    assert back.wanted["payment", "sms"]
    assert back.quiet is None


async def test_templates_are_asked_for_where_they_are_needed_and_never_too_many(centre: Centre) -> None:
    for place, kind in enumerate(
        ("appointment.booked", "appointment.moved", "stop.moved", "stop.cancelled", "waitlist.offered", "bill.new")
    ):
        await centre.db.execute(
            'UPDATE notification_kind SET wechat_template_id = $2, wechat_fields = \'{"thing1": "x"}\' WHERE code = $1',
            kind,
            f"t{place}",
        )
    asked = await preferences.templates_by_moment()
    assert asked == {"booked": ["t1", "t3", "t2"], "waitlist_joined": ["t4"]}
    centre.connect(Ways())
    assert await preferences.templates_by_moment() == {}


async def test_acceptances_are_counted_and_bounded(centre: Centre) -> None:
    account = await centre.account()
    await centre.use_template("stop.moved")
    await preferences.note_accepted(account, [TEMPLATE, TEMPLATE])
    await preferences.note_accepted(account, [TEMPLATE])
    assert await centre.count_left(account) == 2
    await centre.db.execute("UPDATE notification_subscription SET count = 100")
    await preferences.note_accepted(account, [TEMPLATE])
    assert await centre.count_left(account) == 100


async def test_unknown_templates_are_refused_whole(centre: Centre) -> None:
    account = await centre.account()
    await centre.use_template("stop.moved")
    with pytest.raises(TemplateUnknown):
        await preferences.note_accepted(account, [TEMPLATE, "somebody-elses"])
    assert await centre.db.fetchval("SELECT count(*) FROM notification_subscription") == 0
