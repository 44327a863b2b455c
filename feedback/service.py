"""What patients tell the hospital, and how offices answer: filed, acknowledged, answered, reopened once, closed."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from booking.catalogue.calendar import load_calendar
from booking.catalogue.entries import share_lock
from booking.catalogue.errors import ReferenceUnknown
from booking.errors import AppointmentNotFound
from booking.queries import get_appointment
from feedback import cases, errors
from feedback.deadlines import end_of_workday, read_rule
from feedback.facts import WholeCase
from feedback.queries import OVERDUE, get_case, get_own
from feedback.states import CASE
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id, parse_id
from kernel.log import get_logger
from oauth.staff.people import holds_role

TRANSFERS_MAX: Final = 3
"""By offices themselves; then only one that oversees all says who has the case."""
BATCH_MAX: Final = 200
SYSTEM: Final = Actor(client_id="system:feedback", channel="system", kind="system")
_ACCOUNT_LOCK: Final = 415

Kind = Literal["complaint", "suggestion", "praise"]

log = get_logger("feedback")


@dataclass(frozen=True, slots=True)
class Author:
    """Who speaks: an account, for one of its members."""

    account_id: UUID
    patient_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is filed. The place is that of the visit where one is named, else what the patient chose, or none."""

    kind: Kind
    category: str
    text: str
    anonymous: bool = False
    appointment_id: UUID | None = None
    campus_id: UUID | None = None
    department_id: UUID | None = None


# --- the patient's side


async def submit_case(
    author: Author, wanted: Submission, *, actor: Actor, idempotency: Idempotency | None = None
) -> WholeCase:
    """File a complaint, a suggestion or praise; it goes to the office that its category and place belong to.

    Raises:
        VisitUnknown: the appointment is not this person's.
        ReferenceUnknown: there is no such campus or department.
        TooManyCases: the account has filed as many today as it may.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    campus_id, department_id = await _place(author, wanted, actor)
    async with database().transaction() as tx:
        case_id = await _replayed(tx, idempotency)
        if case_id is None:
            await _require_places(tx, campus_id, department_id)
            rule = await read_rule(tx)
            await _count_against_day(tx, author.account_id, limit=rule.cases_a_day, at=at)
            office_id = await _office_for(tx, wanted.category, campus_id=campus_id, department_id=department_id)
            calendar = await load_calendar(tx)
            row = await tx.fetchrow(
                "INSERT INTO feedback_case (id, kind, category, status, anonymous, account_id, patient_id,"
                " appointment_id, campus_id, department_id, office_id, acknowledge_by, answer_by, created_at,"
                " updated_at) VALUES ($1, $2, $3, 'submitted', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"
                " RETURNING *",
                new_id(),
                wanted.kind,
                wanted.category,
                wanted.anonymous,
                author.account_id,
                author.patient_id,
                wanted.appointment_id,
                campus_id,
                department_id,
                office_id,
                end_of_workday(calendar, after=at, workdays=rule.acknowledge_workdays),
                end_of_workday(calendar, after=at, workdays=rule.answer_workdays),
                at,
            )
            assert row is not None, "just written"
            case_id = row["id"]
            await cases.add_message(tx, row, wanted.text, author="patient", office_id=None, staff_code=None, at=at)
            await cases.record_event(
                tx, row["id"], "submitted", status="submitted", office_id=office_id, actor=actor, at=at
            )
            await _remember(tx, idempotency, row["id"])
    return await get_own(case_id, account_id=author.account_id, patient_id=author.patient_id)


async def add_to_case(
    case_id: UUID, author: Author, text: str, *, actor: Actor, idempotency: Idempotency | None = None
) -> WholeCase:
    """Let the patient say more, until the case is closed.

    Raises:
        CaseNotFound, CaseStatusConflict, ConversationFull, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case = await _lock_own(tx, case_id, author)
            if case["status"] == "closed":
                raise errors.CaseStatusConflict(current_status="closed")
            await cases.add_message(tx, case, text, author="patient", office_id=None, staff_code=None, at=at)
            await _note(tx, case, "message", status=case["status"], actor=actor, at=at)
            await tx.execute("UPDATE feedback_case SET updated_at = $2 WHERE id = $1", case_id, at)
            await _remember(tx, idempotency, case_id)
    return await get_own(case_id, account_id=author.account_id, patient_id=author.patient_id)


