"""The inbox: what the HIS has told us, kept until a feature has applied it.

A message is acknowledged when its row is committed. The pair (source, control id) is stored once; a
repeat is answered as the first one was and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from integration.his.port import InboundChange, InboundKind
from integration.his.stored_facts import dump_facts, load_facts
from kernel import clock
from kernel.boxes import ERROR_CHARACTERS_MAX
from kernel.crypto import FieldCipher
from kernel.db import Database, Row, Transaction
from kernel.outbox import wake

HANDLER: Final = "his"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the HIS is told about its message: taken, or refused with a code and a sentence.

    `note` goes with an acceptance: the platform's own id of what came of it, or `accepted=later`.
    """

    accepted: bool
    note: str = ""
    code: str = ""
    sentence: str = ""

    def to_json(self) -> dict[str, object]:
        """As it is stored beside the message."""
        return {
            "accepted": self.accepted,
            "note": self.note,
            "code": self.code,
            "sentence": self.sentence,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Answer":
        """Read a stored answer back."""
        return cls(**stored)


TAKEN: Final = Answer(accepted=True)
TAKEN_FOR_LATER: Final = Answer(accepted=True, note="accepted=later")


async def find_answer(db: Database, *, source: str, control_id: str) -> Answer | None:
    """Give what an earlier message with this control id was answered, or None when it is new."""
    stored = await db.fetchval(
        "SELECT answer FROM inbox WHERE source = $1 AND control_id = $2 AND part = 0",
        source,
        control_id,
    )
    return Answer.from_json(stored) if stored is not None else None


async def store_changes(
    tx: Transaction,
    changes: Sequence[InboundChange],
    answer: Answer,
    *,
    cipher: FieldCipher,
    finished: bool = False,
    note: str | None = None,
) -> list[int]:
    """Keep the changes of one message with its answer; gives the numbers of the new rows.

    Rows that are already there (another connection was faster) are left alone and not in the answer.
    `finished` is for what has been decided in this very transaction.
    """
    now = clock.machine_now()
    ids = []
    for part, change in enumerate(changes):
        row_id = await tx.fetchval(
            "INSERT INTO inbox (handler, source, control_id, part, event_type, aggregate,"
            " depends_on, occurred_at, facts_cipher, answer, created_at, due_at, status,"
            " last_error, finished_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14)"
            " ON CONFLICT (source, control_id, part) DO NOTHING RETURNING id",
            HANDLER,
            change.source,
            change.control_id,
            part,
            change.kind.value,
            change.aggregate,
            change.depends_on,
            change.occurred_at,
            cipher.seal(dump_facts(change.facts)),
            answer.to_json(),
            now,
            "done" if finished else "pending",
            note[:ERROR_CHARACTERS_MAX] if note else None,
            now if finished else None,
        )
        if row_id is not None:
            ids.append(int(row_id))
    if ids and not finished:
        tx.after_commit(wake)
    return ids


def read_change(row: Row, *, cipher: FieldCipher) -> InboundChange:
    """Open a stored row.

    Raises:
        FactsUnreadable: it was written by a release that wrote other facts.
    """
    return InboundChange(
        kind=InboundKind(row["event_type"]),
        source=row["source"],
        control_id=row["control_id"],
        aggregate=row["aggregate"],
        depends_on=row["depends_on"],
        occurred_at=row["occurred_at"],
        facts=load_facts(cipher.open(row["facts_cipher"])),
    )
