"""The window's emergency quota: sold while the platform is away, and handed back by name when it is asked for."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.facts import NumbersHandedBack, ScheduleFacts
from kernel import clock
from tests.factories.both_sides import People
from tests.service.integration.micro_his.conftest import MicroHisProcess, a_schedule, tell_schedule

PEOPLE = People()
DELIVERED_SECONDS_MAX = 30


def a_quota(*, window: tuple[int, ...] = (2,), emergency: tuple[int, ...] = (3, 5)) -> ScheduleFacts:
    schedule = a_schedule(window=window)
    first = replace(
        schedule.slots[0],
        emergency_sequences=emergency,
        emergency_until=schedule.slots[0].starts_at - timedelta(hours=1),
    )
    return replace(schedule, slots=(first, *schedule.slots[1:]))


def asked_back(schedule: ScheduleFacts, *sequences: int, version: int = 2) -> ScheduleFacts:
    """The schedule's next version, in which some of the window's emergency numbers are asked back."""
    first = schedule.slots[0]
    left = tuple(one for one in first.emergency_sequences if one not in sequences)
    first = replace(first, emergency_sequences=left, recalled_sequences=sequences)
    return replace(schedule, slots=(first, *schedule.slots[1:]), version=version)


@pytest.fixture
def silent(micro_his: MicroHisProcess) -> Iterator[MicroHisProcess]:
    """A platform that takes calls and acknowledges nothing."""
    micro_his.platform.answers = False
    yield micro_his
    micro_his.platform.answers = True


async def book(his: MicroHisProcess, schedule: ScheduleFacts, **more: Any) -> httpx.Response:
    body = {"schedule_id": str(schedule.schedule_id), "patient": PEOPLE.invent().at_window(), "clerk": "W001", **more}
    return await his.http.post("/api/window/bookings", json=body, timeout=30)


async def handed_back(his: MicroHisProcess, schedule: ScheduleFacts, count: int = 1) -> list[NumbersHandedBack]:
    """What the platform hears of numbers handed back, once it is so many messages."""
    profile = Hl7Profile("MICROHIS")
    async with asyncio.timeout(DELIVERED_SECONDS_MAX):
        while True:
            facts = [
                change.facts
                for message in list(his.platform.applied)
                if message.kind == ("MFN", "M13")
                for change in profile.read(message)
            ]
            found = [one for one in facts if isinstance(one, NumbersHandedBack)]
            found = [one for one in found if one.schedule_id == schedule.schedule_id]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_the_quota_is_not_sold_while_the_platform_answers(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_quota())

    assert (await book(micro_his, schedule)).json()["seq"] == 2
    assert (await book(micro_his, schedule)).json()["code"] == "sold_out"
    answer = await book(micro_his, schedule, seq=3)
    assert (answer.status_code, answer.json()["code"]) == (409, "platform_answers")
    shown = (await micro_his.http.get(f"/api/schedules/{schedule.schedule_id}")).json()
    assert [(one["seq"], one["free"]) for one in shown["window"]] == [(2, False)]
    assert [(one["seq"], one["free"]) for one in shown["emergency"]] == [(3, True), (5, True)]


async def test_a_clerk_who_sees_that_the_platform_is_down_may_say_so(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_quota())

    sold = [(await book(micro_his, schedule, platform_is_down=True)).json() for _ in range(4)]

    assert [one.get("seq") for one in sold] == [2, 3, 5, None]
    assert sold[3]["code"] == "sold_out"
    assert {one["channel"] for one in sold[:3]} == {"his_window_offline"}
    answer = await book(micro_his, schedule, platform_is_down="yes")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_platform_that_acknowledges_nothing_is_down(silent: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    """The first sale waits for its answer in vain; after it the window knows."""
    schedule = await tell_schedule(platform_port, a_quota())
    assert (await book(silent, schedule)).json()["platform_state"] == "pending"

    async with asyncio.timeout(DELIVERED_SECONDS_MAX):
        while (answer := await book(silent, schedule)).status_code != 201:
            assert answer.json()["code"] == "sold_out"

    assert (answer.json()["seq"], answer.json()["platform_state"]) == (3, "pending")


async def test_what_is_asked_back_is_sold_no_more_and_named(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_quota(window=()))
    sold = (await book(micro_his, schedule, platform_is_down=True)).json()
    assert sold["seq"] == 3

    await tell_schedule(platform_port, asked_back(schedule, 3, 5))

    assert await handed_back(micro_his, schedule) == [
        NumbersHandedBack(schedule.schedule_id, version=2, unsold=(5,), sold=(3,), sold_as=(sold["his_id"],))
    ]
    answer = await book(micro_his, schedule, seq=5, platform_is_down=True)
    assert answer.json()["code"] == "not_for_window"
    # Asked again, because the answer was lost, it answers again; asked in an older message, it does not.
    await tell_schedule(platform_port, asked_back(schedule, 3, 5, version=3))
    await tell_schedule(platform_port, asked_back(schedule, 3, 5, version=2))
    assert [one.version for one in await handed_back(micro_his, schedule, count=2)] == [2, 3]


async def test_a_sale_is_told_before_the_numbers_are_handed_back(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_quota(window=()))
    his_id = (await book(micro_his, schedule, platform_is_down=True)).json()["his_id"]
    await tell_schedule(platform_port, asked_back(schedule, 3, 5))
    await handed_back(micro_his, schedule)

    order = [
        message.kind[1]
        for message in micro_his.platform.applied
        if his_id in message.encode().decode() or str(schedule.schedule_id) in message.encode().decode()
    ]
    assert order == ["S12", "M13"]


async def test_while_clerks_sell_each_number_is_on_one_side(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    """Asked back in the middle of the rush: what is handed back unsold was sold by nobody, the rest by exactly one."""
    schedule = await tell_schedule(platform_port, a_quota(window=(), emergency=(1, 2, 3, 4, 5)))
    rush = [asyncio.create_task(book(micro_his, schedule, platform_is_down=True)) for _ in range(8)]
    await asyncio.wait(rush, return_when=asyncio.FIRST_COMPLETED)

    await tell_schedule(platform_port, asked_back(schedule, 1, 2, 3, 4, 5))

    answers = await asyncio.gather(*rush)
    sold = [answer.json()["seq"] for answer in answers if answer.status_code == 201]
    [back] = await handed_back(micro_his, schedule)
    assert sorted(sold) == sorted(set(sold)) == list(back.sold)
    assert sorted((*back.sold, *back.unsold)) == [1, 2, 3, 4, 5]


async def test_the_window_stops_by_itself_a_minute_before(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = a_quota(window=())
    first = replace(schedule.slots[0], emergency_until=clock.now() + timedelta(seconds=30))
    schedule = await tell_schedule(platform_port, replace(schedule, slots=(first, *schedule.slots[1:])))
    answer = await book(micro_his, schedule, platform_is_down=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "window_closed")
