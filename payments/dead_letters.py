"""What payments could not take in or tell, and a person may have tried again: notifications, events and receipts.

A step that failed is no letter here: the rows themselves say when a step is due again.
"""

import re
from datetime import datetime
from typing import Final, Literal, NamedTuple, cast

from kernel.audit import record_change
from kernel.db import Reader, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.outbox import OUTBOX, wake
from payments import errors
from payments.events import EVENTS_HANDLER, HANDLER
from payments.inbox import revive_notification
from payments.receipts.service import HANDLER as RECEIPTS_HANDLER

HANDLERS: Final = (HANDLER, EVENTS_HANDLER, RECEIPTS_HANDLER)
BoxName = Literal["notification", "letter"]


class DeadLetter(NamedTuple):
    """Something that waits for a person.

    kind: what a channel told (`TRANSACTION.SUCCESS`), or what a letter is about (`event.tell`).
    subject: a channel's own number of the notification, or which order or receipt a letter is about.
    fault: a name of an error, never its text.
    """

    box: BoxName
    id: int
    kind: str
    subject: str
    since: datetime
    tries: int
    fault: str | None

    @property
    def name(self) -> str:
        """By which a person names it: `notification-12`, `letter-7`."""
        return f"{self.box}-{self.id}"


_NAME: Final = re.compile(r"(notification|letter)-([1-9][0-9]{0,17})")
_LIST: Final = """
SELECT box, id, kind, subject, since, tries, fault FROM (
    SELECT 'notification' AS box, id, event_type AS kind, event_id AS subject, received_at AS since, tries,
           outcome AS fault
    FROM payment_notification WHERE status = 'dead'
    UNION ALL
    SELECT 'letter', id, event_type, aggregate, created_at, attempts, last_error
    FROM outbox WHERE status = 'dead' AND handler = ANY ($1)) dead
WHERE ($2::text IS NULL OR (box, id) > ($2::text, $3::bigint)) ORDER BY box, id LIMIT $4
"""


def read_name(name: str) -> tuple[BoxName, int]:
    """Read a name as `DeadLetter.name` gives it.

    Raises:
        DeadLetterNotFound: nothing is named so.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise errors.DeadLetterNotFound
    return cast(BoxName, found[1]), int(found[2])


async def list_dead_letters(db: Reader, *, after: tuple[BoxName, int] | None, limit: int) -> list[DeadLetter]:
    """List what waits for a person, letters before notifications, each the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    box, number = after or (None, None)
    rows = await db.fetch(_LIST, list(HANDLERS), box, number, limit)
    return [DeadLetter(*row.values()) for row in rows]


async def revive_dead_letter(
    name: tuple[BoxName, int], *, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> None:
    """Have something dead tried again from the beginning, once its cause is mended.

    Raises:
        StaffRequired: nobody is named.
        DeadLetterNotFound: nothing dead has this number.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    box, letter_id = name
    if actor.staff_code is None:
        raise errors.StaffRequired
    async with database().transaction() as tx:
        if idempotency and await idempotency.replay(tx):
            return
        revived = (
            await revive_notification(tx, letter_id, reason=reason, actor=actor)
            if box == "notification"
            else await _revive_letter(tx, letter_id, reason=reason, actor=actor)
        )
        if not revived:
            raise errors.DeadLetterNotFound
        if idempotency:
            await idempotency.remember(tx, {"box": box, "id": letter_id})


async def _revive_letter(tx: Transaction, letter_id: int, *, reason: str, actor: Actor) -> bool:
    """Revive a letter of payments; another feature's is not there."""
    is_ours = await tx.fetchval("SELECT true FROM outbox WHERE id = $1 AND handler = ANY ($2)", letter_id, HANDLERS)
    if not is_ours or not await OUTBOX.revive(tx, letter_id):
        return False
    await record_change(
        tx,
        entity="payment_letter",
        entity_id=str(letter_id),
        action="updated",
        before={"status": "dead"},
        after={"status": "pending", "reason": reason},
        actor=actor,
    )
    tx.after_commit(wake)
    return True