async def reopen_case(
    case_id: UUID, author: Author, reason: str, *, actor: Actor, idempotency: Idempotency | None = None
) -> WholeCase:
    """Let the patient say once that an answer does not do; the office answers anew, with a new deadline.

    Raises:
        CaseNotFound, CaseStatusConflict, ReopenedBefore, ReopenTimeOver, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case = await _lock_own(tx, case_id, author)
            if case["reopened_at"] is not None:
                raise errors.ReopenedBefore
            if not CASE.allows(case["status"], "reopened"):
                raise errors.CaseStatusConflict(current_status=case["status"])
            rule = await read_rule(tx)
            if case["answered_at"] <= at - timedelta(days=rule.reopen_days):
                raise errors.ReopenTimeOver(days=rule.reopen_days)
            answer_by = end_of_workday(await load_calendar(tx), after=at, workdays=rule.answer_workdays)
            values = {"reopened_at": at, "closed_at": None, "answer_by": answer_by, "escalated_at": None}
            await cases.move_case(tx, case, to="reopened", at=at, values=values)
            await _note(tx, case, "reopened", status="reopened", actor=actor, at=at, reason=reason)
            await _remember(tx, idempotency, case_id)
    return await get_own(case_id, account_id=author.account_id, patient_id=author.patient_id)


# --- the offices' side


async def acknowledge_case(case_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> WholeCase:
    """Take a case in hand: the patient sees that somebody has read it.

    Raises:
        CaseNotFound, CaseStatusConflict, NotOfTheOffice, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case, _ = await _lock_for_office(tx, case_id, actor)
            await cases.move_case(
                tx, case, to="acknowledged", at=at, values={"acknowledged_at": at, "escalated_at": None}
            )
            await _note(tx, case, "acknowledged", status="acknowledged", actor=actor, at=at)
            await cases.tell(tx, case, "feedback.acknowledged", at=at)
            await _remember(tx, idempotency, case_id)
    return await get_case(case_id)


async def answer_case(case_id: UUID, text: str, *, actor: Actor, idempotency: Idempotency | None = None) -> WholeCase:
    """Answer the patient; who answers at once has acknowledged by it.

    Raises:
        CaseNotFound, CaseStatusConflict, NotOfTheOffice, ConversationFull, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case, _ = await _lock_for_office(tx, case_id, actor)
            values = {"answered_at": at, "acknowledged_at": case["acknowledged_at"] or at}
            await cases.move_case(tx, case, to="answered", at=at, values=values)
            await cases.add_message(
                tx, case, text, author="office", office_id=case["office_id"], staff_code=actor.staff_code, at=at
            )
            await _note(tx, case, "answered", status="answered", actor=actor, at=at)
            await cases.tell(tx, case, "feedback.answered", at=at)
            await _remember(tx, idempotency, case_id)
    return await get_case(case_id)


async def transfer_case(
    case_id: UUID, *, office: str, reason: str, actor: Actor, idempotency: Idempotency | None = None
) -> WholeCase:
    """Pass a case on to the office it belongs to. The day by which the patient has an answer stays.

    Raises:
        CaseNotFound, CaseStatusConflict, NotOfTheOffice, OfficeUnknown, TransfersUsed.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case, oversees = await _lock_for_office(tx, case_id, actor)
            if not CASE.allows(case["status"], "transferred"):
                raise errors.CaseStatusConflict(current_status=case["status"])
            if case["transfers"] >= TRANSFERS_MAX and not oversees:
                raise errors.TransfersUsed(limit=TRANSFERS_MAX)
            new_office = await tx.fetchval(
                "SELECT id FROM feedback_office WHERE code = $1 AND active FOR SHARE", office
            )
            if new_office is None or new_office == case["office_id"]:
                raise errors.OfficeUnknown
            rule = await read_rule(tx)
            due = end_of_workday(await load_calendar(tx), after=at, workdays=rule.acknowledge_workdays)
            values = {
                "office_id": new_office,
                "acknowledge_by": due,
                "transfers": case["transfers"] + 1,
                # A deadline of the answer that has passed stays told.
                "escalated_at": case["escalated_at"] if case["answer_by"] <= at else None,
            }
            await cases.move_case(tx, case, to="transferred", at=at, values=values)
            await cases.record_event(
                tx, case_id, "transferred", status="transferred", office_id=new_office, actor=actor, at=at,
                reason=reason,
            )  # fmt: skip
            await cases.tell(tx, case, "feedback.transferred", at=at)
            await _remember(tx, idempotency, case_id)
    return await get_case(case_id)


