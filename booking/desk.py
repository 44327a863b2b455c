"""The desk: requests that arrive while a statement runs form the next batch.

There is no timer, so an idle system answers at once, and under a rush one commit serves many callers. At most
`BATCHES_MAX` statements run at a time in one process. A batch reads the facts, applies the rules to each request
by itself, and sends what is left to `claim_seats`, which decides who wins. One bad request never fails its batch
mates: when a batch aborts, its requests are tried one by one.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from booking import errors, facts, rules
from booking.facts import SlotFacts
from kernel import clock, db
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency, stored_answers
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.outbox import wake
from patients import queries as patients

BATCHES_MAX = 2
BATCH_REQUESTS_MAX = 32
QUEUE_REQUESTS_MAX = 20_000
LOOKS_MAX = 8
LOOK_PAUSE_SECONDS = 0.004
SOLD_OUT_REMEMBERED_MAX = 10_000

log = get_logger("booking")

# What `claim_seats` adds to the answer that is kept.
_KNOWN_WITH_THE_SEAT = ("queue_number", "number")

Kind = Literal["hold", "appointment"]


@dataclass(slots=True)
class SeatRequest:
    """One caller at the desk."""

    kind: Kind
    place: tuple[UUID, str]  # slot and channel
    patient_id: UUID
    actor: Actor
    idempotency: Idempotency | None
    answer: "asyncio.Future[Win]"
    id: UUID | None = None
    looks: int = 0
    slot: SlotFacts | None = None

    @property
    def alone(self) -> tuple[object, ...]:
        """What no other request under way may share: the patient, and the caller's key."""
        key = self.idempotency
        return (self.patient_id,) if key is None else (self.patient_id, (key.client_id, key.key))


class Win(NamedTuple):
    """A seat was given; `replayed` is the stored answer when this request had been served before."""

    request: SeatRequest
    queue_number: int
    number: int | None
    at: datetime
    replayed: dict[str, Any] | None = None


