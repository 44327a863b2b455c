"""Dead letters: what could not be told or applied, shown to a person who replays or skips it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from integration.his.errors import DeadLetterNotFound, DeadLetterReasonMissing
from kernel import clock
from kernel.boxes import Box
from kernel.db import Database
from kernel.outbox import INBOX, OUTBOX, wake

BoxName = Literal["outbox", "inbox"]
LIST_ROWS_MAX: Final = 200
REASON_CHARACTERS_MAX: Final = 500

_BOXES: Final[dict[str, Box]] = {"outbox": OUTBOX, "inbox": INBOX}
_COLUMNS: Final = "id, event_type, aggregate, depends_on, created_at, attempts, refusals, last_error, status"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One letter that waits for a person. `held_up` letters of its aggregate wait behind it."""

    box: BoxName
    id: int
    event_type: str
    aggregate: str
    depends_on: str | None
    created_at: datetime
    attempts: int
    refusals: int
    last_error: str | None
    held_up: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person has done with a letter before."""

    at: datetime
    action: str
    person: str
    reason: str


async def list_dead_letters(db: Database, *, limit: int = LIST_ROWS_MAX) -> list[DeadLetter]:
    """Give the dead letters of both boxes, the oldest first."""
    found: list[DeadLetter] = []
    for box in ("outbox", "inbox"):
        rows = await db.fetch(
            f"SELECT {_COLUMNS},"  # noqa: S608  the box is one of two literals
            f" (SELECT count(*) FROM {box} b WHERE b.handler = d.handler AND b.status = 'pending'"
            "   AND b.id > d.id AND (b.aggregate = d.aggregate OR b.depends_on = d.aggregate))"
            f" AS held_up FROM {box} d WHERE status = 'dead' ORDER BY id LIMIT $1",
            min(limit, LIST_ROWS_MAX),
        )
        found += [_read(box, dict(row)) for row in rows]
    return sorted(found, key=lambda letter: letter.created_at)[:limit]


async def show_dead_letter(db: Database, *, box: BoxName, letter_id: int) -> tuple[DeadLetter, list[Deed]]:
    """Give one dead letter and what was done with it before.

    Raises:
        DeadLetterNotFound: there is none of this number in this box.
    """
    row = await db.fetchrow(
        f"SELECT {_COLUMNS},"  # noqa: S608  the box is one of two literals
        f" (SELECT count(*) FROM {box} b WHERE b.handler = d.handler AND b.status = 'pending'"
        "   AND b.id > d.id AND (b.aggregate = d.aggregate OR b.depends_on = d.aggregate))"
        f" AS held_up FROM {box} d WHERE status = 'dead' AND id = $1",
        letter_id,
    )
    if row is None:
        raise DeadLetterNotFound(box=box, id=letter_id)
    deeds = await db.fetch(
        "SELECT at, action, person, reason FROM dead_letter_action WHERE box = $1 AND row_id = $2 ORDER BY id",
        box,
        letter_id,
    )
    return _read(box, dict(row)), [Deed(**dict(deed)) for deed in deeds]


async def replay_dead_letter(db: Database, *, box: BoxName, letter_id: int, person: str, reason: str) -> None:
    """Let a dead letter try again from the beginning.

    Raises:
        DeadLetterNotFound: there is none of this number in this box.
        DeadLetterReasonMissing: no reason, or one of more than 500 characters.
    """
    await _act(db, box=box, letter_id=letter_id, action="replay", person=person, reason=reason)


async def skip_dead_letter(db: Database, *, box: BoxName, letter_id: int, person: str, reason: str) -> None:
    """Give a dead letter up, so that those behind it can go.

    Raises:
        DeadLetterNotFound: there is none of this number in this box.
        DeadLetterReasonMissing: no reason, or one of more than 500 characters.
    """
    await _act(db, box=box, letter_id=letter_id, action="skip", person=person, reason=reason)


async def _act(
    db: Database,
    *,
    box: BoxName,
    letter_id: int,
    action: Literal["replay", "skip"],
    person: str,
    reason: str,
) -> None:
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX:
        raise DeadLetterReasonMissing(characters_max=REASON_CHARACTERS_MAX)
    async with db.transaction() as tx:
        table = _BOXES[box]
        done = await (table.revive(tx, letter_id) if action == "replay" else table.skip(tx, letter_id))
        if not done:
            raise DeadLetterNotFound(box=box, id=letter_id)
        await tx.execute(
            "INSERT INTO dead_letter_action (at, box, row_id, action, person, reason) VALUES ($1, $2, $3, $4, $5, $6)",
            clock.now(),
            box,
            letter_id,
            action,
            person,
            reason,
        )
        tx.after_commit(wake)


def _read(box: str, row: dict[str, Any]) -> DeadLetter:
    row.pop("status")
    return DeadLetter(box="outbox" if box == "outbox" else "inbox", **row)
