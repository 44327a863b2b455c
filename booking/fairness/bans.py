"""Bans: imposed when no-shows reach the rule's count, lifted by pardon, by appeal or because a no-show was none.

A no-show counts for one ban only. Whatever changes what a ban rests on first takes one lock (`lock_counting`), so
that two corrections, or a correction and the count, never decide on each other's halves. It is taken after the
appointment's row, where one is locked, and before the ban's and the patient's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from booking import notices
from booking.fairness import errors
from booking.fairness.states import APPEAL, BAN
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients
from patients.service import set_banned_until

APPEALS_PER_BAN_MAX: Final = 3
SYSTEM: Final = Actor(client_id="system:noshow", channel="system", kind="system")
_LOCK: Final = 0x6E6F7368_6F777300  # "noshows"

# What counts: no-shows since an instant that no ban rests on, of visits of a kind that counts, emergencies never.
_UNUSED: Final = """
SELECT a.id, a.patient_id, a.starts_at FROM appointment a
JOIN schedule sc ON sc.id = a.schedule_id
JOIN service_type t ON t.code = sc.service_type AND t.counts_noshow
JOIN clinic c ON c.id = sc.clinic_id AND NOT c.is_emergency
WHERE a.status = 'noshow' AND a.patient_id = ANY ($1) AND a.starts_at > $2
  AND NOT EXISTS (SELECT FROM booking_ban_evidence e WHERE e.appointment_id = a.id)
ORDER BY a.starts_at, a.id
"""


@dataclass(frozen=True, slots=True)
class NoShowRule:
    """So many no-shows within so many days lead to so many days without booking."""

    noshow_count: int
    window_days: int
    ban_days: int
    grace_minutes: int


async def read_rule(tx: Transaction) -> NoShowRule | None:
    """Read the hospital's rule; None while it is switched off."""
    row = await tx.fetchrow(
        "SELECT noshow_count, window_days, ban_days, grace_minutes FROM noshow_rule WHERE active FOR SHARE"
    )
    return None if row is None else NoShowRule(*row.values())


async def lock_counting(tx: Transaction) -> None:
    """Let nobody else count, correct or lift until this transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def impose_bans(tx: Transaction, patient_ids: Sequence[UUID], rule: NoShowRule, *, at: datetime) -> int:
    """Ban those whose no-shows have reached the rule's count; give the number of bans. Counting must be locked."""
    counted: dict[UUID, list[UUID]] = {}
    for row in await tx.fetch(_UNUSED, sorted(patient_ids), at - timedelta(days=rule.window_days)):
        counted.setdefault(row["patient_id"], []).append(row["id"])
    reached = {patient: missed for patient, missed in sorted(counted.items()) if len(missed) >= rule.noshow_count}
    for patient_id, missed in reached.items():
        ban_id = new_id()
        await tx.execute(
            "INSERT INTO booking_ban (id, patient_id, status, noshow_count, starts_at, until)"
            " VALUES ($1, $2, 'active', $3, $4, $5)",
            ban_id,
            patient_id,
            rule.noshow_count,
            at,
            at + timedelta(days=rule.ban_days),
        )
        await tx.execute(
            "INSERT INTO booking_ban_evidence (appointment_id, ban_id) SELECT unnest($1::uuid[]), $2", missed, ban_id
        )
        await tell(tx, "imposed", actor=SYSTEM, at=at, patient_id=patient_id, ban_id=ban_id)
        await _settle_patient(tx, patient_id, at=at)
        until = at + timedelta(days=rule.ban_days)
        await _notify(tx, "ban.imposed", patient_id=patient_id, ban_id=ban_id, facts={"until": until}, at=at)
    return len(reached)


