"""What the HIS says of a patient's visit, and what the platform tells it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from booking.his.inbound import follow_status
from booking.his.outbound import OUTBOUND
from booking.queue import queries
from integration.his.facts import AppointmentStatus
from kernel.db import Row, Transaction
from kernel.events import Actor
from tests.factories.queue import NURSE, ClinicDay

HIS = Actor(client_id="his:MICROHIS", channel="his_window", kind="his", staff_code="W001")


@asynccontextmanager
async def locked(day: ClinicDay, appointment_id: UUID | None) -> AsyncIterator[tuple[Transaction, Row]]:
    async with day.db.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1 FOR UPDATE", appointment_id)
        assert row is not None
        yield tx, row


async def test_who_has_arrived_at_the_his_waits_before_the_door(day: ClinicDay) -> None:
    door = await day.door()
    [appointment] = await day.book(door)
    async with locked(day, appointment) as (tx, row):
        assert await follow_status(tx, row, status=AppointmentStatus.ARRIVED, version=2, actor=HIS)
    assert await day.labels(door) == ["A01"]
    assert await day.db.fetchval("SELECT way FROM visit_queue_entry") == "his"


async def test_an_arrival_of_another_day_fills_no_queue(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door(starts_in=timedelta(days=3)))
    async with locked(day, appointment) as (tx, row):
        assert await follow_status(tx, row, status=AppointmentStatus.ARRIVED, version=2, actor=HIS)
    assert (await day.appointment(appointment)).status == "arrived"
    assert await day.db.fetchval("SELECT count(*) FROM visit_queue_entry") == 0


async def test_who_has_been_seen_has_come_whatever_message_is_still_under_way(day: ClinicDay) -> None:
    [appointment] = await day.book(await day.door())
    async with locked(day, appointment) as (tx, row):
        assert await follow_status(tx, row, status=AppointmentStatus.FULFILLED, version=3, actor=HIS)
    found = await day.appointment(appointment)
    assert (found.status, found.version) == ("fulfilled", 3)
    kinds = await day.db.fetch("SELECT kind FROM booking_event ORDER BY id")
    assert [row["kind"] for row in kinds] == ["arrived", "fulfilled"]
    assert await day.db.fetchval("SELECT count(*) FROM visit_queue_entry") == 0


@pytest.mark.parametrize("status", ["waiting", "called", "in-consultation"])
async def test_the_his_may_say_first_that_the_consultation_has_ended(day: ClinicDay, status: str) -> None:
    [entry] = await day.waiting(1)
    await day.bring_to(entry, status)
    async with locked(day, entry.appointment_id) as (tx, row):
        assert await follow_status(tx, row, status=AppointmentStatus.FULFILLED, version=3, actor=HIS)
    assert (await queries.get_entry(entry.id, actor=NURSE)).status == "finished"
    assert (await day.appointment(entry.appointment_id)).status == "fulfilled"
    # What the HIS has said is not told back to it.
    sent = await day.db.fetch("SELECT event_type FROM outbox ORDER BY id")
    assert [row["event_type"] for row in sent] == ["appointment.arrived"]


async def test_who_has_given_the_number_back_at_the_window_leaves_the_queue(day: ClinicDay) -> None:
    [entry] = await day.waiting(1)
    await day.db.execute(
        "INSERT INTO visit_claim (patient_id, clinic_date, ordinal, owner_id) VALUES ($1, $2, 1, $3)",
        entry.patient_id,
        entry.clinic_date,
        entry.appointment_id,
    )
    async with locked(day, entry.appointment_id) as (tx, row):
        assert await follow_status(tx, row, status=AppointmentStatus.CANCELLED, version=3, actor=HIS)
    assert (await queries.get_entry(entry.id, actor=NURSE)).status == "left"


async def test_the_his_is_told_that_the_consultation_has_ended(day: ClinicDay) -> None:
    [entry] = await day.waiting(1)
    await day.bring_to(entry, "finished")
    subscribed = {one.event_type for one in OUTBOUND}
    sent = await day.db.fetch("SELECT event_type, payload FROM outbox ORDER BY id")
    assert [(row["event_type"], row["payload"]["version"]) for row in sent] == [
        ("appointment.arrived", 2),
        ("appointment.fulfilled", 3),
    ]
    assert {row["event_type"] for row in sent} <= subscribed