class Desk:
    """Serves the requests for one kind of claim in this process."""

    def __init__(self, kind: Kind, handlers: tuple[str, ...]) -> None:
        self._kind: Kind = kind
        self._handlers = list(handlers)
        self._waiting: deque[SeatRequest] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()
        # The patients and idempotency keys of the batches that run: two requests of one person never race here.
        self._under_way: set[object] = set()
        # Where the last look found no seat. It only puts off reading the persons who ask: each batch looks anew.
        self._sold_out: set[tuple[UUID, str]] = set()

    async def ask(self, *, slot_id: UUID, patient_id: UUID, actor: Actor, idempotency: Idempotency | None) -> Win:
        """Queue for a seat and wait for the answer.

        Raises:
            BookingError: this request's own reason.
            IdempotencyMismatch: the key belongs to another request.
            DatabaseUnavailable: nobody knows; asking again with the same key tells.
        """
        if len(self._waiting) >= QUEUE_REQUESTS_MAX:
            raise errors.Contended
        answer: asyncio.Future[Win] = asyncio.get_running_loop().create_future()
        self._waiting.append(SeatRequest(self._kind, (slot_id, actor.channel), patient_id, actor, idempotency, answer))
        self._start_batch()
        return await answer

    def _start_batch(self) -> None:
        if self._running < BATCHES_MAX and self._waiting:
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        batch = self._next_batch()
        try:
            if batch:
                await self._decide(batch)
        except db.DatabaseUnavailable as error:
            _fail(batch, error)
        except Exception as error:
            log.error("desk_batch_failed", kind=self._kind, requests=len(batch), exc_info=error)
            _fail(batch, error)
        finally:
            self._running -= 1
            for request in batch:
                self._under_way.difference_update(request.alone)
            if batch or not self._running:
                self._start_batch()

    def _next_batch(self) -> list[SeatRequest]:
        """Take waiting requests, one per patient and per idempotency key at a time; the others wait."""
        batch: list[SeatRequest] = []
        later: list[SeatRequest] = []
        while self._waiting and len(batch) < BATCH_REQUESTS_MAX:
            request = self._waiting.popleft()
            if request.answer.cancelled():
                continue
            if any(one in self._under_way for one in request.alone):
                later.append(request)
                continue
            self._under_way.update(request.alone)
            batch.append(request)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _decide(self, batch: list[SeatRequest]) -> None:
        at = clock.now()
        ready = await self._apply_rules(batch, at)
        if not ready:
            return
        try:
            await self._claim(ready, at)
        except (asyncpg.DeadlockDetectedError, asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            log.warning("desk_batch_split", kind=self._kind, requests=len(ready), error=type(error).__name__)
            for request in ready:
                if not request.answer.done():
                    await self._claim_alone(request, at)

    async def _claim_alone(self, request: SeatRequest, at: datetime) -> None:
        try:
            await self._claim([request], at)
        except asyncpg.DeadlockDetectedError:
            _refuse(request, db.DatabaseBusy())
        except asyncpg.UniqueViolationError as error:
            # Where a clinic lets a person come twice a day, one schedule still has them once.
            twice = error.constraint_name == "appointment_patient_schedule_once"
            _fail([request], errors.AlreadyBooked() if twice else error)
        except Exception as error:  # noqa: BLE001  it goes to its own caller, not to its neighbours
            _fail([request], error)

    async def _apply_rules(self, batch: list[SeatRequest], at: datetime) -> list[SeatRequest]:
        hopeful = [request for request in batch if request.place not in self._sold_out]
        people_asked = [(r.patient_id, None if r.actor.sees_all else r.actor.client_id) for r in hopeful]
        reading_slots = facts.read_slot_facts(db.database(), facts.distinct(r.place for r in batch), at=at)
        people: dict[UUID, patients.PatientFacts] = {}
        if people_asked:
            slots, people = await asyncio.gather(reading_slots, patients.eligibility_facts(db.database(), people_asked))
        else:
            slots = await reading_slots
        self._remember_sold_out(slots)
        asked_for = {request.patient_id for request in hopeful}
        ready: list[SeatRequest] = []
        refused: list[tuple[SeatRequest, HospitalError]] = []
        pools: dict[UUID, tuple[str, ...]] = {}
        later: list[SeatRequest] = []
        for request in batch:
            try:
                slot = _require_slot(slots.get(request.place), at)
                if request.patient_id in asked_for:
                    _require_person(slot, people.get(request.patient_id))
            except HospitalError as error:
                refused.append((request, error))
                continue
            request.slot = slot
            if request.patient_id in asked_for and pools.setdefault(slot.slot_id, slot.pools) == slot.pools:
                ready.append(request)
            else:
                # Another channel's pools, or a seat that has come back: with the next batch.
                later.append(request)
        self._waiting.extendleft(reversed(later))
        await self._turn_away(refused, at)
        return ready

    def _remember_sold_out(self, slots: Mapping[tuple[UUID, str], SlotFacts]) -> None:
        for place, slot in slots.items():
            if slot.has_seat:
                self._sold_out.discard(place)
            elif len(self._sold_out) < SOLD_OUT_REMEMBERED_MAX:
                self._sold_out.add(place)
            else:
                self._sold_out = {place}

    async def _turn_away(self, refused: list[tuple[SeatRequest, HospitalError]], at: datetime) -> None:
        """Refuse, unless the same request was served before the rules turned against it."""
        keyed: list[tuple[SeatRequest, Idempotency, HospitalError]] = []
        for request, error in refused:
            if request.idempotency is None:
                _refuse(request, error)
            else:
                keyed.append((request, request.idempotency, error))
        if not keyed:
            return
        stored = await stored_answers(db.database(), [key for _, key, _ in keyed])
        for place, (request, key, error) in enumerate(keyed):
            if place in stored:
                _replay(request, key, dict(stored[place]), at)
            else:
                _refuse(request, error)

    async def _claim(self, ready: list[SeatRequest], at: datetime) -> None:
        rows = await db.database().fetch(
            "SELECT * FROM claim_seats($1, $2, $3, $4)",
            self._kind,
            at,
            [_row(i, request, at) for i, request in enumerate(ready)],
            self._handlers,
        )
        if self._handlers and self._kind == "appointment":
            wake()
        decided = 0
        for i, outcome, _seat_id, seq, number, detail in rows:
            request = ready[i]
            if outcome == "won":
                decided += 1
                _win(request, Win(request, seq, number, at))
            else:
                self._answer_other(request, outcome, detail, at)
        assert len(rows) == len(ready), f"{len(ready)} asked, {len(rows)} answered"

    def _answer_other(self, request: SeatRequest, outcome: str, detail: dict[str, Any] | None, at: datetime) -> None:
        slot = request.slot
        assert slot is not None, "claimed with facts"
        match outcome:
            case "replay":
                assert detail is not None, "a replay carries what was stored"
                assert request.idempotency is not None, "only keys are replayed"
                _replay(request, request.idempotency, detail, at)
            case "sold_out":
                _refuse(request, errors.SoldOut(next_release_at=slot.opens_next))
            case "already":
                assert detail is not None, "names the claim in the way"
                _refuse(request, _already(detail, request.actor))
            case "daily_limit":
                _refuse(request, errors.DailyLimitReached(limit=slot.daily_limit))
            case "contended" | "again":
                request.looks += 1
                if request.looks >= LOOKS_MAX:
                    _refuse(request, errors.Contended())
                else:
                    asyncio.get_running_loop().call_later(LOOK_PAUSE_SECONDS * request.looks, self._look_again, request)
            case _:
                raise AssertionError(f"claim_seats said {outcome}")

    def _look_again(self, request: SeatRequest) -> None:
        self._waiting.appendleft(request)
        self._start_batch()


def _require_slot(slot: SlotFacts | None, at: datetime) -> SlotFacts:
    if slot is None:
        raise errors.SlotNotFound
    rules.require_bookable(slot, at=at)
    rules.require_seat(slot)
    return slot


def _require_person(slot: SlotFacts, person: patients.PatientFacts | None) -> None:
    if person is None:
        raise errors.PatientUnknown
    rules.require_eligible(slot, person)


def _row(i: int, request: SeatRequest, at: datetime) -> tuple[object, ...]:
    """Give a request as PostgreSQL's type `seat_request`, field by field."""
    slot, actor, key = request.slot, request.actor, request.idempotency
    assert slot is not None, "claimed with facts"
    request.id = request.id or new_id()
    kept: tuple[str | None, ...] = (None, None, None, None)
    if key is not None:
        answer = (hold_answer if request.kind == "hold" else appointment_answer)(Win(request, 0, 0, at)).stored()
        for name in _KNOWN_WITH_THE_SEAT:
            answer.pop(name, None)
        result = orjson.dumps(answer, default=str)[:-1]
        kept = (key.key, key.operation, orjson.dumps(key.field_hashes).decode(), result.decode())
    return (
        i,
        request.id,
        slot.slot_id,
        slot.schedule_id,
        slot.department_id,
        slot.once_per_department_day,
        slot.daily_limit,
        slot.clinic_date,
        slot.starts_at,
        slot.fee_fen,
        ",".join(slot.pools),
        request.patient_id,
        rules.hold_until(slot, at=at),
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
        *kept,
    )


def hold_answer(win: Win) -> facts.Hold:
    """Shape a won hold."""
    slot, request = win.request.slot, win.request
    assert slot is not None, "won with facts"
    assert request.id is not None, "named when it was claimed"
    return facts.Hold(
        id=request.id,
        status="active",
        slot_id=slot.slot_id,
        schedule_id=slot.schedule_id,
        patient_id=request.patient_id,
        queue_number=win.queue_number,
        until=rules.hold_until(slot, at=win.at),
        fee_fen=slot.fee_fen,
        created_at=win.at,
    )


def appointment_answer(win: Win) -> facts.Appointment:
    """Shape a won appointment."""
    slot, request = win.request.slot, win.request
    assert slot is not None, "won with facts"
    assert request.id is not None, "named when it was claimed"
    return facts.Appointment(
        id=request.id,
        number=win.number or 0,
        status="booked",
        his_status="pending",
        patient_id=request.patient_id,
        slot_id=slot.slot_id,
        schedule_id=slot.schedule_id,
        department_id=slot.department_id,
        clinic_id=slot.clinic_id,
        campus_id=slot.campus_id,
        room_id=slot.room_id,
        practitioner_id=slot.practitioner_id,
        service_type=slot.service_type,
        clinic_date=slot.clinic_date,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        queue_number=win.queue_number,
        fee_fen=slot.fee_fen,
        channel=request.actor.channel,
        client_id=request.actor.client_id,
        cancel_reason=None,
        version=1,
        created_at=win.at,
        updated_at=win.at,
    )


def _already(detail: dict[str, Any], actor: Actor) -> HospitalError:
    if detail["until"] is not None:
        return errors.AlreadyHeld(until=detail["until"])
    if actor.sees_all or detail["client_id"] == actor.client_id:
        return errors.AlreadyBooked(appointment_id=detail["owner_id"])
    return errors.AlreadyBooked()


def _replay(request: SeatRequest, key: Idempotency, kept: dict[str, Any], at: datetime) -> None:
    try:
        key.require_same(kept["operation"], kept["field_hashes"])
    except HospitalError as error:
        _refuse(request, error)
    else:
        _win(request, Win(request, 0, None, at, kept["result"]))


def _win(request: SeatRequest, win: Win) -> None:
    if not request.answer.done():
        request.answer.set_result(win)


def _refuse(request: SeatRequest, error: BaseException) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _fail(batch: list[SeatRequest], error: BaseException) -> None:
    for request in batch:
        _refuse(request, error)