async def lift_ban(
    *, ban_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> dict[str, Any]:
    """Pardon: end a ban before its time. What it rested on is used up; other bans of the person stand.

    Raises:
        BanNotFound, BanNotActive, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await lock_counting(tx)
        ban = await _lock_running(tx, ban_id, at=at)
        if await _close_open_appeal(tx, ban_id, status="granted", decision=reason, at=at):
            await _lift(tx, ban, by="appeal", reason=reason, actor=actor, at=at)
        else:
            await _lift(tx, ban, by="pardon", reason=reason, actor=actor, at=at)
        answer = await read_ban(tx, ban_id, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def appeal(*, ban_id: UUID, reason: str, actor: Actor, idempotency: Idempotency | None = None) -> dict[str, Any]:
    """Ask the hospital to look at a ban again, for a patient of the caller's.

    Raises:
        BanNotFound: absent, or of a patient whom the caller has not registered.
        BanNotActive, AppealOpen, AppealLimitReached, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await read_ban(tx, ban_id, actor=actor, at=at)
        ban = await _lock_running(tx, ban_id, at=at)
        earlier = await tx.fetch("SELECT status FROM booking_ban_appeal WHERE ban_id = $1", ban_id)
        if any(one["status"] == "open" for one in earlier):
            raise errors.AppealOpen
        if len(earlier) >= APPEALS_PER_BAN_MAX:
            raise errors.AppealLimitReached(limit=APPEALS_PER_BAN_MAX)
        await tx.execute(
            "INSERT INTO booking_ban_appeal (id, ban_id, status, reason, client_id, created_at)"
            " VALUES ($1, $2, 'open', $3, $4, $5)",
            new_id(),
            ban_id,
            reason,
            actor.client_id,
            at,
        )
        await tell(tx, "appealed", actor=actor, at=at, patient_id=ban["patient_id"], ban_id=ban_id, reason=reason)
        answer = await read_ban(tx, ban_id, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def decide_appeal(
    *,
    appeal_id: UUID,
    decision: Literal["granted", "rejected"],
    reason: str,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:
    """Grant an appeal, which lifts its ban, or reject it, which leaves everything as it is.

    Raises:
        AppealNotFound, AppealDecided, BanNotActive, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await lock_counting(tx)
        found = await tx.fetchrow("SELECT ban_id, status FROM booking_ban_appeal WHERE id = $1", appeal_id)
        if found is None:
            raise errors.AppealNotFound
        if not APPEAL.allows(found["status"], decision):
            raise errors.AppealDecided(current_status=found["status"])
        ban_id = found["ban_id"]
        ban = await _lock_running(tx, ban_id, at=at)
        closed = await _close_open_appeal(tx, ban_id, status=decision, decision=reason, at=at)
        assert closed, "counting is locked, and whoever decides locks it"
        if decision == "granted":
            await _lift(tx, ban, by="appeal", reason=reason, actor=actor, at=at)
        else:
            patient_id = ban["patient_id"]
            await tell(tx, "appeal_rejected", actor=actor, at=at, patient_id=patient_id, ban_id=ban_id, reason=reason)
            await _notify(tx, "ban.appeal_rejected", patient_id=patient_id, ban_id=ban_id, facts={}, at=at)
        answer = await read_ban(tx, ban_id, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def recount(tx: Transaction, appointment_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Take a no-show that was none out of the ban that rests on it; lift the ban if too few remain.

    Later no-shows of the person that no ban rests on take its place. Counting must be locked.
    """
    ban_id = await tx.fetchval(
        "DELETE FROM booking_ban_evidence WHERE appointment_id = $1 RETURNING ban_id", appointment_id
    )
    if ban_id is None:
        return
    ban = await tx.fetchrow("SELECT * FROM booking_ban WHERE id = $1 FOR UPDATE", ban_id)
    assert ban is not None, "evidence refers to it"
    if ban["status"] != "active" or ban["until"] <= at:
        return
    remaining = await tx.fetchval("SELECT count(*) FROM booking_ban_evidence WHERE ban_id = $1", ban_id)
    if remaining >= ban["noshow_count"]:
        return
    rule = await read_rule(tx)
    since = at - timedelta(days=rule.window_days) if rule else at
    spare = await tx.fetch(_UNUSED, [ban["patient_id"]], since)
    missing = ban["noshow_count"] - remaining
    if len(spare) >= missing:
        await tx.execute(
            "INSERT INTO booking_ban_evidence (appointment_id, ban_id) SELECT unnest($1::uuid[]), $2",
            [row["id"] for row in spare[:missing]],
            ban_id,
        )
        return
    # What is left of it counts again.
    await tx.execute("DELETE FROM booking_ban_evidence WHERE ban_id = $1", ban_id)
    await _close_open_appeal(tx, ban_id, status="granted", decision="recount", at=at)
    await _lift(tx, ban, by="recount", reason=None, actor=actor, at=at)


def require_may_pass(actor: Actor) -> None:
    """Let only a member of staff book for somebody in spite of a ban.

    Raises:
        PassForStaffOnly: a partner, or nobody, decides this.
    """
    if actor.kind != "internal" or actor.staff_code is None:
        raise errors.PassForStaffOnly


async def tell(
    tx: Transaction,
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    patient_id: UUID,
    ban_id: UUID | None = None,
    appointment_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """Append the event of a change, in the change's transaction."""
    await tx.execute(
        "INSERT INTO booking_ban_event (at, kind, patient_id, ban_id, appointment_id, reason, channel, client_id,"
        " staff_code, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        at,
        kind,
        patient_id,
        ban_id,
        appointment_id,
        reason,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )


async def _lock_running(tx: Transaction, ban_id: UUID, *, at: datetime) -> Row:
    ban = await tx.fetchrow("SELECT * FROM booking_ban WHERE id = $1 FOR UPDATE", ban_id)
    if ban is None:
        raise errors.BanNotFound
    if ban["status"] != "active" or ban["until"] <= at:
        raise errors.BanNotActive(current_status="ended" if ban["status"] == "active" else ban["status"])
    return ban


async def _lift(tx: Transaction, ban: Row, *, by: str, reason: str | None, actor: Actor, at: datetime) -> None:
    lifted = await tx.execute(
        "UPDATE booking_ban SET status = 'lifted', lifted_at = $2, lifted_by = $3 WHERE id = $1 AND status = ANY ($4)",
        ban["id"],
        at,
        by,
        BAN.before("lifted"),
    )
    assert lifted == 1, "its row is locked and active"
    patient_id = ban["patient_id"]
    await tell(tx, "lifted", actor=actor, at=at, patient_id=patient_id, ban_id=ban["id"], reason=reason)
    await _settle_patient(tx, patient_id, at=at)
    await _notify(tx, "ban.lifted", patient_id=patient_id, ban_id=ban["id"], facts={"lifted_by": by}, at=at)


async def _notify(
    tx: Transaction, kind: str, *, patient_id: UUID, ban_id: UUID, facts: dict[str, object], at: datetime
) -> None:
    """Leave a notice for every partner who may read the ban."""
    for client_id in await patients.clients_of(tx, patient_id):
        told = {"patient_id": patient_id, **facts}
        await notices.post(tx, client_id=client_id, kind=kind, subject_id=ban_id, facts=told, at=at)


async def _close_open_appeal(tx: Transaction, ban_id: UUID, *, status: str, decision: str, at: datetime) -> bool:
    closed = await tx.execute(
        "UPDATE booking_ban_appeal SET status = $2, decision = $3, decided_at = $4"
        " WHERE ban_id = $1 AND status = ANY ($5)",
        ban_id,
        status,
        decision,
        at,
        APPEAL.before(status),
    )
    return closed == 1


async def _settle_patient(tx: Transaction, patient_id: UUID, *, at: datetime) -> None:
    """Note with the patient until when the longest of the running bans lasts."""
    until = await tx.fetchval(
        "SELECT max(until) FROM booking_ban WHERE patient_id = $1 AND status = 'active' AND until > $2", patient_id, at
    )
    await set_banned_until(tx, patient_id, until)


# --- reading

_BAN: Final = """
SELECT b.id, b.patient_id, b.noshow_count, b.starts_at, b.until, b.lifted_at, b.lifted_by,
       CASE WHEN b.status = 'active' AND b.until <= $1 THEN 'ended' ELSE b.status END AS status,
       coalesce((SELECT jsonb_agg(jsonb_build_object('starts_at', a.starts_at, 'appointment_id',
                     CASE WHEN $2 OR a.client_id = $3 THEN a.id END) ORDER BY a.starts_at, a.id)
                 FROM booking_ban_evidence e JOIN appointment a ON a.id = e.appointment_id
                 WHERE e.ban_id = b.id), '[]') AS noshows,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', p.id, 'status', p.status, 'reason', p.reason,
                     'decision', p.decision, 'created_at', p.created_at, 'decided_at', p.decided_at) ORDER BY p.id)
                 FROM booking_ban_appeal p WHERE p.ban_id = b.id), '[]') AS appeals
FROM booking_ban b
"""


async def read_ban(tx: Transaction, ban_id: UUID, *, actor: Actor, at: datetime) -> dict[str, Any]:
    """Read a ban as the caller may see it; other clients' appointments are not named to a partner.

    Raises:
        BanNotFound: absent, or of a patient whom the caller has not registered.
    """
    row = await tx.fetchrow(f"{_BAN} WHERE b.id = $4", at, actor.sees_all, actor.client_id, ban_id)
    if row is None or not await _may_see(tx, row["patient_id"], actor):
        raise errors.BanNotFound
    return dict(row)


async def get_ban(ban_id: UUID, *, actor: Actor) -> dict[str, Any]:
    """Read a ban.

    Raises:
        BanNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        return await read_ban(tx, ban_id, actor=actor, at=clock.now())


async def list_bans(
    *,
    actor: Actor,
    patient_id: UUID | None = None,
    appealed: bool | None = None,
    running: bool | None = None,
    before: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """List bans, newest first: a patient's of the caller's, or (for the hospital's own) everybody's.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if not actor.sees_all and (patient_id is None or not await _may_see(tx, patient_id, actor)):
            return []
        rows = await tx.fetch(
            f"{_BAN} WHERE ($4::uuid IS NULL OR b.patient_id = $4) AND ($5::uuid IS NULL OR b.id < $5)"
            " AND ($6::boolean IS NULL OR $6 = EXISTS ("
            " SELECT FROM booking_ban_appeal o WHERE o.ban_id = b.id AND o.status = 'open'))"
            " AND ($7::boolean IS NULL OR $7 = (b.status = 'active' AND b.until > $1))"
            " ORDER BY b.id DESC LIMIT $8",
            at,
            actor.sees_all,
            actor.client_id,
            patient_id,
            before,
            appealed,
            running,
            limit,
        )
        return [dict(row) for row in rows]


async def _may_see(tx: Transaction, patient_id: UUID, actor: Actor) -> bool:
    key = (patient_id, None if actor.sees_all else actor.client_id)
    return patient_id in await patients.eligibility_facts(tx, [key])
