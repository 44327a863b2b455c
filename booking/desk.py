"""The desk: requests that arrive while a statement runs form the next batch.

There is no timer, so an idle system answers at once, and under a rush one commit serves many callers. At most
`BATCHES_MAX` statements run at a time in one process. A batch reads the facts, applies the rules to each request
by itself, and sends what is left to `claim_seats`, which decides who wins. One bad request never fails its batch
mates: when a batch aborts, its requests are tried one by one.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from booking import errors, facts, returns, rules
from booking.facts import SlotFacts
from booking.fairness import cool_downs, limits
from booking.payment import policies
from booking.rush import turns
from booking.seat_statements import claim_batch
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

# One of the batch did not fit; which one is found by trying them one by one.
_SPLIT_ON = (asyncpg.DeadlockDetectedError, asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)

log = get_logger("booking")

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
    pass_reason: str | None = None  # a member of staff answers for booking in spite of a ban
    uses: list[limits.Use] = field(default_factory=list)
    subjects: list[cool_downs.Subject] = field(default_factory=list)  # whose cool-downs it meets
    looks: int = 0
    slot: SlotFacts | None = None
    known: dict[str, Any] = field(default_factory=dict)  # of the answer, before there is a seat

    @property
    def alone(self) -> tuple[object, ...]:
        """What no other request under way may share: the patient, and the caller's key."""
        key = self.idempotency
        return (self.patient_id,) if key is None else (self.patient_id, (key.client_id, key.key))


