"""What staff do with the findings of booking/fairness/patterns.py: look, confirm, dismiss, end a cool-down."""

from typing import Any, Final
from uuid import UUID

from booking.fairness import errors, patterns
from booking.fairness.states import PATTERN_FLAG
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

EVIDENCE_SHOWN_MAX: Final = 200

# Whom a keyed hash stands for is told by the persons and applications of its events.
_FLAG: Final = """
SELECT f.id, r.pattern, f.subject, f.status, f.event_count, r.count_min, f.window_minutes, f.first_at, f.last_at,
       f.raised_at, f.decided_at, f.decided_by, f.reason, f.cool_down_until
FROM hold_pattern_flag f JOIN hold_pattern_rule r ON r.id = f.rule_id
"""

_EVIDENCE: Final = """
SELECT e.id AS event_id, e.kind, e.at, e.schedule_id, s.seq AS queue_number, e.patient_id, e.hold_id, e.appointment_id,
       e.client_id, n.id AS next_event_id, n.kind AS next_kind, n.at AS next_at, n.patient_id AS next_patient_id,
       n.appointment_id AS next_appointment_id
FROM hold_pattern_evidence v
JOIN booking_event e ON e.id = v.event_id
JOIN booking_event n ON n.id = v.followed_by
JOIN seat s ON s.id = e.seat_id
WHERE v.flag_id = $1 ORDER BY v.event_id DESC LIMIT $2
"""


async def list_flags(*, status: str | None, before: UUID | None, limit: int) -> list[dict[str, Any]]:
    """List findings, newest first, without their evidence.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_FLAG} WHERE ($1::text IS NULL OR f.status = $1) AND ($2::uuid IS NULL OR f.id < $2)"
        " ORDER BY f.id DESC LIMIT $3",
        status,
        before,
        limit,
    )
    return [dict(row) for row in rows]


async def get_flag(flag_id: UUID) -> dict[str, Any]:
    """Read a finding with the newest of its evidence.

    Raises:
        PatternFlagNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        return await _read(tx, flag_id)


async def confirm_flag(
    *, flag_id: UUID, reason: str, cool_down_minutes: int | None, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Agree with a finding: its subject may hold nothing for the rule's time, or for what the member of staff says.

    Raises:
        PatternFlagNotFound, PatternFlagDecided, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        flag = await _lock(tx, flag_id, to="confirmed")
        minutes = flag["cool_down_minutes"] if cool_down_minutes is None else cool_down_minutes
        confirmed = await patterns.cool_down(tx, flag_id, minutes=minutes, reason=reason, actor=actor, at=at)
        assert confirmed, "it is locked and open"
        return await _answer(tx, flag_id, idempotency)


async def dismiss_flag(
    *, flag_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Find nothing wrong: nothing follows, and the same events are not raised again.

    Raises:
        PatternFlagNotFound, PatternFlagDecided, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(flag_id, to="dismissed", reason=reason, actor=actor, idempotency=idempotency)


async def lift_cool_down(
    *, flag_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """End a cool-down before its time.

    Raises:
        PatternFlagNotFound, PatternFlagDecided, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(flag_id, to="lifted", reason=reason, actor=actor, idempotency=idempotency)


async def _turn(
    flag_id: UUID, *, to: str, reason: str, actor: Actor, idempotency: Idempotency | None
) -> dict[str, Any]:
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        flag = await _lock(tx, flag_id, to=to)
        turned = await tx.execute(
            "UPDATE hold_pattern_flag SET status = $2, decided_at = $3, decided_by = $4, reason = $5"
            " WHERE id = $1 AND status = ANY ($6)",
            flag_id,
            to,
            at,
            actor.staff_code,
            reason,
            PATTERN_FLAG.before(to),
        )
        assert turned == 1, "it is locked"
        count = flag["event_count"]
        await patterns.tell(tx, to, flag_id=flag_id, event_count=count, reason=reason, actor=actor, at=at)
        return await _answer(tx, flag_id, idempotency)


async def _lock(tx: Transaction, flag_id: UUID, *, to: str) -> Row:
    flag = await tx.fetchrow(
        "SELECT f.status, f.event_count, r.cool_down_minutes FROM hold_pattern_flag f"
        " JOIN hold_pattern_rule r ON r.id = f.rule_id WHERE f.id = $1 FOR UPDATE OF f",
        flag_id,
    )
    if flag is None:
        raise errors.PatternFlagNotFound
    if not PATTERN_FLAG.allows(flag["status"], to):
        raise errors.PatternFlagDecided(current_status=flag["status"])
    return flag


async def _answer(tx: Transaction, flag_id: UUID, idempotency: Idempotency | None) -> dict[str, Any]:
    answer = await _read(tx, flag_id)
    if idempotency:
        await idempotency.remember(tx, answer)
    return answer


async def _read(tx: Transaction, flag_id: UUID) -> dict[str, Any]:
    row = await tx.fetchrow(f"{_FLAG} WHERE f.id = $1", flag_id)
    if row is None:
        raise errors.PatternFlagNotFound
    evidence = await tx.fetch(_EVIDENCE, flag_id, EVIDENCE_SHOWN_MAX)
    return dict(row) | {"evidence": [dict(event) for event in evidence]}
