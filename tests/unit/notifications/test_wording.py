from datetime import UTC, datetime

import pytest

from notifications import wording
from notifications.kinds import KINDS, Fact, Fen, Words, samples
from notifications.retries import DELAYS_SECONDS, delay_after

FACTS: dict[str, Fact] = {
    "name": "张**",
    "room": Words("3 诊室", "Room 3"),
    "amount": Fen(5),
    "at": datetime(2026, 12, 31, 16, 5, tzinfo=UTC),
    "ahead": 0,
}


def test_facts_are_said_as_people_read_them() -> None:
    template = "{name} {room} {amount} {at} {ahead}"
    assert wording.fill(template, FACTS, "zh") == "张** 3 诊室 ¥0.05 1月1日（周五）00:05 0"
    assert wording.fill(template, FACTS, "en") == "张** Room 3 ¥0.05 Fri 1 Jan 00:05 0"


def test_nothing_in_a_template_or_a_fact_is_carried_out() -> None:
    facts: dict[str, Fact] = {"name": "{amount}", "amount": Fen(1)}
    assert wording.fill("{name} {0} {name!r} {name.x} %s", facts, "zh") == "{amount} {0} {name!r} {name.x} %s"


@pytest.mark.parametrize(
    ("field", "template", "value"),
    [
        ("thing1", "{long}", "一" * 19 + "…"),
        ("thing1", "{missing}", "-"),
        ("phrase2", "{long}", "一" * 5),
        ("time3", "{at}", "2027年1月1日 00:05"),
        ("date3", "{at}", "2027年1月1日"),
        ("amount4", "{amount}", "¥0.05"),
        ("number5", "{ahead}", "0"),
        ("name6", "{long}", "一" * 9 + "…"),
        ("character_string7", "{code}", "A" * 32),
    ],
)
def test_wechat_fields_are_within_their_kind(field: str, template: str, value: str) -> None:
    facts = FACTS | {"long": "一" * 40, "code": "A" * 40}
    assert wording.fill_fields({field: template}, facts) == {field: value}


@pytest.mark.parametrize("field", ["thing", "thing0", "thing100", "Thing1", "thing1 ", "1", "", "thing１"])
def test_garbage_is_no_field(field: str) -> None:
    assert wording.field_kind(field) is None


def test_stored_facts_come_back_the_same() -> None:
    assert wording.read(wording.store(FACTS)) == FACTS
    for kind in KINDS:
        assert wording.read(wording.store(samples(kind))) == samples(kind)


@pytest.mark.parametrize(("name", "masked"), [("张三", "张*"), ("欧阳修", "欧**"), ("Alexander", "A**"), ("李", "李*")])
def test_names_are_masked(name: str, masked: str) -> None:
    assert wording.mask_name(name) == masked


def test_tries_end() -> None:
    delays = [delay_after(tries) for tries in range(1, len(DELAYS_SECONDS) + 2)]
    assert delays[-1] is None
    assert [one.total_seconds() for one in delays if one is not None] == list(DELAYS_SECONDS)