class Win(NamedTuple):
    """A seat was given; `replayed` is the stored answer when this request had been served before."""

    known: dict[str, Any]
    queue_number: int
    number: int | None
    replayed: dict[str, Any] | None = None

    @property
    def id(self) -> UUID:
        """Of the hold or appointment."""
        return UUID(str((self.known or self.replayed or {})["id"]))


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

    async def ask(
        self,
        *,
        slot_id: UUID,
        patient_id: UUID,
        actor: Actor,
        idempotency: Idempotency | None,
        pass_reason: str | None = None,
    ) -> Win:
        """Queue for a seat and wait for the answer.

        Raises:
            BookingError: this request's own reason.
            IdempotencyMismatch: the key belongs to another request.
            DatabaseUnavailable: nobody knows; asking again with the same key tells.
        """
        if len(self._waiting) >= QUEUE_REQUESTS_MAX:
            raise errors.Contended
        answer: asyncio.Future[Win] = asyncio.get_running_loop().create_future()
        self._waiting.append(
            SeatRequest(self._kind, (slot_id, actor.channel), patient_id, actor, idempotency, answer, pass_reason)
        )
        self._start_batch()
        try:
            return await answer
        finally:
            # A refusal's traceback would keep this frame, and the frame the future that keeps the refusal.
            del answer

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
            if request.answer.done():
                # Its caller has gone, or has been told of a failure.
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
        async with db.database().session() as session:
            ready = await self._apply_rules(session, batch, at)
            ready = await self._not_paused(session, ready, at)
            ready = await self._within_limits(session, ready, at)
            if not ready:
                return
            try:
                await self._claim(session, ready, at)
            except _SPLIT_ON as error:
                log.warning("desk_batch_split", kind=self._kind, requests=len(ready), error=type(error).__name__)
                for request in ready:
                    if not request.answer.done():
                        await self._claim_alone(session, request, at)

    async def _not_paused(self, session: db.Session, ready: list[SeatRequest], at: datetime) -> list[SeatRequest]:
        """Refuse holds to whoever is cooling down."""
        asked = [(i, one.subjects) for i, one in enumerate(ready)]
        return await self._without(session, ready, await cool_downs.find_paused(session, asked, at=at))

    async def _within_limits(self, session: db.Session, ready: list[SeatRequest], at: datetime) -> list[SeatRequest]:
        """Take what the requests use of their telephones' and devices' limits; refuse those that may not."""
        refusals = await limits.take(session, self._kind, [(i, one.uses) for i, one in enumerate(ready)], at=at)
        return await self._without(session, ready, refusals)

    async def _without(
        self, session: db.Session, ready: list[SeatRequest], refusals: Mapping[int, HospitalError]
    ) -> list[SeatRequest]:
        """Refuse some of a batch, by their places in it; give the others."""
        if not refusals:
            return ready
        await self._turn_away(session, [(ready[i], refusal) for i, refusal in refusals.items()])
        return [request for i, request in enumerate(ready) if i not in refusals]

    async def _claim_alone(self, session: db.Session, request: SeatRequest, at: datetime) -> None:
        try:
            await self._claim(session, [request], at)
        except asyncpg.DeadlockDetectedError:
            _refuse(request, db.DatabaseBusy())
        except asyncpg.UniqueViolationError as error:
            # Where a clinic lets a person come twice a day, one schedule still has them once.
            twice = error.constraint_name == "appointment_patient_schedule_once"
            _fail([request], errors.AlreadyBooked() if twice else error)
        except Exception as error:  # noqa: BLE001  it goes to its own caller, not to its neighbours
            _fail([request], error)

    async def _apply_rules(self, session: db.Session, batch: list[SeatRequest], at: datetime) -> list[SeatRequest]:
        hopeful = [request for request in batch if request.place not in self._sold_out]
        people_asked = [(r.patient_id, None if r.actor.sees_all else r.actor.client_id) for r in hopeful]
        slots = await facts.read_slot_facts(session, facts.distinct(r.place for r in batch), at=at)
        if any(slot.settle_first and slot.has_seat for slot in slots.values()):
            slots = await _settle_first(session, slots, at)
        people = await patients.eligibility_facts(session, people_asked) if people_asked else {}
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
                    person = _require_person(slot, people.get(request.patient_id), request, at)
                    request.uses = limits.uses_of(request.actor, person.phone_hash) if slot.has_limits else []
                    request.subjects = _subjects(request, slot, person) if slot.has_cool_downs else []
            except HospitalError as error:
                refused.append((request, error.with_traceback(None)))
                continue
            request.slot = slot
            if request.patient_id in asked_for and pools.setdefault(slot.slot_id, slot.pools) == slot.pools:
                ready.append(request)
            else:
                # Another channel's pools, or a seat that has come back: with the next batch.
                later.append(request)
        self._waiting.extendleft(reversed(later))
        await self._turn_away(session, refused)
        return ready

    def _remember_sold_out(self, slots: Mapping[tuple[UUID, str], SlotFacts]) -> None:
        for place, slot in slots.items():
            if slot.has_seat:
                self._sold_out.discard(place)
            elif len(self._sold_out) < SOLD_OUT_REMEMBERED_MAX:
                self._sold_out.add(place)
            else:
                self._sold_out = {place}

    async def _turn_away(self, session: db.Session, refused: Sequence[tuple[SeatRequest, HospitalError]]) -> None:
        """Refuse, unless the same request was served before the rules turned against it."""
        keyed: list[tuple[SeatRequest, Idempotency, HospitalError]] = []
        for request, error in refused:
            if request.idempotency is None:
                _refuse(request, error)
            else:
                keyed.append((request, request.idempotency, error))
        if not keyed:
            return
        stored = await stored_answers(session, [key for _, key, _ in keyed])
        for place, (request, key, error) in enumerate(keyed):
            if place in stored:
                _replay(request, key, dict(stored[place]))
            else:
                _refuse(request, error)

    async def _claim(self, session: db.Session, ready: list[SeatRequest], at: datetime) -> None:
        asked = [_row(i, request, at) for i, request in enumerate(ready)]
        gated = [i for i, one in enumerate(ready) if turns.is_gated(one.slot, one.actor)]
        passed = [(i, one.pass_reason) for i, one in enumerate(ready) if one.pass_reason is not None]
        rows = await claim_batch(session, self._kind, asked, self._handlers, gated=gated, passed=passed, at=at)
        if self._handlers and self._kind == "appointment":
            wake()
        lost = [use for i, outcome, *_ in rows if outcome != "won" for use in ready[i].uses]
        await limits.give_back(session, self._kind, lost, at=at)
        for i, outcome, _seat_id, seq, number, detail in rows:
            request = ready[i]
            if outcome == "won":
                _win(request, Win(request.known, seq, number))
            elif outcome != "no_turn":
                self._answer_other(request, outcome, detail)
        refused = [(ready[i], turns.refusal(ready[i].slot)) for i, outcome, *_ in rows if outcome == "no_turn"]
        await self._turn_away(session, refused)
        assert len(rows) == len(ready), f"{len(ready)} asked, {len(rows)} answered"

    def _answer_other(self, request: SeatRequest, outcome: str, detail: dict[str, Any] | None) -> None:
        slot = request.slot
        assert slot is not None, "claimed with facts"
        match outcome:
            case "replay":
                assert detail is not None, "a replay carries what was stored"
                assert request.idempotency is not None, "only keys are replayed"
                _replay(request, request.idempotency, detail)
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