async def close_case(case_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> WholeCase:
    """Close what has been answered; the patient can still reopen it once for a while.

    Raises:
        CaseNotFound, CaseStatusConflict, NotOfTheOffice, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if await _replayed(tx, idempotency) is None:
            case, _ = await _lock_for_office(tx, case_id, actor)
            await _close(tx, case, actor=actor, at=at)
            await _remember(tx, idempotency, case_id)
    return await get_case(case_id)


# --- by the clock


async def close_answered() -> int:
    """Close what was answered and not contested in the time for it, a bounded number at a time; give how many.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        since = at - timedelta(days=(await read_rule(tx)).reopen_days)
        rows = await tx.fetch(
            "SELECT * FROM feedback_case WHERE status = 'answered' AND answered_at <= $1 ORDER BY id LIMIT $2"
            " FOR UPDATE SKIP LOCKED",
            since,
            BATCH_MAX,
        )
        for case in rows:
            await _close(tx, case, actor=SYSTEM, at=at)
    return len(rows)


async def escalate_overdue() -> int:
    """Note, once for each deadline, that it has passed; the overseeing offices list what is overdue.

    Raises:
        DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        rows = await tx.fetch(
            f"SELECT c.* FROM feedback_case c WHERE c.escalated_at IS NULL AND {OVERDUE.format(now='$1')}"  # noqa: S608  our own constants
            " ORDER BY c.id LIMIT $2 FOR UPDATE SKIP LOCKED",
            at,
            BATCH_MAX,
        )
        for case in rows:
            await tx.execute("UPDATE feedback_case SET escalated_at = $2 WHERE id = $1", case["id"], at)
            await _note(tx, case, "escalated", status=case["status"], actor=SYSTEM, at=at)
    if rows:
        log.warning("feedback_overdue", count=len(rows))
    return len(rows)


# --- leaves


async def _place(author: Author, wanted: Submission, actor: Actor) -> tuple[UUID | None, UUID | None]:
    if wanted.appointment_id is None:
        return wanted.campus_id, wanted.department_id
    try:
        visit = await get_appointment(wanted.appointment_id, actor=actor)
    except AppointmentNotFound as error:
        raise errors.VisitUnknown from error
    if visit.patient_id != author.patient_id:
        raise errors.VisitUnknown
    return visit.campus_id, visit.department_id


async def _require_places(tx: Transaction, campus_id: UUID | None, department_id: UUID | None) -> None:
    for field, table, wanted in (("campus_id", "campus", campus_id), ("department_id", "department", department_id)):
        if wanted is not None and not await share_lock(tx, table, "id", wanted):
            raise ReferenceUnknown(field=field)


async def _count_against_day(tx: Transaction, account_id: UUID, *, limit: int, at: datetime) -> None:
    """Let an account file so many cases a day; two at once are counted one after the other.

    Raises:
        TooManyCases.
    """
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", str(account_id), _ACCOUNT_LOCK)
    today = clock.clinic_date(at)
    filed = await tx.fetchval(
        "SELECT count(*) FROM feedback_case WHERE account_id = $1 AND created_at >= $2",
        account_id,
        clock.clinic_instant(today, time()),
    )
    if filed >= limit:
        tomorrow = clock.clinic_instant(today + timedelta(days=1), time())
        raise errors.TooManyCases(limit=limit, retry_after_seconds=int((tomorrow - at).total_seconds()) + 1)


async def _office_for(tx: Transaction, category: str, *, campus_id: UUID | None, department_id: UUID | None) -> UUID:
    """Choose the office: the department's own for the category, or the campus's, or the hospital's."""
    office: UUID | None = await tx.fetchval(
        "SELECT r.office_id FROM feedback_route r WHERE r.category = $1"
        " AND (r.department_id = $3 OR r.department_id IS NULL) AND (r.campus_id = $2 OR r.campus_id IS NULL)"
        " ORDER BY r.department_id IS NULL, r.campus_id IS NULL LIMIT 1",
        category,
        campus_id,
        department_id,
    )
    assert office is not None, "each category keeps its hospital-wide route"
    return office


async def _lock_own(tx: Transaction, case_id: UUID, author: Author) -> Row:
    case = await cases.lock_case(tx, case_id)
    if (case["account_id"], case["patient_id"]) != (author.account_id, author.patient_id):
        raise errors.CaseNotFound
    return case


async def _lock_for_office(tx: Transaction, case_id: UUID, actor: Actor) -> tuple[Row, bool]:
    """Lock a case for a member of staff of its office; tell whether they oversee all.

    Raises:
        CaseNotFound, NotOfTheOffice.
    """
    case = await cases.lock_case(tx, case_id)
    # A delegate has what the one has whom they stand in for.
    staff_code = actor.on_behalf_of or actor.staff_code
    offices = await tx.fetch(
        "SELECT role, oversees FROM feedback_office WHERE active AND (oversees OR id = $1) ORDER BY oversees DESC, id",
        case["office_id"],
    )
    for office in offices:
        if staff_code is not None and await holds_role(
            tx,
            staff_code=staff_code,
            role=office["role"],
            campus_id=case["campus_id"],
            department_id=case["department_id"],
        ):
            return case, office["oversees"]
    raise errors.NotOfTheOffice


async def _close(tx: Transaction, case: Row, *, actor: Actor, at: datetime) -> None:
    await cases.move_case(tx, case, to="closed", at=at, values={"closed_at": at})
    await _note(tx, case, "closed", status="closed", actor=actor, at=at)
    await cases.tell(tx, case, "feedback.closed", at=at)


async def _note(
    tx: Transaction, case: Row, action: str, *, status: str, actor: Actor, at: datetime, reason: str | None = None
) -> None:
    await cases.record_event(
        tx, case["id"], action, status=status, office_id=case["office_id"], actor=actor, at=at, reason=reason
    )


async def _replayed(tx: Transaction, idempotency: Idempotency | None) -> UUID | None:
    """Give the case that this very request has changed before. Texts are never stored with the key."""
    stored: dict[str, Any] | None = await idempotency.replay(tx) if idempotency else None
    return None if stored is None else parse_id(stored["case_id"])


async def _remember(tx: Transaction, idempotency: Idempotency | None, case_id: UUID) -> None:
    if idempotency:
        await idempotency.remember(tx, {"case_id": str(case_id)})
