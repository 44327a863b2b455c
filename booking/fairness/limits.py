"""How many holds an hour and bookings a day come from one telephone, account or device of the public's.

A use is taken before the seat is looked for and given back when there was none, so that only what was won counts and
two requests never share the last use. Should a claim fail altogether in between, a use is lost until its hour or day is
over: a limit may then refuse one too early, and never lets one too many through.

An account is one of our own mini-program's; in a partner's application it is a telephone, until applications tell us of
accounts. The hospital's own applications serve everybody from few devices, and are not limited. Whether any limit
counts is read with the slot's facts: while none does, a booking pays nothing for this.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from datetime import time as wall_time
from typing import Final, Literal, NamedTuple
from uuid import UUID

from booking.errors import LimitReached
from kernel import clock
from kernel.db import Database, Reader, Transaction
from kernel.events import Actor
from patients import queries as patients

USES_PURGED_MAX: Final = 5_000

Claim = Literal["hold", "appointment"]


class Use(NamedTuple):
    """One use of one subject; the key is a keyed hash."""

    subject: str
    key: bytes


def uses_of(actor: Actor, phone_hash: bytes | None) -> list[Use]:
    """List what a claim of this caller for a person of this telephone uses."""
    if not actor.acts_for_the_public:
        return []
    uses = []
    if phone_hash is not None:
        uses.append(Use("phone", phone_hash))
    if (account := account_key(actor, phone_hash)) is not None:
        uses.append(Use("account", account))
    if actor.device_hash is not None:
        uses.append(Use("device", actor.device_hash))
    return uses


def account_key(actor: Actor, phone_hash: bytes | None) -> bytes | None:
    """Tell by what an account is known, as in booking/fairness/patterns.py; None where nothing tells."""
    if actor.kind == "account":
        return actor.client_id.encode()
    return None if phone_hash is None else phone_hash + actor.client_id.encode()


async def take(
    db: Reader, claim: Claim, requests: Sequence[tuple[int, Sequence[Use]]], *, at: datetime
) -> dict[int, LimitReached]:
    """Take what these requests use, all of a request's or none; give the refusals of those that may not."""
    asked = [(i, use) for i, uses in requests for use in uses]
    if not asked:
        return {}
    hour, day = _since(at)
    rows = await db.fetch(
        "SELECT * FROM take_claim_uses($1, $2, $3, $4, $5, $6)",
        claim,
        hour,
        day,
        [i for i, _ in asked],
        [use.subject for _, use in asked],
        [use.key for _, use in asked],
    )
    again = {"hour": hour + timedelta(hours=1), "day": day + timedelta(days=1)}
    return {
        row["request"]: LimitReached(subject=row["subject"], limit=row["count_max"], again_at=again[row["period"]])
        for row in rows
    }


async def count_booking(tx: Transaction, patient_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Count a hold that becomes a booking among those of its telephone and device, in the booking's transaction.

    Raises:
        LimitReached.
    """
    if not actor.acts_for_the_public:
        return
    people = await patients.eligibility_facts(tx, [(patient_id, None)])
    refusals = await take(tx, "appointment", [(0, uses_of(actor, people[patient_id].phone_hash))], at=at)
    if refusals:
        raise refusals[0]


async def give_back(db: Reader, claim: Claim, uses: Sequence[Use], *, at: datetime) -> None:
    """Give back what was taken at this instant and won nothing."""
    if uses:
        await db.fetch(
            "SELECT give_claim_uses($1, $2, $3, $4, $5)",
            claim,
            *_since(at),
            [use.subject for use in uses],
            [use.key for use in uses],
        )


async def purge_uses(db: Database) -> int:
    """Take away up to `USES_PURGED_MAX` counts of days gone by; give their number."""
    return await db.execute(
        "DELETE FROM claim_use WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM claim_use WHERE since < $1 ORDER BY since LIMIT $2))",
        clock.now() - timedelta(days=2),
        USES_PURGED_MAX,
    )


def _since(at: datetime) -> tuple[datetime, datetime]:
    """Give the beginnings of the clock hour and of the clinic day."""
    return at.replace(minute=0, second=0, microsecond=0), clock.clinic_instant(clock.clinic_date(at), wall_time())
