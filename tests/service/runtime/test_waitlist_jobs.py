"""The timetable serves those who wait when nobody else asks, and writes down what is over."""

from datetime import timedelta
from pathlib import Path

import pytest

from booking import service
from kernel import clock, crypto
from kernel.db import Database
from kernel.settings import Settings
from runtime.worker.jobs import build_jobs
from runtime.worker.timetable import Job, Timetable
from tests.factories.booking import PORTAL, HospitalUnderTest, require_books_agree
from tests.factories.keys import write_keys
from tests.factories.waitlist import entry_of, join, open_offer


@pytest.fixture
def jobs(database: Database, tmp_path: Path) -> dict[str, Job]:
    settings = Settings.from_environment({"DATABASE_URL": "postgresql://unused", "KEYS_DIR": str(tmp_path)})
    cipher = crypto.load_cipher(write_keys(tmp_path / "keys"))
    return {job.name: job for job in build_jobs(database, settings, cipher=cipher)}


async def test_the_timetable_serves_those_who_wait_and_ends_entries(database: Database, jobs: dict[str, Job]) -> None:
    hospital = await HospitalUnderTest(database).build()
    timetable = Timetable(database, list(jobs.values()))
    recycled_at = clock.now() + timedelta(hours=4)
    schedule = await hospital.schedule(seats=2, pools={"2": "reserve"}, recycled_at=recycled_at)
    person, behind, buyer = await hospital.patients(3)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=buyer, actor=PORTAL)
    first, second = await join(person, schedule), await join(behind, schedule)
    with clock.frozen(recycled_at):
        assert await timetable.start_if_due(jobs["serve_waitlist"])
        offer = await open_offer(first)
        assert not await timetable.start_if_due(jobs["serve_waitlist"])
    with clock.frozen(offer.until):
        assert await timetable.start_if_due(jobs["sweep_holds"])
        assert (await entry_of(first)).status == "expired"
        assert (await open_offer(second)).queue_number == 2
    with clock.frozen(second.ends_at):
        await timetable.start_if_due(jobs["sweep_holds"])
        assert await timetable.start_if_due(jobs["end_waitlist_entries"])
        kept = await database.fetch("SELECT DISTINCT status FROM waitlist_entry")
        assert [row["status"] for row in kept] == ["expired"]
        faults = await database.fetch("SELECT name, last_error FROM timed_job WHERE last_error IS NOT NULL")
        assert faults == []
        await require_books_agree(database)
