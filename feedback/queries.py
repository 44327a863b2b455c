"""Reading cases: the patient's own, and those of offices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from feedback import errors
from feedback.deadlines import read_rule
from feedback.facts import Case, Event, Message, Office, WholeCase
from kernel import clock
from kernel.crypto import cipher
from kernel.db import Database, Row, Transaction, database
from patients.accounts import read_phone

MESSAGES_SHOWN_MAX: Final = 100
EVENTS_SHOWN_MAX: Final = 200

# The first thing due has passed: to be acknowledged, then to be answered.
OVERDUE: Final = (
    "(c.status IN ('submitted', 'transferred') AND c.acknowledge_by <= {now}"
    " OR c.status NOT IN ('answered', 'closed') AND c.answer_by <= {now})"
)
_CASE: Final = f"""
SELECT c.id, c.kind, c.category, c.status, c.anonymous, c.account_id, c.patient_id, c.appointment_id, c.campus_id,
       c.department_id, o.code, o.name_zh, o.name_en, c.acknowledge_by, c.answer_by, c.acknowledged_at, c.answered_at,
       c.reopened_at, c.closed_at, c.escalated_at, {OVERDUE.format(now="$1")} AS is_overdue,
       (c.status IN ('answered', 'closed') AND c.reopened_at IS NULL AND c.answered_at > $2) AS can_reopen,
       c.created_at, c.updated_at
FROM feedback_case c JOIN feedback_office o ON o.id = c.office_id
"""  # noqa: S608  our own constants


async def list_own(*, account_id: UUID, patient_id: UUID, before: UUID | None, limit: int) -> Sequence[Case]:
    """List what an account has filed for one of its members, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    db = database()
    rows = await db.fetch(
        f"{_CASE} WHERE c.account_id = $3 AND c.patient_id = $4 AND ($5::uuid IS NULL OR c.id < $5)"
        " ORDER BY c.id DESC LIMIT $6",
        *await _instants(db),
        account_id,
        patient_id,
        before,
        limit,
    )
    return [_case(row) for row in rows]


async def list_cases(
    *,
    office: str | None,
    status: str | None,
    kind: str | None,
    overdue_only: bool,
    after: UUID | None,
    limit: int,
) -> Sequence[Case]:
    """List cases for those who answer them, the oldest first.

    Raises:
        DatabaseUnavailable.
    """
    db = database()
    rows = await db.fetch(
        f"{_CASE} WHERE ($3::text IS NULL OR o.code = $3) AND ($4::text IS NULL OR c.status = $4)"
        f" AND ($5::text IS NULL OR c.kind = $5) AND (NOT $6 OR {OVERDUE.format(now='$1')})"
        " AND ($7::uuid IS NULL OR c.id > $7) ORDER BY c.id LIMIT $8",
        *await _instants(db),
        office,
        status,
        kind,
        overdue_only,
        after,
        limit,
    )
    return [_case(row) for row in rows]


async def get_own(case_id: UUID, *, account_id: UUID, patient_id: UUID) -> WholeCase:
    """Read what an account has filed for one of its members.

    Raises:
        CaseNotFound: absent, or another account's, or another member's.
        DatabaseUnavailable.
    """
    found = await get_case(case_id)
    if (found.case.account_id, found.case.patient_id) != (account_id, patient_id):
        raise errors.CaseNotFound
    return found


async def get_case(case_id: UUID) -> WholeCase:
    """Read a case with all that was said and done.

    Raises:
        CaseNotFound, DatabaseUnavailable.
    """
    db = database()
    row = await db.fetchrow(f"{_CASE} WHERE c.id = $3", *await _instants(db), case_id)
    if row is None:
        raise errors.CaseNotFound
    messages = await db.fetch(
        "SELECT m.id, m.at, m.author, m.staff_code, m.body_cipher, o.code, o.name_zh, o.name_en FROM feedback_message m"
        " LEFT JOIN feedback_office o ON o.id = m.office_id WHERE m.case_id = $1 ORDER BY m.id LIMIT $2",
        case_id,
        MESSAGES_SHOWN_MAX,
    )
    events = await db.fetch(
        "SELECT e.at, e.action, e.status, o.code AS office, e.staff_code, e.on_behalf_of, e.reason_cipher"
        " FROM feedback_event e JOIN feedback_office o ON o.id = e.office_id WHERE e.case_id = $1"
        " ORDER BY e.id LIMIT $2",
        case_id,
        EVENTS_SHOWN_MAX,
    )
    return WholeCase(_case(row), [_message(one) for one in messages], [_event(one) for one in events])


async def contact_of(case: Case) -> str | None:
    """Give the telephone number under which an office may call; none where the patient wants to be nobody.

    Raises:
        DatabaseUnavailable.
    """
    return None if case.anonymous else await read_phone(database(), case.account_id)


async def list_offices(db: Database | Transaction) -> Sequence[Office]:
    """List the offices in use.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT code, name_zh, name_en FROM feedback_office WHERE active ORDER BY id")
    return [Office(*row.values()) for row in rows]


async def count_waiting(db: Database) -> Sequence[tuple[str, int, int]]:
    """Count, by office, the cases that wait for it and those of them that are overdue.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT o.code, count(c.id) AS waiting,"  # noqa: S608  our own constants
        f" count(c.id) FILTER (WHERE {OVERDUE.format(now='$1')}) AS overdue"
        " FROM feedback_office o LEFT JOIN feedback_case c ON c.office_id = o.id"
        " AND c.status NOT IN ('answered', 'closed') WHERE o.active GROUP BY o.code ORDER BY o.code",
        clock.now(),
    )
    return [(row["code"], row["waiting"], row["overdue"]) for row in rows]


async def _instants(db: Database) -> tuple[datetime, datetime]:
    """Give now, and the instant since which an answer may still be contested."""
    now = clock.now()
    return now, now - timedelta(days=(await read_rule(db)).reopen_days)


def _case(row: Row) -> Case:
    values = dict(row)
    office = Office(values.pop("code"), values.pop("name_zh"), values.pop("name_en"))
    return Case(office=office, **values)


def _message(row: Row) -> Message:
    office = Office(row["code"], row["name_zh"], row["name_en"]) if row["code"] else None
    return Message(row["id"], row["at"], row["author"], office, row["staff_code"], cipher().open(row["body_cipher"]))


def _event(row: Row) -> Event:
    values = dict(row)
    reason = values.pop("reason_cipher")
    return Event(reason=None if reason is None else cipher().open(reason), **values)