async def _settle_first(
    session: db.Session, slots: dict[tuple[UUID, str], SlotFacts], at: datetime
) -> dict[tuple[UUID, str], SlotFacts]:
    """Let those who wait have what has come free by the instant by which the batch claims; look again at the rest."""
    waited = {slot.schedule_id for slot in slots.values() if slot.settle_first and slot.has_seat}
    await returns.settle(session, waited, at=at)
    return await facts.read_slot_facts(session, list(slots), at=at)


def _require_slot(slot: SlotFacts | None, at: datetime) -> SlotFacts:
    if slot is None:
        raise errors.SlotNotFound
    rules.require_bookable(slot, at=at)
    rules.require_seat(slot)
    return slot


def _require_person(
    slot: SlotFacts, person: patients.PatientFacts | None, request: SeatRequest, at: datetime
) -> patients.PatientFacts:
    if person is None:
        raise errors.PatientUnknown
    rules.require_eligible(slot, person)
    if request.pass_reason is None:
        rules.require_not_banned(slot, person, at=at)
    if request.kind == "appointment":
        policies.require_no_payment_first(slot, request.actor)
    return person


def _subjects(request: SeatRequest, slot: SlotFacts, person: patients.PatientFacts) -> list[cool_downs.Subject]:
    if request.kind != "hold" or slot.is_emergency:
        return []
    return cool_downs.subjects_of(request.actor, request.patient_id, person.phone_hash)


def _row(i: int, request: SeatRequest, at: datetime) -> tuple[object, ...]:
    """Give a request as PostgreSQL's type `seat_request`, field by field."""
    slot, actor, key = request.slot, request.actor, request.idempotency
    assert slot is not None, "claimed with facts"
    request.known = _known_of_hold(request, slot, at) if request.kind == "hold" else _known(request, slot, at)
    kept: tuple[str | None, ...] = (None, None, None, None)
    if key is not None:
        # The end of the JSON is left to `claim_seats`, which knows the number.
        result = orjson.dumps(request.known, default=str)[:-1].decode()
        kept = (key.key, key.operation, orjson.dumps(key.field_hashes).decode(), result)
    return (
        i,
        request.known["id"],
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
        request.known.get("until"),
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
        *kept,
        actor.device_hash,
    )


def _known_of_hold(request: SeatRequest, slot: SlotFacts, at: datetime) -> dict[str, Any]:
    """Give all of a hold but its number."""
    return {
        "id": new_id(),
        "status": "active",
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "patient_id": request.patient_id,
        "until": rules.hold_until(slot, at=at),
        "fee_fen": slot.fee_fen,
        "created_at": at,
    }


def _known(request: SeatRequest, slot: SlotFacts, at: datetime) -> dict[str, Any]:
    """Give all of an appointment but its numbers."""
    return {
        "id": new_id(),
        "status": "booked",
        "his_status": "pending",
        "patient_id": request.patient_id,
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "department_id": slot.department_id,
        "clinic_id": slot.clinic_id,
        "campus_id": slot.campus_id,
        "room_id": slot.room_id,
        "practitioner_id": slot.practitioner_id,
        "service_type": slot.service_type,
        "clinic_date": slot.clinic_date,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "fee_fen": slot.fee_fen,
        "channel": request.actor.channel,
        "client_id": request.actor.client_id,
        "cancel_reason": None,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }


def hold_answer(win: Win) -> facts.Hold:
    """Shape a won hold."""
    if win.replayed is not None:
        return facts.Hold.from_stored(win.replayed)
    return facts.Hold(**win.known, queue_number=win.queue_number)


def appointment_answer(win: Win) -> facts.Appointment:
    """Shape a won appointment."""
    if win.replayed is not None:
        return facts.Appointment.from_stored(win.replayed)
    assert win.number is not None, "an appointment has a number"
    return facts.Appointment(**win.known, queue_number=win.queue_number, number=win.number)


def _already(detail: dict[str, Any], actor: Actor) -> HospitalError:
    if detail["until"] is not None:
        return errors.AlreadyHeld(until=detail["until"])
    if actor.sees_all or detail["client_id"] == actor.client_id:
        return errors.AlreadyBooked(appointment_id=detail["owner_id"])
    return errors.AlreadyBooked()


def _replay(request: SeatRequest, key: Idempotency, kept: dict[str, Any]) -> None:
    try:
        key.require_same(kept["operation"], kept["field_hashes"])
    except HospitalError as error:
        _refuse(request, error)
    else:
        _win(request, Win({}, 0, None, kept["result"]))


def _win(request: SeatRequest, win: Win) -> None:
    if not request.answer.done():
        request.answer.set_result(win)


def _refuse(request: SeatRequest, error: BaseException) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _fail(batch: list[SeatRequest], error: BaseException) -> None:
    for request in batch:
        _refuse(request, error)
