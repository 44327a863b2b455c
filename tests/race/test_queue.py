"""At one door many press buttons at once: nobody is called twice, nobody is skipped, nobody is in two queues."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from booking.queue import service
from booking.queue.entering import leave_with_appointment
from booking.queue.errors import AlreadyCheckedIn, EntryMoved, NobodyWaiting, SomebodyCalled
from booking.queue.facts import Entry
from kernel.crypto import load_cipher
from kernel.db import Database, DatabaseBusy
from kernel.errors import HospitalError
from runtime.keys import create_missing
from tests.factories.booking import HospitalUnderTest
from tests.factories.queue import NURSE, ClinicDay, Door, outcome

pytestmark = pytest.mark.race
ROUNDS = 12


@pytest.fixture
async def day(database: Database, tmp_path: Path) -> ClinicDay:
    create_missing(tmp_path / "keys")
    load_cipher(tmp_path / "keys")
    return ClinicDay(await HospitalUnderTest(database).build())


def kinds(found: Iterable[Entry | HospitalError]) -> Counter[str]:
    return Counter(type(one).__name__ for one in found)


async def require_records_agree(day: ClinicDay) -> None:
    """Every entry is what its events have made of it, and no door has called two people at a time."""
    rows = await day.db.fetch(
        "SELECT e.id, e.status, e.queue_id, (SELECT v.status FROM visit_queue_event v WHERE v.entry_id = e.id"
        " ORDER BY v.id DESC LIMIT 1) AS told, (SELECT v.queue_id FROM visit_queue_event v WHERE v.entry_id = e.id"
        " ORDER BY v.id DESC LIMIT 1) AS at_queue FROM visit_queue_entry e"
    )
    assert all((row["status"], row["queue_id"]) == (row["told"], row["at_queue"]) for row in rows)
    called: dict[UUID, UUID] = {}
    for event in await day.db.fetch("SELECT queue_id, entry_id, kind, status FROM visit_queue_event ORDER BY id"):
        if event["kind"] == "called":
            assert event["queue_id"] not in called, "two were called to one door"
            called[event["queue_id"]] = event["entry_id"]
        elif event["status"] != "called":
            called = {queue: entry for queue, entry in called.items() if entry != event["entry_id"]}


async def test_nurses_who_call_at_once_call_one(day: ClinicDay) -> None:
    door = await day.door()
    people = await day.waiting(5, door=door)

    found = await asyncio.gather(*(outcome(service.call_next(actor=NURSE, **door.key)) for _ in range(10)))

    assert kinds(found) == {"Entry": 1, "SomebodyCalled": 9}
    [called] = [one for one in found if isinstance(one, Entry)]
    assert called.id == people[0].id
    assert await day.labels(door) == ["A02", "A03", "A04", "A05"]
    await require_records_agree(day)


async def test_a_whole_queue_is_called_in_order_by_several_nurses(day: ClinicDay) -> None:
    """Each calls, sees or passes, and calls again, as fast as they can."""
    door = await day.door()
    people = await day.waiting(15, door=door)
    order: list[str] = []

    async def nurse(number: int) -> None:
        while True:
            called = await outcome(service.call_next(actor=NURSE, **door.key))
            if isinstance(called, NobodyWaiting):
                return
            if isinstance(called, Entry):
                order.append(called.label)
                step = service.start_consultation if number % 2 else service.pass_entry
                await step(entry_id=called.id, actor=NURSE)
            else:
                assert isinstance(called, SomebodyCalled | DatabaseBusy)
                await asyncio.sleep(0.002)

    await asyncio.gather(*(nurse(number) for number in range(4)))

    assert order == [one.label for one in people]
    await require_records_agree(day)


async def test_call_against_pass(day: ClinicDay) -> None:
    """Pass and start of one call: one of them; the next is called once whichever it was."""
    door = await day.door()
    await day.waiting(ROUNDS + 1, door=door)
    for _ in range(ROUNDS):
        called = await service.call_next(actor=NURSE, **door.key)
        who: dict[str, Any] = {"entry_id": called.id, "actor": NURSE}
        start, passed, again = await asyncio.gather(
            outcome(service.start_consultation(**who)),
            outcome(service.pass_entry(**who)),
            outcome(service.call_next(actor=NURSE, **door.key)),
        )
        assert kinds([start, passed]) == {"Entry": 1, "EntryMoved": 1}
        assert isinstance(again, Entry | SomebodyCalled)
        if isinstance(again, Entry):
            assert again.id != called.id
            await service.pass_entry(entry_id=again.id, actor=NURSE)
            await service.return_entry(entry_id=again.id, actor=NURSE)
    await require_records_agree(day)


async def test_transfer_against_call(day: ClinicDay) -> None:
    door, other = await day.door(), await day.door()
    for _ in range(ROUNDS):
        [entry] = await day.waiting(1, door=door)
        called, moved = await asyncio.gather(
            outcome(service.call_entry(entry_id=entry.id, actor=NURSE)),
            outcome(service.transfer_entry(entry_id=entry.id, reason="平衡", actor=NURSE, **other.key)),
        )
        # Called and then sent away, sent away and then called there, or one of the two was too late.
        assert isinstance(moved, Entry | DatabaseBusy)
        assert isinstance(called, Entry | EntryMoved | DatabaseBusy)
        await _clear(day, [door, other])
    await require_records_agree(day)


async def test_two_transfers_that_cross(day: ClinicDay) -> None:
    door, other = await day.door(), await day.door()
    for _ in range(ROUNDS):
        [here], [there] = await day.waiting(1, door=door), await day.waiting(1, door=other)
        found = await asyncio.gather(
            outcome(service.transfer_entry(entry_id=here.id, reason="平衡", actor=NURSE, **other.key)),
            outcome(service.transfer_entry(entry_id=there.id, reason="平衡", actor=NURSE, **door.key)),
            outcome(service.transfer_entry(entry_id=here.id, reason="平衡", actor=NURSE, **other.key)),
        )
        assert kinds(found) == {"Entry": 2, "SameQueue": 1}
        await _clear(day, [door, other])
    await require_records_agree(day)


async def test_somebody_checks_in_once(day: ClinicDay) -> None:
    door = await day.door()
    people = await day.book(door, 4)

    found = await asyncio.gather(*(outcome(day.come(one)) for one in people for _ in range(5)))

    assert kinds(found) == {"Entry": 4, "AlreadyCheckedIn": 16}
    assert all(one.details for one in found if isinstance(one, AlreadyCheckedIn))
    assert await day.labels(door) == ["A01", "A02", "A03", "A04"]
    sent = await day.db.fetchval("SELECT count(*) FROM outbox WHERE event_type = 'appointment.arrived'")
    assert sent == await day.db.fetchval("SELECT count(*) FROM booking_event WHERE kind = 'arrived'") == 4
    await require_records_agree(day)


async def test_finish_at_the_desk_against_the_his(day: ClinicDay) -> None:
    """Both say that the consultation has ended: it ends once, and the HIS is told once."""

    for _ in range(ROUNDS):
        [entry] = await day.waiting(1)
        await day.bring_to(entry, "in-consultation")

        async def by_the_his(entry: Entry = entry) -> None:
            async with day.db.transaction() as tx:
                await tx.execute("SELECT FROM appointment WHERE id = $1 FOR UPDATE", entry.appointment_id)
                assert entry.appointment_id is not None
                await leave_with_appointment(tx, entry.appointment_id, status="finished", actor=NURSE)

        found, _none = await asyncio.gather(
            outcome(service.finish_consultation(entry_id=entry.id, actor=NURSE)), by_the_his()
        )
        assert isinstance(found, Entry | EntryMoved)
        assert (await day.events(entry)).count("finished") == 1
    await require_records_agree(day)


async def _clear(day: ClinicDay, doors: list[Door]) -> None:
    """Let everybody go home."""
    rows = await day.db.fetch("SELECT id FROM visit_queue_entry WHERE status IN ('waiting', 'called', 'passed')")
    for row in rows:
        await service.leave_queue(entry_id=row["id"], reason="回家", actor=NURSE)
    assert [await day.labels(door) for door in doors] == [[] for _ in doors]
