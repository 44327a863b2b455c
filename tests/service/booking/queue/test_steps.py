"""What staff do with a queue, every step from every status."""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Any

import pytest

from booking.queue import errors, queries, service
from booking.queue.entering import Flags
from booking.queue.facts import Entry
from booking.queue.states import QUEUE_ENTRY
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import PORTAL
from tests.factories.queue import NURSE, ClinicDay, Door

OLD = date(1940, 1, 1)

# Each step: what it makes of the statuses from which it may be taken.
STEPS: dict[str, dict[str, str]] = {
    "call": {"waiting": "called"},
    "recall": {"called": "called"},
    "pass": {"called": "passed"},
    "return": {"passed": "waiting", "finished": "waiting"},
    "triage": {"waiting": "waiting", "called": "called", "passed": "passed"},
    "transfer": {"waiting": "waiting", "called": "waiting", "passed": "waiting"},
    "start": {"called": "in-consultation"},
    "finish": {"in-consultation": "finished"},
    "leave": {"waiting": "left", "called": "left", "passed": "left"},
}


async def take(step: str, entry: Entry, other: Door) -> Entry:
    works: dict[str, Callable[..., Awaitable[Entry]]] = {
        "call": service.call_entry,
        "recall": service.recall_entry,
        "pass": service.pass_entry,
        "return": service.return_entry,
        "triage": partial(service.triage_entry, class_="emergency", reason="胸痛"),
        "transfer": partial(service.transfer_entry, reason="平衡", **other.key),
        "start": service.start_consultation,
        "finish": service.finish_consultation,
        "leave": partial(service.leave_queue, reason="回家"),
    }
    return await works[step](entry_id=entry.id, actor=NURSE)


@pytest.mark.parametrize("status", QUEUE_ENTRY.steps)
@pytest.mark.parametrize("step", STEPS)
async def test_a_step_leads_where_it_should_or_nowhere(day: ClinicDay, step: str, status: str) -> None:
    door, other = await day.door(), await day.door()
    [entry] = await day.waiting(1, door=door)
    await day.bring_to(entry, status)
    before = await day.books()

    if status not in STEPS[step]:
        with pytest.raises(errors.EntryMoved) as refused:
            await take(step, entry, other)
        assert refused.value.details == {"current_status": status}
        after = await day.books()
        # An empty queue before the other door is the only trace that a refused transfer may not leave either.
        assert after == before
        return

    shown = await take(step, entry, other)
    assert shown.status == STEPS[step][status]
    assert shown == await queries.get_entry(entry.id, actor=NURSE)
    events = await day.db.fetch("SELECT * FROM visit_queue_event WHERE entry_id = $1 ORDER BY id", entry.id)
    assert len(events) == len(before["visit_queue_event"]) + 1
    assert (events[-1]["status"], events[-1]["client_id"], events[-1]["staff_code"]) == (shown.status, "desk", "S0001")


async def test_a_visit_from_check_in_to_its_end(day: ClinicDay) -> None:
    door = await day.door()
    first, second = await day.waiting(2, door=door)
    assert (first.label, second.label) == ("A01", "A02")
    assert (await queries.get_entry(second.id, actor=NURSE)).people_before == 1

    called = await service.call_next(actor=NURSE, **door.key)
    assert (called.id, called.status, called.calls, called.people_before) == (first.id, "called", 1, None)
    assert (await service.recall_entry(entry_id=first.id, actor=NURSE)).calls == 2
    assert (await service.start_consultation(entry_id=first.id, actor=NURSE)).started_at is not None
    assert (await day.appointment(first.appointment_id)).status == "arrived"
    done = await service.finish_consultation(entry_id=first.id, actor=NURSE)
    assert (done.status, done.estimate_seconds) == ("finished", None)

    appointment = await day.appointment(first.appointment_id)
    assert (appointment.status, appointment.version) == ("fulfilled", 3)
    sent = await day.db.fetch(
        "SELECT event_type FROM outbox WHERE aggregate = $1 ORDER BY id", f"appointment:{appointment.id}"
    )
    assert [row["event_type"] for row in sent] == ["appointment.arrived", "appointment.fulfilled"]
    assert await day.events(first) == ["checked_in", "called", "recalled", "started", "finished"]
    kinds = await day.db.fetch("SELECT kind FROM booking_event WHERE appointment_id = $1 ORDER BY id", appointment.id)
    assert [row["kind"] for row in kinds] == ["arrived", "fulfilled"]
    assert (await queries.get_entry(second.id, actor=NURSE)).people_before == 0
    noticed = await day.db.fetch("SELECT * FROM booking_notice WHERE subject_id = $1 ORDER BY id", first.id)
    assert [row["kind"] for row in noticed] == [
        f"queue.{one}" for one in ("checked_in", "called", "recalled", "finished")
    ]
    assert {row["client_id"] for row in noticed} == {PORTAL.client_id}
    assert noticed[-1]["facts"] == {"appointment_id": str(appointment.id), "label": "A01", "status": "finished"}


