"""Any sequence of steps leaves the real inventory as a simple model has it (hypothesis, stateful).

Hypothesis drives the steps in a thread of its own; each runs on the test's event loop, at the model's time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from booking import expiry, service
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, ScheduleUnderTest, require_books_agree
from tests.factories.his_window import sell_at_window, window_booking
from tests.factories.inventory_model import InventoryModel, Key, ModelSchedule, ModelSeat

pytestmark = pytest.mark.race

NOW = datetime(2027, 3, 1, 1, tzinfo=UTC)
STEP_SECONDS_MAX = 60
PEOPLE = 3
# Which department, and how many days from now: two schedules share a department and day.
SCHEDULES = ((0, 1), (0, 1), (1, 1), (0, 2))
SEATS = 3
RESERVED = 3
TABLES = "booking_event, visit_claim, appointment, hold, seat, slot, schedule_release, schedule, outbox"

people = st.integers(0, PEOPLE - 1)
schedules = st.integers(0, len(SCHEDULES) - 1)
actors = st.sampled_from([PORTAL, KIOSK])


class Inventory(RuleBasedStateMachine):
    """Each rule does one thing to both, and expects the same answer."""

    db: ClassVar[Database]
    loop: ClassVar[asyncio.AbstractEventLoop]
    steps_taken: ClassVar[int] = 0

    holds: Bundle[str] = Bundle("holds")
    appointments: Bundle[str] = Bundle("appointments")

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, UUID] = {}
        self.sales = 0

    def run(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Run a step on the test's event loop, the clock standing at the model's time."""

        async def at_the_models_time() -> Any:
            with clock.frozen(self.model.now):
                try:
                    return await step()
                except HospitalError as refusal:
                    return refusal

        type(self).steps_taken += 1
        return asyncio.run_coroutine_threadsafe(at_the_models_time(), self.loop).result(STEP_SECONDS_MAX)

    def expect(self, expected: str | int, answer: Any, name: str | None = None) -> bool:
        """Compare a step's answer with the model's; tell whether it took effect."""
        if isinstance(answer, HospitalError):
            assert type(answer).__name__ == expected
            return False
        if name is not None:
            self.ids[name] = answer if isinstance(answer, UUID) else answer.id
        told = getattr(answer, "queue_number", None)
        assert expected == (answer.status if isinstance(expected, str) else expected if told is None else told)
        return True

    @initialize()
    def build(self) -> None:
        self.model = InventoryModel(now=NOW, schedules=[], seats={})
        self.run(self._build)

    async def _build(self) -> None:
        for table in TABLES.split(", "):
            await self.db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await self.db.execute(f"DELETE FROM {table}")
            await self.db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        await self.db.execute(
            "UPDATE booking_rule SET hold_seconds = 900, daily_limit = 3, reschedule_limit = 2 WHERE clinic_id IS NULL"
        )
        hospital = await HospitalUnderTest(self.db).build()
        self.people = await hospital.patients(PEOPLE)
        self.real: list[ScheduleUnderTest] = []
        for n, (department, day) in enumerate(SCHEDULES):
            recycled = NOW + timedelta(hours=20)
            made = await hospital.schedule(
                seats=SEATS,
                starts_in=timedelta(days=day),
                pools={str(RESERVED): "reserve"},
                other_department=bool(department),
                recycled_at=recycled,
            )
            self.real.append(made)
            opened = NOW - timedelta(hours=1)
            opens = {(to, "common"): opened for to in ("portal", "kiosk")}
            opens |= {("kiosk", "reserve"): opened, ("portal", "reserve"): recycled}
            self.model.schedules.append(ModelSchedule(department, day, made.starts_at, opens))
            for number in range(1, SEATS + 1):
                self.model.seats[n, number] = ModelSeat("reserve" if number == RESERVED else "common")

    def _slot(self, schedule: int) -> UUID:
        return self.real[schedule].slots[0]

    @rule(target=holds, person=people, schedule=schedules, actor=actors)
    def hold(self, person: int, schedule: int, actor: Actor) -> Any:
        name = f"hold-{len(self.ids)}"
        answer = self.run(
            lambda: service.hold_seat(slot_id=self._slot(schedule), patient_id=self.people[person], actor=actor)
        )
        return self._made(name, self.model.claim("hold", person, schedule, actor.channel, name), answer)

    @rule(target=appointments, person=people, schedule=schedules, actor=actors)
    def book(self, person: int, schedule: int, actor: Actor) -> Any:
        name = f"appointment-{len(self.ids)}"
        answer = self.run(
            lambda: service.book_appointment(slot_id=self._slot(schedule), patient_id=self.people[person], actor=actor)
        )
        return self._made(name, self.model.claim("book", person, schedule, actor.channel, name), answer)

    @rule(target=appointments, person=people, schedule=schedules, number=st.integers(1, SEATS))
    def sell(self, person: int, schedule: int, number: int) -> Any:
        name = f"appointment-{len(self.ids)}"
        self.sales += 1
        told = window_booking(
            his_id=f"H{self.sales}",
            patient_id=self.people[person],
            schedule_id=self.real[schedule].id,
            sequence=number,
        )
        answer = self.run(lambda: sell_at_window(self.db, told))
        return self._made(name, self.model.sell_at_window(person, (schedule, number), name), answer)

    def _made(self, name: str, expected: str | int, answer: Any) -> Any:
        return name if self.expect(expected, answer, name) else multiple()

    @rule(target=appointments, hold=holds)
    def confirm(self, hold: str) -> Any:
        name = f"appointment-{len(self.ids)}"
        answer = self.run(lambda: service.confirm_hold(hold_id=self.ids[hold], actor=KIOSK))
        return self._made(name, self.model.confirm(hold, name), answer)

    @rule(hold=holds)
    def release(self, hold: str) -> None:
        answer = self.run(lambda: service.release_hold(hold_id=self.ids[hold], actor=KIOSK))
        self.expect(self.model.release(hold), answer)

    @rule(appointment=appointments)
    def cancel(self, appointment: str) -> None:
        answer = self.run(
            lambda: service.cancel_appointment(appointment_id=self.ids[appointment], reason=None, actor=KIOSK)
        )
        self.expect(self.model.cancel(appointment), answer)

    @rule(appointment=appointments, schedule=schedules, actor=st.just(KIOSK))
    def move(self, appointment: str, schedule: int, actor: Actor) -> None:
        answer = self.run(
            lambda: service.reschedule_appointment(
                appointment_id=self.ids[appointment], slot_id=self._slot(schedule), actor=actor
            )
        )
        self.expect(self.model.move(appointment, schedule, actor.channel), answer)

    @rule(minutes=st.sampled_from([1, 14, 15, 16, 60, 6 * 60]))
    def let_time_pass(self, minutes: int) -> None:
        self.model.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        self.run(expiry.expire_holds)

    @rule(schedule=schedules, minutes=st.sampled_from([-60, 0, 30]), pool=st.sampled_from(["common", "reserve"]))
    def change_release(self, schedule: int, minutes: int, pool: str) -> None:
        """Recycle a quota early, or open the portal's common seats earlier or later."""
        opens = self.model.now + timedelta(minutes=minutes)
        self.model.schedules[schedule].opens["portal", pool] = opens
        self.run(
            lambda: self.db.execute(
                "UPDATE schedule_release SET opens_at = $3 WHERE schedule_id = $1 AND channel = 'portal' AND pool = $2",
                self.real[schedule].id,
                pool,
                opens,
            )
        )

    @rule(daily_limit=st.integers(1, 3), hold_seconds=st.sampled_from([60, 900]), moves=st.integers(0, 3))
    def change_rules(self, daily_limit: int, hold_seconds: int, moves: int) -> None:
        model = self.model
        model.daily_limit, model.hold_seconds, model.reschedule_limit = daily_limit, hold_seconds, moves
        self.run(
            lambda: self.db.execute(
                "UPDATE booking_rule SET daily_limit = $1, hold_seconds = $2, reschedule_limit = $3"
                " WHERE clinic_id IS NULL",
                daily_limit,
                hold_seconds,
                moves,
            )
        )

    @invariant()
    def the_seats_are_the_models(self) -> None:
        if hasattr(self, "real"):
            self.run(self._compare)

    async def _compare(self) -> None:
        rows = await self.db.fetch(
            "SELECT s.schedule_id, s.seq, s.status, s.hold_until, s.hold_id, a.id AS appointment_id FROM seat s"
            " LEFT JOIN appointment a ON a.seat_id = s.id AND a.status = 'booked'"
        )
        order = {entry.id: n for n, entry in enumerate(self.real)}
        kept: dict[Key, tuple[str, UUID | None]] = {}
        for row in rows:
            over = row["status"] == "held" and row["hold_until"] <= self.model.now
            status = "free" if over else row["status"]
            owner = {"held": row["hold_id"], "booked": row["appointment_id"]}.get(status)
            kept[order[row["schedule_id"]], row["seq"]] = (status, owner)
        expected: dict[Key, tuple[str, UUID | None]] = {}
        for key, seat in self.model.seats.items():
            status = self.model.status_of(key)
            expected[key] = (status, self.ids[cast(str, seat.owner)] if status != "free" else None)
        assert kept == expected
        places = await self.db.fetch("SELECT owner_id FROM visit_claim WHERE until > $1", self.model.now)
        assert {row["owner_id"] for row in places} == {self.ids[place.owner] for place in self.model.live_places()}
        await require_books_agree(self.db)


@pytest.mark.parametrize(
    "examples",
    [10, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])],
)
async def test_any_sequence_of_steps_agrees_with_the_model(database: Database, examples: int) -> None:
    await HospitalUnderTest(database).build()
    Inventory.db, Inventory.loop, Inventory.steps_taken = database, asyncio.get_running_loop(), 0

    bounds = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        await asyncio.to_thread(run_state_machine_as_test, Inventory, settings=bounds)
    finally:
        await database.execute(
            "UPDATE booking_rule SET hold_seconds = 900, daily_limit = 3, reschedule_limit = 2 WHERE clinic_id IS NULL"
        )
    assert Inventory.steps_taken > examples * 10
