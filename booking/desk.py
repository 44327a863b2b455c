"""The desk: requests that arrive while a statement runs form the next batch.

There is no timer, so an idle system answers at once, and under a rush one commit serves many callers. At most
`BATCHES_MAX` statements run at a time in one process. A batch reads the facts, applies the rules to each request
by itself, and sends what is left to `claim_seats`, which decides who wins. One bad request never fails its batch
mates: when a batch aborts, its requests are tried one by one.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson

from booking import errors, facts, rules
from booking.facts import SlotFacts
from kernel import clock, db
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.outbox import wake
from patients import queries as patients

BATCHES_MAX = 1
BATCH_REQUESTS_MAX = 96
QUEUE_REQUESTS_MAX = 20_000
LOOKS_MAX = 8
LOOK_PAUSE_SECONDS = 0.004

log = get_logger("booking")

Kind = Literal["hold", "appointment"]


@dataclass(slots=True)
class SeatRequest:
    """One caller at the desk."""

    kind: Kind
    slot_id: UUID
    patient_id: UUID
    actor: Actor
    idempotency: Idempotency | None
    answer: "asyncio.Future[Win]"
    id: UUID | None = None
    looks: int = 0
    slot: SlotFacts | None = None


@dataclass(frozen=True, slots=True)
class Win:
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
        self._waiting.append(SeatRequest(self._kind, slot_id, patient_id, actor, idempotency, answer))
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
            self._start_batch()

    def _next_batch(self) -> list[SeatRequest]:
        """Take waiting requests, one per patient and per idempotency key; the others wait for the next batch."""
        batch: list[SeatRequest] = []
        later: list[SeatRequest] = []
        taken: set[object] = set()
        while self._waiting and len(batch) < BATCH_REQUESTS_MAX:
            request = self._waiting.popleft()
            if request.answer.cancelled():
                continue
            key = request.idempotency and (request.idempotency.client_id, request.idempotency.key)
            if request.patient_id in taken or (key and key in taken):
                later.append(request)
                continue
            taken.add(request.patient_id)
            if key:
                taken.add(key)
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
        slots, people = await asyncio.gather(
            facts.read_slot_facts(db.database(), facts.distinct((r.slot_id, r.actor.channel) for r in batch), at=at),
            patients.eligibility_facts(
                db.database(), [(r.patient_id, None if r.actor.sees_all else r.actor.client_id) for r in batch]
            ),
        )
        ready: list[SeatRequest] = []
        pools: dict[UUID, tuple[str, ...]] = {}
        later: list[SeatRequest] = []
        for request in batch:
            slot = slots.get((request.slot_id, request.actor.channel))
            try:
                refusal = _refusal(slot, people.get(request.patient_id), at)
            except HospitalError as error:
                refusal = error
            if refusal is not None:
                if request.idempotency is None:
                    _refuse(request, refusal)
                    continue
                # The same request may have been served before the rules turned against it.
                if not await self._answer_again(request, at):
                    _refuse(request, refusal)
                continue
            assert slot is not None, "a missing slot is refused"
            request.slot = slot
            if pools.setdefault(slot.slot_id, slot.pools) == slot.pools:
                ready.append(request)
            else:
                later.append(request)
        self._waiting.extendleft(reversed(later))
        return ready

    async def _answer_again(self, request: SeatRequest, at: datetime) -> bool:
        """Give the stored answer, waiting for one that is just being made; tell whether there was one."""
        assert request.idempotency is not None, "only asked for requests with a key"
        async with db.database().transaction() as tx:
            try:
                stored = await request.idempotency.replay(tx)
            except HospitalError as error:
                _refuse(request, error)
                return True
        if stored is None:
            return False
        _win(request, Win(request, 0, None, at, stored))
        return True

    async def _claim(self, ready: list[SeatRequest], at: datetime) -> None:
        payload = orjson.dumps([_wire(i, request, at) for i, request in enumerate(ready)], default=str).decode()
        rows = await db.database().fetch(
            "SELECT * FROM claim_seats($1, $2, $3::jsonb, $4)", self._kind, at, payload, self._handlers
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
                _replay(request, detail, at)
            case "sold_out":
                _refuse(request, errors.SoldOut(next_release_at=slot.opens_next))
            case "already":
                assert detail is not None, "names the claim in the way"
                _refuse(request, _already(detail))
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


def _refusal(slot: SlotFacts | None, person: patients.PatientFacts | None, at: datetime) -> HospitalError | None:
    if slot is None:
        return errors.SlotNotFound()
    if person is None:
        return errors.PatientUnknown()
    rules.require_bookable(slot, at=at)
    rules.require_eligible(slot, person)
    rules.require_seat(slot)
    return None


def _wire(i: int, request: SeatRequest, at: datetime) -> dict[str, object]:
    slot, actor, key = request.slot, request.actor, request.idempotency
    assert slot is not None, "claimed with facts"
    request.id = request.id or new_id()
    wire: dict[str, object] = {
        "i": i,
        "id": request.id,
        "slot_id": slot.slot_id,
        "schedule_id": slot.schedule_id,
        "department_id": slot.department_id,
        "once": slot.once_per_department_day,
        "daily_limit": slot.daily_limit,
        "clinic_date": slot.clinic_date,
        "starts_at": slot.starts_at,
        "fee_fen": slot.fee_fen,
        "pools": ",".join(slot.pools),
        "patient_id": request.patient_id,
        "until": at + timedelta(seconds=slot.hold_seconds),
        "channel": actor.channel,
        "client_id": actor.client_id,
        "staff_code": actor.staff_code,
        "request_id": actor.request_id,
    }
    if key is not None:
        result = (hold_answer if request.kind == "hold" else appointment_answer)(Win(request, 0, 0, at))
        wire |= {
            "idem_key": key.key,
            "operation": key.operation,
            "field_hashes": dict(key.field_hashes),
            "result": result.stored(),
        }
    return wire


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
        until=win.at + timedelta(seconds=slot.hold_seconds),
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


def _already(detail: dict[str, Any]) -> HospitalError:
    if detail["until"] is not None:
        return errors.AlreadyHeld(until=detail["until"])
    return errors.AlreadyBooked(appointment_id=detail["owner_id"])


def _replay(request: SeatRequest, detail: dict[str, Any], at: datetime) -> None:
    assert request.idempotency is not None, "only keys are replayed"
    try:
        request.idempotency.require_same(detail["operation"], detail["field_hashes"])
    except HospitalError as error:
        _refuse(request, error)
    else:
        _win(request, Win(request, 0, None, at, detail["result"]))


def _win(request: SeatRequest, win: Win) -> None:
    if not request.answer.done():
        request.answer.set_result(win)


def _refuse(request: SeatRequest, error: BaseException) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _fail(batch: list[SeatRequest], error: BaseException) -> None:
    for request in batch:
        _refuse(request, error)
