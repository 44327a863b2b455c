"""The statements that write a case: each step is conditional on the status it starts from, and leaves an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from feedback import errors
from feedback.ports import Occasion, herald
from feedback.states import CASE
from kernel.crypto import cipher
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id

PATIENT_MESSAGES_MAX: Final = 20
OFFICE_MESSAGES_MAX: Final = 40
_SET: Final = frozenset(
    {"office_id", "acknowledge_by", "answer_by", "acknowledged_at", "answered_at", "reopened_at", "closed_at",
     "escalated_at", "transfers"}
)  # fmt: skip


async def lock_case(tx: Transaction, case_id: UUID) -> Row:
    """Keep a case from changing until this transaction ends.

    Raises:
        CaseNotFound.
    """
    row = await tx.fetchrow("SELECT * FROM feedback_case WHERE id = $1 FOR UPDATE", case_id)
    if row is None:
        raise errors.CaseNotFound
    return row


async def move_case(
    tx: Transaction, case: Row, *, to: str, at: datetime, values: Mapping[str, object] | None = None
) -> None:
    """Take a step that the table allows; `values` are the columns that change with it.

    Raises:
        CaseStatusConflict.
    """
    if not CASE.allows(case["status"], to):
        raise errors.CaseStatusConflict(current_status=case["status"])
    changes = dict(values or {})
    assert changes.keys() <= _SET, "columns of ours alone"
    columns = "".join(f", {name} = ${number}" for number, name in enumerate(changes, start=5))
    moved = await tx.execute(
        f"UPDATE feedback_case SET status = $3, updated_at = $4, version = version + 1{columns}"  # noqa: S608  see _SET
        " WHERE id = $1 AND status = $2",
        case["id"],
        case["status"],
        to,
        at,
        *changes.values(),
    )
    assert moved == 1, "the row is locked"


async def add_message(
    tx: Transaction, case: Row, text: str, *, author: str, office_id: UUID | None, staff_code: str | None, at: datetime
) -> None:
    """Add to the conversation. The case must be locked.

    Raises:
        ConversationFull.
    """
    limit = PATIENT_MESSAGES_MAX if author == "patient" else OFFICE_MESSAGES_MAX
    said = await tx.fetchval(
        "SELECT count(*) FROM feedback_message WHERE case_id = $1 AND author = $2", case["id"], author
    )
    if said >= limit:
        raise errors.ConversationFull(limit=limit)
    await tx.execute(
        "INSERT INTO feedback_message (id, case_id, at, author, office_id, staff_code, body_cipher)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new_id(),
        case["id"],
        at,
        author,
        office_id,
        staff_code,
        cipher().seal(text),
    )


async def record_event(
    tx: Transaction,
    case_id: UUID,
    action: str,
    *,
    status: str,
    office_id: UUID,
    actor: Actor,
    at: datetime,
    reason: str | None = None,
) -> None:
    """Append who did what."""
    await tx.execute(
        "INSERT INTO feedback_event (case_id, at, action, status, office_id, client_id, staff_code, on_behalf_of,"
        " request_id, reason_cipher) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        case_id,
        at,
        action,
        status,
        office_id,
        actor.client_id,
        actor.staff_code,
        actor.on_behalf_of,
        actor.request_id,
        None if reason is None else cipher().seal(reason),
    )


async def tell(tx: Transaction, case: Row, occasion: Occasion, *, at: datetime) -> None:
    """Have the account told, where somebody tells people."""
    found = herald()
    if found is not None:
        await found.tell(
            tx,
            occasion,
            case_id=case["id"],
            account_id=case["account_id"],
            patient_id=case["patient_id"],
            at=at,
        )
