"""Numbers set aside for the HIS's windows: on one side only, from the first message to the last."""

import itertools
from datetime import timedelta

import pytest

from booking.catalogue.announcing import load_schedules
from booking.windows import numbers, service
from booking.windows.errors import TooFewNumbers
from booking.windows.states import AT_THE_WINDOW, WINDOW_CASE, WINDOW_NUMBER
from integration.his.facts import AppointmentStatus
from kernel import clock
from kernel.db import Database
from tests.factories.booking import (
    KIOSK,
    HospitalUnderTest,
    ScheduleUnderTest,
    ask,
    desks,
    outcomes,
    require_books_agree,
    sequence_numbers,
)
from tests.factories.slot_office import OFFICE
from tests.factories.windows import Window


async def a_quota(hospital: HospitalUnderTest, window: Window, *, seats: int = 6, count: int = 2) -> ScheduleUnderTest:
    """A schedule of whose numbers the HIS has been told that some are its window's."""
    schedule = await hospital.schedule(seats=seats)
    await service.set_quota(schedule.id, count=count, actor=OFFICE)
    await window.told(schedule.id)
    return schedule


async def told_numbers(database: Database, schedule: ScheduleUnderTest) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the HIS is told next: the numbers that its window has, and those that it is to hand back."""
    [facts] = await load_schedules(database, [schedule.id])
    [slot] = facts.slots
    return slot.emergency_sequences, slot.recalled_sequences


async def recall(window: Window, schedule: ScheduleUnderTest) -> int:
    """Ask everything back, as the clock does; give the version that the HIS answers with."""
    with clock.frozen(schedule.starts_at - timedelta(minutes=30)):
        assert await numbers.recall_due() > 0
    return await window.version(schedule)


def test_every_pair_of_states() -> None:
    pairs = itertools.product(WINDOW_NUMBER.steps, repeat=2)
    assert {pair for pair in pairs if WINDOW_NUMBER.allows(*pair)} == {
        ("set_aside", "confirmed"), ("set_aside", "recalled"), ("confirmed", "recalled"), ("recalled", "returned"),
        ("recalled", "used"), ("returned", "set_aside"), ("used", "set_aside"),
    }  # fmt: skip
    pairs = itertools.product(WINDOW_CASE.steps, repeat=2)
    assert {pair for pair in pairs if WINDOW_CASE.allows(*pair)} == {
        ("open", "accepted"), ("open", "refused"), ("open", "withdrawn"),
    }  # fmt: skip
    assert set(AT_THE_WINDOW) < set(WINDOW_NUMBER.steps)


async def test_numbers_are_spread_over_the_day_and_confirmed_by_the_his(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await hospital.schedule(seats=6)

    shown = await service.set_quota(schedule.id, count=2, actor=OFFICE)

    assert (shown["unconfirmed"], shown["confirmed"]) == (2, 0)
    assert await window.statuses(schedule) == {
        3: ("set_aside", "emergency", "free"),
        6: ("set_aside", "emergency", "free"),
    }
    assert await told_numbers(database, schedule) == ((3, 6), ())
    await window.told(schedule.id)
    assert {status for status, *_ in (await window.statuses(schedule)).values()} == {"confirmed"}


async def test_an_older_message_confirms_nothing(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_quota(hospital, window, count=1)
    earlier = await database.fetchval("SELECT max(id) FROM outbox")
    await service.set_quota(schedule.id, count=2, actor=OFFICE)

    async with database.transaction() as tx:
        await numbers.confirm_told(tx, {schedule.id: earlier}, at=clock.now())

    assert sorted(status for status, *_ in (await window.statuses(schedule)).values()) == ["confirmed", "set_aside"]


async def test_no_channel_of_the_platform_sells_them(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await a_quota(hospital, window, seats=6, count=3)
    people = await hospital.patients(4)
    [desk] = desks(1)

    answers = [await ask(desk, schedule.slots[0], person) for person in people]
    answers.append(await ask(desk, schedule.slots[0], people[3], KIOSK))

    assert outcomes(answers) == {"Win": 3, "SoldOut": 2}
    assert await sequence_numbers(window.db, schedule) == [1, 3, 5]


async def test_not_more_than_half_of_what_is_free(hospital: HospitalUnderTest) -> None:
    schedule = await hospital.schedule(seats=4)

    with pytest.raises(TooFewNumbers) as refused:
        await service.set_quota(schedule.id, count=3, actor=OFFICE)

    assert refused.value.details == {"free": 2}


async def test_a_registration_becomes_an_appointment_with_that_very_number(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_quota(hospital, window)

    answer = await window.registers(schedule, 3, "H1")

    assert (answer.accepted, answer.note) == (True, "")
    row = await database.fetchrow("SELECT his_id, seq, status, his_status, channel FROM appointment")
    assert row is not None
    assert tuple(row) == ("H1", 3, "booked", "confirmed", "his_window")
    assert (await window.statuses(schedule))[3] == ("confirmed", "emergency", "booked")


async def test_what_is_not_used_comes_back_only_when_the_his_has_handed_it_back(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_quota(hospital, window)
    version = await recall(window, schedule)

    assert await window.statuses(schedule) == {
        3: ("recalled", "emergency", "free"),
        6: ("recalled", "emergency", "free"),
    }
    assert await told_numbers(database, schedule) == ((), (3, 6))

    await window.hands_back(schedule, unsold=(3, 6), version=version)

    assert await window.statuses(schedule) == {3: ("returned", "common", "free"), 6: ("returned", "common", "free")}
    assert await told_numbers(database, schedule) == ((), ())
    because = await database.fetch("SELECT details ->> 'because' AS because FROM booking_event WHERE kind = 'returned'")
    assert [row["because"] for row in because] == ["window_returned"] * 2
    await require_books_agree(database)


async def test_a_late_message_of_an_earlier_sale_keeps_its_number(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    """Sold in the outage, asked back, handed back as sold: nobody else gets it before the sale arrives."""
    schedule = await a_quota(hospital, window)
    version = await recall(window, schedule)
    await window.hands_back(schedule, unsold=(6,), sold={3: "H1"}, version=version)

    assert await window.statuses(schedule) == {3: ("recalled", "emergency", "free"), 6: ("returned", "common", "free")}
    answer = await window.registers(schedule, 3, "H1")

    assert (answer.accepted, answer.note) == (True, "")
    # It is asked for until the HIS has named the very sale that stands here.
    assert (await window.statuses(schedule))[3] == ("recalled", "emergency", "booked")
    await window.hands_back(schedule, sold={3: "H1"}, version=version)
    assert (await window.statuses(schedule))[3] == ("used", "common", "booked")
    # Given back later, it is the platform's to sell.
    await window.registers(schedule, 3, "H1", status=AppointmentStatus.CANCELLED, version=2)
    assert (await window.statuses(schedule))[3] == ("used", "common", "free")
    await require_books_agree(database)


@pytest.mark.parametrize("first_sale", ["before", "late"])
async def test_a_number_sold_anew_is_nobody_elses_while_the_first_sale_stands_here(
    hospital: HospitalUnderTest, window: Window, database: Database, first_sale: str
) -> None:
    """Sold, given back and sold again in the outage; of all that only the first sale has arrived, or is late itself."""
    schedule = await a_quota(hospital, window)
    if first_sale == "before":
        await window.registers(schedule, 3, "H1")
    version = await recall(window, schedule)
    if first_sale == "late":
        await window.registers(schedule, 3, "H1")
    await window.hands_back(schedule, unsold=(6,), sold={3: "H2"}, version=version)
    assert (await window.statuses(schedule))[3] == ("recalled", "emergency", "booked")

    await window.registers(schedule, 3, "H1", status=AppointmentStatus.CANCELLED, version=2)
    assert (await window.statuses(schedule))[3] == ("recalled", "emergency", "free")
    answer = await window.registers(schedule, 3, "H2")
    await window.hands_back(schedule, sold={3: "H2"}, version=version)

    assert (answer.accepted, answer.note) == (True, "")
    assert (await window.statuses(schedule))[3] == ("used", "common", "booked")
    assert await database.fetchval("SELECT count(*) FROM window_case") == 0
    await require_books_agree(database)


async def test_an_answer_to_an_earlier_question_counts_for_nothing(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await a_quota(hospital, window)
    first = await recall(window, schedule)
    await window.hands_back(schedule, unsold=(3, 6), version=first)
    await service.set_quota(schedule.id, count=2, actor=OFFICE)
    await window.told(schedule.id)
    before = await window.statuses(schedule)
    assert {status for status, *_ in before.values() if status != "returned"} == {"confirmed"}

    await window.hands_back(schedule, unsold=(3, 6), version=first)
    assert await window.statuses(schedule) == before
    second = await recall(window, schedule)
    await window.hands_back(schedule, unsold=(3, 6), version=first)

    assert second > first
    assert (await window.statuses(schedule))[3][0] == "recalled"


async def test_a_repeated_answer_changes_nothing(
    hospital: HospitalUnderTest, window: Window, database: Database
) -> None:
    schedule = await a_quota(hospital, window)
    version = await recall(window, schedule)
    for _ in range(2):
        await window.hands_back(schedule, unsold=(3, 6), version=version)
    assert await database.fetchval("SELECT count(*) FROM booking_event WHERE kind = 'returned'") == 2


async def test_an_answer_that_was_lost_is_asked_for_again(hospital: HospitalUnderTest, window: Window) -> None:
    schedule = await a_quota(hospital, window)
    version = await recall(window, schedule)

    with clock.frozen(schedule.starts_at - timedelta(minutes=25)):
        assert await numbers.recall_due() == 0
    with clock.frozen(schedule.starts_at - timedelta(minutes=19)):
        assert await numbers.recall_due() == 2

    again = await window.version(schedule)
    assert again > version
    # Either answer will do: the HIS has sold nothing of it since the first.
    await window.hands_back(schedule, unsold=(3,), version=version)
    await window.hands_back(schedule, unsold=(6,), version=again)
    assert {status for status, *_ in (await window.statuses(schedule)).values()} == {"returned"}


async def test_the_slot_office_takes_some_back(hospital: HospitalUnderTest, window: Window, database: Database) -> None:
    schedule = await a_quota(hospital, window)

    shown = await service.set_quota(schedule.id, count=1, actor=OFFICE)

    assert (shown["confirmed"], shown["recalled"]) == (1, 1)
    assert await told_numbers(database, schedule) == ((3,), (6,))
    change = await database.fetchrow(
        "SELECT before, after, staff_code FROM change_log WHERE entity = 'emergency_quota' ORDER BY id DESC LIMIT 1"
    )
    assert change is not None
    assert tuple(change) == ({"numbers": 2}, {"numbers": 1}, "S0001")
