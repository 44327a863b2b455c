"""What is asked after a visit: data with versions. A version is never changed, only followed by another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from feedback import errors
from feedback.facts import Question
from kernel import clock
from kernel.audit import record_change
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency

OVERALL: Final = "overall"
MARK_MAX: Final = 5
_LOCK: Final = 416


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """The questions of one version; marks are one (bad) to five (good)."""

    version: int
    begins_at: datetime
    questions: Sequence[Question]

    def require_fit(self, marks: Mapping[str, int]) -> None:
        """Hold marks against the questions.

        Raises:
            MarksUnfit.
        """
        known = {question["code"] for question in self.questions}
        for code in sorted(marks.keys() - known):
            raise errors.MarksUnfit(field=code[:40])
        for question in self.questions:
            if question["required"] and question["code"] not in marks:
                raise errors.MarksUnfit(field=question["code"])


async def current_questionnaire(db: Database | Transaction) -> Questionnaire:
    """Give what is asked now.

    Raises:
        DatabaseUnavailable.
    """
    row = await db.fetchrow(
        "SELECT * FROM satisfaction_questionnaire WHERE begins_at <= $1 ORDER BY version DESC LIMIT 1", clock.now()
    )
    assert row is not None, "the migrations wrote the first one"
    return _shaped(row)


async def read_questionnaire(db: Database | Transaction, version: int) -> Questionnaire:
    """Give a version that is known to exist."""
    row = await db.fetchrow("SELECT * FROM satisfaction_questionnaire WHERE version = $1", version)
    assert row is not None, "ratings refer to it"
    return _shaped(row)


async def list_questionnaires(*, before: int | None, limit: int) -> Sequence[Questionnaire]:
    """List the versions, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT * FROM satisfaction_questionnaire WHERE ($1::int IS NULL OR version < $1)"
        " ORDER BY version DESC LIMIT $2",
        before,
        limit,
    )
    return [_shaped(row) for row in rows]


async def add_questionnaire(
    *,
    begins_at: datetime,
    questions: Sequence[Question],
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:
    """Add the questions that are asked from an instant on.

    Raises:
        QuestionnaireUnfit: they do not begin later than now and than the version before, name one twice, or do not
            hold `overall` as required.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    codes = [question["code"] for question in questions]
    if len(set(codes)) != len(codes) or not any(q["code"] == OVERALL and q["required"] for q in questions):
        raise errors.QuestionnaireUnfit(field="questions")
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        last = await tx.fetchrow(
            "SELECT version, begins_at >= $1 AS is_late FROM satisfaction_questionnaire ORDER BY version DESC LIMIT 1",
            begins_at,
        )
        if begins_at < at or (last is not None and last["is_late"]):
            raise errors.QuestionnaireUnfit(field="begins_at")
        version = 1 + (last["version"] if last else 0)
        await tx.execute(
            "INSERT INTO satisfaction_questionnaire (version, begins_at, questions, created_at)"
            " VALUES ($1, $2, $3, $4)",
            version,
            begins_at,
            list(questions),
            at,
        )
        answer = {"version": version, "begins_at": begins_at.isoformat(), "questions": list(questions)}
        await record_change(
            tx,
            entity="satisfaction_questionnaire",
            entity_id=str(version),
            action="created",
            before=None,
            after=answer,
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


def _shaped(row: Row) -> Questionnaire:
    return Questionnaire(row["version"], row["begins_at"], row["questions"])
