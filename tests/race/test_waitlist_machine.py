"""Any sequence of joining, answering, leaving and booking keeps the waitlist's promises (hypothesis, stateful).

After each step at most one person has a number or is offered it; nobody overtakes; and no number is on sale while
somebody waits who could take it. What an answer must be is known from what the person was told when it was offered.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from booking import expiry, service
from booking.facts import Appointment
from booking.waitlist import service as waitlist
from booking.waitlist.facts import Entry
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest, require_books_agree
from tests.factories.waitlist import available, join

pytestmark = pytest.mark.race

NOW = datetime(2027, 3, 1, 1, tzinfo=UTC)
STEP_SECONDS_MAX = 60
OFFER_MINUTES = 30
SEATS, PEOPLE, WAITING = 2, 6, 3
TABLES = (
    "booking_event, waitlist_event, booking_notice, visit_claim, appointment, waitlist_entry, hold, seat, slot,"
    " schedule_release, schedule, outbox"
)

people = st.integers(0, PEOPLE - 1)
numbers = st.integers(0, 30)


class Waitlist(RuleBasedStateMachine):
    """One clinic whose two numbers are sold; three people wait for one, and three more may come.

    waiting: entries in the order of joining, person and id. told: of each offer ever seen, whose and until when.
    answered: offers that took an answer. shy: people who have given a number of this clinic back, declined or missed
    one; they may be passed over.
    """

    db: ClassVar[Database]
    loop: ClassVar[asyncio.AbstractEventLoop]
    offers_seen: ClassVar[int] = 0

    def run(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Run a step on the test's event loop, the clock standing at the machine's time."""

        async def at_this_time() -> Any:
            with clock.frozen(self.now):
                try:
                    return await step()
                except HospitalError as refusal:
                    return refusal

        return asyncio.run_coroutine_threadsafe(at_this_time(), self.loop).result(STEP_SECONDS_MAX)

    @initialize()
    def build(self) -> None:
        self.now = NOW
        self.waiting: list[tuple[int, UUID]] = []
        self.told: dict[UUID, tuple[int, datetime]] = {}
        self.answered: set[UUID] = set()
        self.standing: dict[UUID, int] = {}
        self.shy: set[int] = set()
        self.schedule: ScheduleUnderTest | None = None
        self.run(self._build)

    async def _build(self) -> None:
        for table in TABLES.split(", "):
            await self.db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await self.db.execute(f"DELETE FROM {table}")
            await self.db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        hospital = await HospitalUnderTest(self.db).build()
        self.people = await hospital.patients(PEOPLE + SEATS)
        self.schedule = await hospital.schedule(seats=SEATS, starts_in=timedelta(days=2))
        for person in range(PEOPLE, PEOPLE + SEATS):
            sold = await service.book_appointment(
                slot_id=self.schedule.slots[0], patient_id=self.people[person], actor=PORTAL
            )
            self.standing[sold.id] = person
        for person in range(WAITING):
            self.waiting.append((person, (await join(self.people[person], self.schedule)).id))

    @property
    def clinic(self) -> ScheduleUnderTest:
        """The clinic, which stands from the first step on."""
        return cast(ScheduleUnderTest, self.schedule)

    def _open(self, offer: UUID) -> bool:
        return offer not in self.answered and self.told[offer][1] > self.now

    def _is_free_to_take(self, person: int) -> bool:
        """Tell whether nothing keeps a person from the next number."""
        has_place = person in self.standing.values() or any(
            self._open(offer) for offer, (whose, _) in self.told.items() if whose == person
        )
        return not has_place and person not in self.shy

    # --- steps

    @rule(person=people)
    def book(self, person: int) -> None:
        slot, patient = self.clinic.slots[0], self.people[person]
        answer = self.run(lambda: service.book_appointment(slot_id=slot, patient_id=patient, actor=PORTAL))
        if isinstance(answer, Appointment):
            self.standing[answer.id] = person
        else:
            assert type(answer).__name__ in ("SoldOut", "AlreadyBooked", "AlreadyHeld")

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        if not self.standing:
            return
        appointment = list(self.standing)[number % len(self.standing)]
        answer = self.run(lambda: service.cancel_appointment(appointment_id=appointment, reason=None, actor=PORTAL))
        assert isinstance(answer, Appointment), answer
        self.shy.add(self.standing.pop(appointment))

    @rule(person=people)
    def wait(self, person: int) -> None:
        on_sale = self.run(lambda: available(self.clinic))[0]
        answer = self.run(lambda: join(self.people[person], self.clinic))
        if isinstance(answer, Entry):
            # While those who wait have all declined what is on sale, the next may join them.
            assert on_sale == 0 or self.waiting
            self.waiting.append((person, answer.id))
        elif type(answer).__name__ == "SeatsAvailable":
            assert on_sale > 0
        else:
            assert type(answer).__name__ in ("AlreadyWaiting", "AlreadyBooked")

    @rule(number=numbers)
    def accept(self, number: int) -> None:
        self._answer(number, lambda offer: waitlist.accept_offer(offer_id=offer, actor=PORTAL))

    @rule(number=numbers)
    def decline(self, number: int) -> None:
        self._answer(number, lambda offer: waitlist.decline_offer(offer_id=offer, actor=PORTAL))

    def _answer(self, number: int, act: Callable[[UUID], Awaitable[Any]]) -> None:
        """Answer one of the offers, one that is over or answered as well."""
        if not self.told:
            return
        offer = list(self.told)[number % len(self.told)]
        person, _ = self.told[offer]
        answer = self.run(lambda: act(offer))
        assert (type(answer).__name__ != "OfferEnded") == self._open(offer), answer
        if isinstance(answer, HospitalError):
            return
        self.answered.add(offer)
        if isinstance(answer, Appointment):
            self.standing[answer.id] = person
            self.waiting = [one for one in self.waiting if one[0] != person]
        else:
            self.shy.add(person)

    @rule(number=numbers)
    def leave(self, number: int) -> None:
        if not self.waiting:
            return
        person, entry = self.waiting[number % len(self.waiting)]
        answer = self.run(lambda: waitlist.withdraw_entry(entry_id=entry, actor=PORTAL))
        if isinstance(answer, Entry):
            # An offer that was open has ended with the entry.
            self.answered |= {offer for offer, (whose, _) in self.told.items() if whose == person and self._open(offer)}
            self.waiting.remove((person, entry))
            self.shy.add(person)
        else:
            assert type(answer).__name__ == "EntryEnded"

    @rule(minutes=st.sampled_from([1, OFFER_MINUTES - 1, OFFER_MINUTES, OFFER_MINUTES + 1]))
    def let_time_pass(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        self.run(expiry.expire_holds)

    # --- promises

    @invariant()
    def promises_are_kept(self) -> None:
        if getattr(self, "schedule", None) is not None:
            self.run(self._look)

    async def _look(self) -> None:
        on_sale = (await available(self.clinic))[0]
        rows = await self.db.fetch(
            "SELECT id, entry_id, patient_id, until, status FROM hold WHERE kind = 'offer' ORDER BY created_at, id"
        )
        for offer, (person, _) in self.told.items():
            if not self._open(offer) and offer not in self.answered:
                # Missed: the entry is over.
                self.answered.add(offer)
                self.shy.add(person)
                self.waiting = [one for one in self.waiting if one[0] != person]
        order = [entry for _, entry in self.waiting]
        fresh = [row for row in rows if row["id"] not in self.told]
        # Several numbers may come free at one instant; who is first is offered one, and who is next another.
        for row in sorted(fresh, key=lambda row: order.index(row["entry_id"]) if row["entry_id"] in order else -1):
            self._note_offer(row)
        open_now = [offer for offer in self.told if self._open(offer)]
        shown = {row["id"] for row in rows if row["status"] == "active" and row["until"] > self.now}
        assert shown == set(open_now), "an offer is open that nobody was told of, or the other way about"
        assert on_sale + len(open_now) + len(self.standing) == SEATS, "a number is sold and offered, or lost"
        left = [person for person, _ in self.waiting if self._is_free_to_take(person)]
        assert on_sale == 0 or not left, f"{on_sale} numbers are on sale, and {left} wait"
        await require_books_agree(self.db)

    def _note_offer(self, row: Any) -> None:
        """Keep what a person was told; whoever stands further to the front must have been unable to take it."""
        type(self).offers_seen += 1
        person = self.people.index(row["patient_id"])
        order = [entry for _, entry in self.waiting]
        assert row["entry_id"] in order, "somebody was offered a number who does not wait"
        before = self.waiting[: order.index(row["entry_id"])]
        overtaken = [one for one, _ in before if self._is_free_to_take(one)]
        assert not overtaken, f"{person} was offered a number before {overtaken}"
        assert row["until"] == self.now + timedelta(minutes=OFFER_MINUTES)
        self.told[row["id"]] = (person, row["until"])


@pytest.mark.parametrize(
    "examples",
    [15, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])],
)
async def test_any_sequence_of_steps_keeps_the_waitlists_promises(database: Database, examples: int) -> None:
    await HospitalUnderTest(database).build()
    Waitlist.db, Waitlist.loop, Waitlist.offers_seen = database, asyncio.get_running_loop(), 0
    bounds = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    await asyncio.to_thread(run_state_machine_as_test, Waitlist, settings=bounds)

    assert Waitlist.offers_seen, "nobody was offered anything: nothing was tried"
