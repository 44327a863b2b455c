"""Short messages by a gateway that sends registered templates alone, and what the networks report of them."""

from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from notifications import templates, wording
from notifications.delivering import fall_back
from notifications.kinds import samples
from notifications.ports import Handed
from notifications.reports import Report, note_reports
from tests.factories.notifications import NOON, Centre

OFFER = "waitlist.offered"


@pytest.fixture
def gateway(centre: Centre) -> Centre:
    """A centre whose telephones are reached by templates."""
    centre.gateways.wants_templates = True
    return centre


async def told(centre: Centre, *, template_id: str | None = "9000109", accepted: int = 0) -> UUID:
    person = await centre.person()
    account = await centre.account(person)
    await centre.use_template(OFFER)
    await centre.accept(account, accepted)
    await centre.db.execute("UPDATE notification_kind SET sms_template_id = $2 WHERE code = $1", OFFER, template_id)
    await centre.tell(OFFER, person)
    return account


async def test_a_template_goes_with_its_values_in_the_order_of_the_text(gateway: Centre) -> None:
    await told(gateway)
    await gateway.send()
    [sent] = gateway.gateways.short_messages
    assert sent.template_id == "9000109"
    assert list(sent.values) == ["张**", "11月29日（周日）12:00"]
    assert sent.text == "张**的候补有号了，请在11月29日（周日）12:00前到小程序确认。"
    assert sent.phone not in repr(sent)


async def test_a_kind_without_a_template_is_not_planned_for_telephones(gateway: Centre) -> None:
    await told(gateway, template_id=None)
    assert await gateway.send() == 0
    assert await gateway.deliveries() == []
    assert await gateway.db.fetchval("SELECT count(*) FROM notification") == 1, "it is in the inbox"


async def test_it_does_not_fall_back_to_telephones_either(gateway: Centre) -> None:
    await told(gateway, template_id=None, accepted=1)
    await gateway.send()
    with clock.frozen(NOON + timedelta(minutes=6)):
        await fall_back(gateway.db)
        assert await gateway.send() == 0
    assert await gateway.deliveries() == [("wechat", "delivered", "accepted")]


async def test_a_template_that_was_taken_away_meanwhile_drops_the_message(gateway: Centre) -> None:
    await told(gateway)
    await gateway.db.execute("UPDATE notification_kind SET sms_template_id = NULL")
    await gateway.send()
    assert await gateway.deliveries() == [("sms", "dropped", "not_offered")]
    assert gateway.gateways.texts == []


async def test_a_sandbox_needs_no_templates(centre: Centre) -> None:
    await told(centre, template_id=None)
    await centre.send()
    assert await centre.deliveries() == [("sms", "delivered", "accepted")]


async def test_a_refused_template_waits_for_a_person(gateway: Centre) -> None:
    await told(gateway)
    gateway.gateways.answers = [Handed("bad_template", "FailedOperation.TemplateUnapprovedOrNotExist")]
    await gateway.send()
    assert await gateway.deliveries() == [("sms", "queued", "bad_template")]


@pytest.mark.parametrize(
    ("text", "registered", "values"),
    [
        ("请到小程序查看。", "请到小程序查看。", []),
        ("{patient}在{campus}，{patient}", "{1}在{2}，{3}", ["张*", "天河院区", "张*"]),
        ("{nothing}", "{1}", ["-"]),
    ],
)
def test_places_are_numbered_in_the_order_of_the_text(text: str, registered: str, values: list[str]) -> None:
    assert wording.number_names(text) == registered
    assert wording.fill_numbers(text, samples("appointment.booked")) == values


async def test_a_preview_shows_what_is_to_be_registered(centre: Centre) -> None:
    row = await centre.db.fetchrow("SELECT * FROM notification_kind WHERE code = $1", OFFER)
    assert row is not None
    words = templates.Template(**{name: row[name] for name in templates.Template.__dataclass_fields__})
    assert templates.preview(OFFER, words)["sms_to_register"] == "{1}的候补有号了，请在{2}前到小程序确认。"


# --- reports


async def attempts(centre: Centre) -> list[tuple[str, str | None]]:
    rows = await centre.db.fetch("SELECT outcome, code FROM notification_attempt ORDER BY id")
    return [(row["outcome"], row["code"]) for row in rows]


async def sent(centre: Centre, serial: str = "2640:1") -> None:
    await told(centre)
    centre.gateways.answers = [Handed("accepted", serial)]
    await centre.send()


async def test_a_message_that_has_arrived_is_said_to(gateway: Centre) -> None:
    await sent(gateway)
    assert await note_reports(gateway.db, [Report("2640:1", has_arrived=True, reason="DELIVRD")]) == 1
    assert await note_reports(gateway.db, [Report("2640:1", has_arrived=False, reason="EXPIRED")]) == 0
    assert await gateway.deliveries() == [("sms", "delivered", "arrived")]
    assert await attempts(gateway) == [("accepted", "2640:1"), ("arrived", "DELIVRD")]


async def test_a_number_that_nobody_has_is_a_way_that_has_failed(gateway: Centre) -> None:
    await sent(gateway)
    with clock.frozen(NOON + timedelta(minutes=2)):
        assert await note_reports(gateway.db, [Report("2640:1", has_arrived=False, reason="MK:0001")]) == 1
    assert await gateway.deliveries() == [("sms", "failed", "not_reached")]
    assert await attempts(gateway) == [("accepted", "2640:1"), ("not_reached", "MK:0001")]
    finished = await gateway.db.fetchval("SELECT finished_at FROM notification_delivery")
    assert finished == NOON + timedelta(minutes=2)
    # A report that comes twice, or late, changes nothing.
    assert await note_reports(gateway.db, [Report("2640:1", has_arrived=True, reason="DELIVRD")]) == 0
    assert await gateway.deliveries() == [("sms", "failed", "not_reached")]


async def test_reports_of_codes_and_of_others_touch_nothing(gateway: Centre) -> None:
    await sent(gateway)
    reports = [Report(serial, has_arrived=False, reason="x" * 100) for serial in ("", "2640:2", "accepted")]
    assert await note_reports(gateway.db, reports) == 0
    assert await gateway.deliveries() == [("sms", "delivered", "accepted")]


async def test_a_number_of_wechats_is_not_a_telephones(gateway: Centre) -> None:
    await told(gateway, accepted=1)
    gateway.gateways.answers = [Handed("accepted", "77")]
    await gateway.send()
    assert await note_reports(gateway.db, [Report("77", has_arrived=False, reason="MK:0001")]) == 0
    assert await gateway.deliveries() == [("wechat", "delivered", "accepted")]