async def test_one_person_at_a_time_is_called_to_a_door(day: ClinicDay) -> None:
    door = await day.door()
    first, second, _ = await day.waiting(3, door=door)
    await service.call_next(actor=NURSE, **door.key)
    for work in (service.call_next(actor=NURSE, **door.key), service.call_entry(entry_id=second.id, actor=NURSE)):
        with pytest.raises(errors.SomebodyCalled) as refused:
            await work
        assert refused.value.details == {"entry_id": first.id, "label": "A01"}
    await service.start_consultation(entry_id=first.id, actor=NURSE)
    assert (await service.call_next(actor=NURSE, **door.key)).id == second.id


async def test_an_empty_queue_and_none_at_all(day: ClinicDay) -> None:
    door = await day.door()
    with pytest.raises(errors.QueueNotFound):
        await service.call_next(actor=NURSE, **door.key)
    [entry] = await day.waiting(1, door=door)
    await day.bring_to(entry, "left")
    with pytest.raises(errors.NobodyWaiting):
        await service.call_next(actor=NURSE, **door.key)
    with pytest.raises(errors.EntryNotFound):
        await service.pass_entry(entry_id=new_id(), actor=NURSE)


async def test_who_was_passed_comes_back_three_places_down(day: ClinicDay) -> None:
    door = await day.door()
    people = await day.waiting(6, door=door)
    await day.bring_to(people[0], "passed")
    assert await day.labels(door) == ["A02", "A03", "A04", "A05", "A06"]
    back = await service.return_entry(entry_id=people[0].id, actor=NURSE)
    assert (back.people_before, back.passes) == (3, 1)
    assert await day.labels(door) == ["A02", "A03", "A04", "A01", "A05", "A06"]
    # The place holds when others go, and a second one who was passed comes behind.
    await day.bring_to(people[1], "passed")
    assert (await service.return_entry(entry_id=people[1].id, actor=NURSE)).people_before == 3
    assert await day.labels(door) == ["A03", "A04", "A01", "A02", "A05", "A06"]


async def test_the_clinic_says_how_far_down(day: ClinicDay) -> None:
    await day.db.execute(
        "INSERT INTO booking_rule (id, clinic_id, pass_places) VALUES ($1, $2, 1)", new_id(), day.hospital.clinic_id
    )
    door = await day.door()
    people = await day.waiting(4, door=door)
    await day.bring_to(people[0], "passed")
    await service.return_entry(entry_id=people[0].id, actor=NURSE)
    assert await day.labels(door) == ["A02", "A01", "A03", "A04"]


async def test_who_comes_back_with_results_goes_before_those_due_now(day: ClinicDay) -> None:
    door = await day.door()
    people = await day.waiting(3, door=door)
    await day.bring_to(people[0], "finished")
    back = await service.return_entry(entry_id=people[0].id, actor=NURSE)
    assert (back.class_, back.people_before, back.called_at) == ("return-visit", 0, None)
    # The appointment was kept already, and is not told of twice.
    version = (await day.appointment(back.appointment_id)).version
    await day.bring_to(back, "finished")
    assert (await day.appointment(back.appointment_id)).version == version


