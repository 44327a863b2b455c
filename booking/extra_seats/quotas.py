"""How many extra seats a practitioner may have in a half day: their own quota, else the hospital's."""

from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from booking.catalogue.entries import Values
from booking.catalogue.errors import EntryNotFound, VersionConflict
from booking.extra_seats import errors
from kernel import clock
from kernel.audit import record_change
from kernel.db import Database, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

HalfDay = Literal["am", "pm"]
NOON: Final = 12
NO_VERSION: Final = 0
"""Of a practitioner who has no quota of their own yet."""


def half_day_of(starts_at: datetime) -> HalfDay:
    """Tell in which half of the clinic day a slot begins, by the clock in Guangzhou."""
    return "am" if starts_at.astimezone(clock.SHANGHAI).hour < NOON else "pm"


async def require_quota(tx: Transaction, practitioner_id: UUID, *, clinic_date: date, half_day: HalfDay) -> None:
    """Take turns for a practitioner's half day, and let one more request in if the quota has room.

    Raises:
        ExtraSeatQuotaReached.
    """
    turn = f"extra seats\n{practitioner_id}\n{clinic_date}\n{half_day}"
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", turn)
    limit = (await _read(tx, practitioner_id))["per_half_day"]
    used = await tx.fetchval(
        "SELECT count(*) FROM extra_seat WHERE practitioner_id = $1 AND clinic_date = $2 AND half_day = $3"
        " AND status <> 'refused'",
        practitioner_id,
        clinic_date,
        half_day,
    )
    if used >= limit:
        raise errors.ExtraSeatQuotaReached(limit=limit)


async def get_quota(practitioner_id: UUID | None) -> Values:
    """Read a practitioner's quota, or the hospital's (None).

    Raises:
        EntryNotFound: there is no such practitioner.
        DatabaseUnavailable.
    """
    return await _read(database(), practitioner_id)


async def set_quota(
    practitioner_id: UUID | None,
    *,
    per_half_day: int,
    version: int,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Set a practitioner's quota, or the hospital's (None), that is still as it was read.

    Raises:
        EntryNotFound, VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await _read(tx, practitioner_id)
        if practitioner_id is None:
            won = await tx.execute(
                "UPDATE extra_seat_rule SET per_half_day = $1, version = version + 1 WHERE version = $2",
                per_half_day,
                version,
            )
        elif version == NO_VERSION:
            won = await tx.execute(
                "INSERT INTO extra_seat_quota (practitioner_id, per_half_day) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                practitioner_id,
                per_half_day,
            )
        else:
            won = await tx.execute(
                "UPDATE extra_seat_quota SET per_half_day = $2, version = version + 1"
                " WHERE practitioner_id = $1 AND version = $3",
                practitioner_id,
                per_half_day,
                version,
            )
        answer = await _read(tx, practitioner_id)
        if won != 1:
            raise VersionConflict(current=answer["version"])
        await record_change(
            tx,
            entity="extra_seat_quota",
            entity_id=str(practitioner_id or "hospital"),
            action="updated",
            before=before,
            after=answer,
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _read(db: Database | Transaction, practitioner_id: UUID | None) -> Values:
    row = await db.fetchrow(
        "SELECT r.per_half_day, r.version, q.per_half_day AS own, q.version AS own_version,"
        " $1::uuid IS NULL OR EXISTS (SELECT FROM practitioner WHERE id = $1) AS is_known"
        " FROM extra_seat_rule r LEFT JOIN extra_seat_quota q ON q.practitioner_id = $1",
        practitioner_id,
    )
    assert row is not None, "the hospital's own rule is always there"
    if not row["is_known"]:
        raise EntryNotFound(entity="practitioner")
    is_own = row["own"] is not None
    return {
        "practitioner_id": None if practitioner_id is None else str(practitioner_id),
        "per_half_day": row["own"] if is_own else row["per_half_day"],
        "version": row["version"] if practitioner_id is None else row["own_version"] or NO_VERSION,
    }