async def test_classes_at_one_door(day: ClinicDay) -> None:
    door = await day.door()
    plain = await day.book(door, 2)
    [old] = await day.book(door, 1, born=OLD)
    soldier, urgent = await day.book(door, 2)
    for one in plain:
        await day.come(one)
    elderly = await day.come(old)
    assert (elderly.class_, elderly.is_elderly, elderly.people_before) == ("priority", True, 0)
    assert (await day.come(soldier, flags=Flags(is_military=True))).class_ == "priority"
    assert (await day.come(urgent, flags=Flags(is_emergency=True))).class_ == "emergency"
    assert await day.labels(door) == ["A05", "A03", "A04", "A01", "A02"]

    raised = await service.triage_entry(
        entry_id=(await _of(day, plain[1])).id, class_="emergency", reason="胸痛", actor=NURSE
    )
    assert (raised.class_, raised.people_before) == ("emergency", 0)
    with pytest.raises(errors.SameClass):
        await service.triage_entry(entry_id=raised.id, class_="emergency", reason="胸痛", actor=NURSE)
    details = await day.db.fetchval("SELECT details FROM visit_queue_event WHERE kind = 'triaged'")
    assert details == {"before": "on-time", "reason": "胸痛"}


async def _of(day: ClinicDay, appointment_id: Any) -> Entry:
    entry_id = await day.db.fetchval("SELECT id FROM visit_queue_entry WHERE appointment_id = $1", appointment_id)
    return await queries.get_entry(entry_id, actor=NURSE)


async def test_a_transfer_keeps_the_time_at_which_somebody_is_due(day: ClinicDay) -> None:
    door, other = await day.door(), await day.door()
    first, second = await day.waiting(2, door=door)
    await day.waiting(2, door=other)
    moved = await service.transfer_entry(entry_id=first.id, reason="平衡", actor=NURSE, **other.key)
    assert (moved.room_id, moved.practitioner_id, moved.status) == (other.room_id, other.practitioner_id, "waiting")
    assert await day.labels(door) == [second.label]
    assert await day.labels(other) == ["A01", "A01", "A02"]
    assert await day.db.fetchval("SELECT count(DISTINCT last_event) FROM visit_queue") == 1
    with pytest.raises(errors.SameQueue):
        await service.transfer_entry(entry_id=first.id, reason="平衡", actor=NURSE, **other.key)


@pytest.mark.parametrize("what", ["room", "practitioner"])
async def test_nobody_is_sent_where_nobody_works(day: ClinicDay, what: str) -> None:
    door, other = await day.door(), await day.door()
    [entry] = await day.waiting(1, door=door)
    before = await day.books()
    wrong = other.key | {f"{what}_id": new_id()}
    with pytest.raises(errors.QueueNotFound):
        await service.transfer_entry(entry_id=entry.id, reason="平衡", actor=NURSE, **wrong)
    assert await day.books() == before


async def test_the_same_call_sent_twice_calls_one(day: ClinicDay) -> None:
    door = await day.door()
    await day.waiting(2, door=door)
    key = Idempotency("desk", "k1", "POST /queues/call-next", {"room_id": "x"})
    first = await service.call_next(actor=NURSE, idempotency=key, **door.key)
    assert await service.call_next(actor=NURSE, idempotency=key, **door.key) == first
    assert await day.labels(door) == ["A02"]


async def test_a_partner_sees_its_own_people_only(day: ClinicDay) -> None:

    [entry] = await day.waiting(1)
    assert (await queries.get_entry(entry.id, actor=PORTAL)).id == entry.id
    other = Actor(client_id="other", channel="portal", kind="partner")
    with pytest.raises(errors.EntryNotFound):
        await queries.get_entry(entry.id, actor=other)

    assert await queries.list_queues(room_id=new_id()) == []
